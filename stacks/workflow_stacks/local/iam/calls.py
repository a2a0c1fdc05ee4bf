"""What a request asks of IAM, whatever service it is for."""

from collections.abc import Callable, Iterator

from .batch_calls import batch_calls
from .deployed import Deployed
from .other_calls import efs_calls, json_calls, query_calls
from .request import Call, Request, UnknownOperationError
from .role_calls import iam_calls
from .s3_calls import s3_calls

Calls = Callable[[Request, Deployed], Iterator[Call]]

SERVICES: dict[str, Calls] = {
    "autoscaling": query_calls,
    "batch": batch_calls,
    "cloudformation": query_calls,
    "ec2": query_calls,
    "ecr": json_calls,
    "ecs": json_calls,
    "elasticfilesystem": efs_calls,
    "iam": iam_calls,
    "kms": json_calls,
    "logs": json_calls,
    "s3": s3_calls,
    "secretsmanager": json_calls,
    "sns": query_calls,
    "ssm": json_calls,
    "sts": query_calls,
}
"""The services that a job may call, by the prefix of their actions."""


def calls_of(request: Request, deployed: Deployed) -> list[Call]:
    """The actions on resources that must all be allowed.

    Raises:
        UnknownOperationError: It is none of the operations that are known here, so it is refused.
    """
    find = SERVICES.get(request.service)
    if find is None:
        raise UnknownOperationError
    return list(find(request, deployed))
