"""AWS's answers to whoever may not: in the protocol of each service, with its codes and words."""

import json
from dataclasses import dataclass
from uuid import uuid4
from xml.sax.saxutils import escape

from .evaluation import Decision
from .principals import Principal
from .request import Call

_XML = '<?xml version="1.0" encoding="UTF-8"?>\n'


@dataclass(frozen=True)
class Answer:
    """An answer over HTTP."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def denied(service: str, method: str, principal: Principal, call: Call, decision: Decision) -> Answer:
    """The call is not allowed."""
    resource = f'"{call.resource}"' if service == "s3" else call.resource
    message = f"User: {principal.arn} is not authorized to perform: {call.action} on resource: {resource} "
    return refusal(service, method, "AccessDenied", message + decision.because)


def unknown_operation(service: str, method: str, principal: Principal, operation: str) -> Answer:
    """The local cloud does not know which rights the operation needs."""
    message = (
        f"User: {principal.arn} is not authorized to perform: {service}:{operation}. "
        "The local cloud does not know which permissions this operation needs, and refuses it to jobs"
    )
    return refusal(service, method, "AccessDenied", message)


def invalid_key(service: str, method: str, *, expired: bool = False) -> Answer:
    """Nobody has the access key of the request, or it expired."""
    if service == "s3":
        code, message = "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records."
        if expired:
            code, message = "ExpiredToken", "The provided token has expired."
    elif expired:
        code, message = "ExpiredTokenException", "The security token included in the request is expired"
    else:
        code = "InvalidClientTokenId" if service in _QUERY else "UnrecognizedClientException"
        message = "The security token included in the request is invalid."
    return refusal(service, method, code, message)


def missing_key(service: str, method: str) -> Answer:
    """The request is not signed."""
    if service == "s3":
        return refusal(service, method, "AccessDenied", "Access Denied")
    code = "MissingAuthenticationToken" if service in _QUERY else "MissingAuthenticationTokenException"
    return refusal(service, method, code, "Missing Authentication Token")


_QUERY = frozenset({"autoscaling", "cloudformation", "ec2", "iam", "monitoring", "sns", "sqs", "sts"})
_EC2_CODES = {"AccessDenied": "UnauthorizedOperation", "InvalidClientTokenId": "AuthFailure"}


def refusal(service: str, method: str, code: str, message: str) -> Answer:
    """A refusal in the protocol of a service."""
    id_ = str(uuid4())
    if method == "HEAD":  # such an answer has no body, so the client sees the status only
        return Answer(403, (("x-amz-request-id", id_), ("content-type", "application/xml")), b"")
    text = escape(message)
    if service == "s3":
        body = f"{_XML}<Error><Code>{code}</Code><Message>{text}</Message><RequestId>{id_}</RequestId></Error>"
        return Answer(403, (("x-amz-request-id", id_), ("content-type", "application/xml")), body.encode())
    if service == "ec2":
        error = f"<Error><Code>{_EC2_CODES.get(code, code)}</Code><Message>{text}</Message></Error>"
        body = f"{_XML}<Response><Errors>{error}</Errors><RequestID>{id_}</RequestID></Response>"
        return Answer(403, (("content-type", "text/xml;charset=UTF-8"),), body.encode())
    if service in _QUERY:
        if service == "sns" and code == "AccessDenied":
            code = "AuthorizationError"
        error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{text}</Message></Error>"
        body = f"<ErrorResponse>{error}<RequestId>{id_}</RequestId></ErrorResponse>"
        return Answer(403, (("x-amzn-requestid", id_), ("content-type", "text/xml")), body.encode())
    if code == "AccessDenied":
        code = "AccessDeniedException"
    headers = (("x-amzn-requestid", id_), ("content-type", "application/json"), ("x-amzn-errortype", code))
    # Batch and EFS, as REST services, answer 403; those of JSON 1.1 answer 400.
    status = 403 if service in ("batch", "elasticfilesystem", "s3files", "scheduler") else 400
    return Answer(status, headers, json.dumps({"__type": code, "message": message}).encode())
