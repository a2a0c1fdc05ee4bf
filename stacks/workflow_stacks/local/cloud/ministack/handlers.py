"""What handlers of CloudFormation types take and give."""

from http import HTTPStatus
from typing import Any

from ministack.core.responses import get_account_id, get_region

Properties = dict[str, Any]
Created = tuple[str, Properties]


def arn(service: str, resource: str) -> str:
    """An ARN in the account and region of the request."""
    return f"arn:aws:{service}:{get_region()}:{get_account_id()}:{resource}"


def accepted(answer: tuple[int, Any, bytes], message: str = "") -> bytes:
    """The body of what a service answered.

    Args:
        answer: Status, headers and body.
        message: What to say before its own words when it refuses.

    Raises:
        ValueError: It refuses.
    """
    status, _, body = answer
    if status >= HTTPStatus.BAD_REQUEST:
        raise ValueError(message + body.decode())
    return body
