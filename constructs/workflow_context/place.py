"""Where a stack is deployed, for the ARNs of resources beside it."""

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import aws_cdk as cdk
from constructs import IConstruct

REGION = cdk.Aws.REGION
"""The Region as a template says it, whether it is known or not; asked for once."""

_known: "WeakKeyDictionary[IConstruct, Place]" = WeakKeyDictionary()


@dataclass(frozen=True)
class Place:
    """The partition, the region and the account of a stack.

    It is asked for once: each question is a call to Node.js, and the policies of a context name many resources.

    Attributes:
        partition: `aws`, or a token.
        region: `us-east-1`, or a token.
        account: `123456789012`, or a token.
    """

    partition: str
    region: str
    account: str

    @staticmethod
    def of(scope: IConstruct) -> "Place":
        """The place of the stack that a construct is in.

        Args:
            scope: The construct.
        """
        if scope not in _known:
            stack = cdk.Stack.of(scope)
            if stack not in _known:
                _known[stack] = Place(stack.partition, stack.region, stack.account)
            _known[scope] = _known[stack]
        return _known[scope]

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a resource there.

        Args:
            service: The service, as ARNs name it: `batch`.
            resource: The resource, with its kind: `job-queue/heads`.
        """
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"
