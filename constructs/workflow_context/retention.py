"""What happens to data when the resource that holds it is replaced or deleted."""

import aws_cdk as cdk
from constructs import IConstruct


def keep_when_replaced(construct: IConstruct) -> None:
    """Let the data of a resource stay when an update replaces the resource, whatever its removal policy is.

    The removal policy says what becomes of it when its stack goes, or when it leaves the template.

    Args:
        construct: An L1 resource, or an L2 with one.
    """
    resource = construct if isinstance(construct, cdk.CfnResource) else construct.node.default_child
    assert isinstance(resource, cdk.CfnResource)  # noqa: S101  for the type checker
    resource.add_override("UpdateReplacePolicy", "Retain")  # one call to Node.js; by its options it would be two
