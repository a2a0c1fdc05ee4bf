"""What an organization asks of every IAM role: a permissions boundary, and a path."""

import aws_cdk as cdk
import jsii
from aws_cdk import aws_iam as iam
from constructs import IConstruct


def bound_roles(stack: cdk.Stack, policy_arn: str) -> None:
    """Bound every role of a stack by a managed policy.

    Args:
        stack: The stack.
        policy_arn: ARN of the policy.
    """
    boundary = iam.ManagedPolicy.from_managed_policy_arn(stack, "PermissionsBoundary", policy_arn)
    iam.PermissionsBoundary.of(stack).apply(boundary)


def place_roles(stack: cdk.Stack, path: str) -> None:
    """Put every role of a stack below a path, such as `/genomics/`. Changing it replaces the roles."""
    cdk.Aspects.of(stack).add(_RolePath(path), priority=cdk.AspectPriority.MUTATING)


@jsii.implements(cdk.IAspect)
class _RolePath:
    def __init__(self, path: str) -> None:
        self._path = path

    def visit(self, node: IConstruct) -> None:
        if isinstance(node, iam.CfnRole):
            node.path = self._path
