"""The addresses that give credentials: that of ECS for a job with a role, and that of EC2 for its machine.

Each job has addresses of its own, which nobody guesses.
"""

import hmac
import json
from collections.abc import Mapping
from uuid import uuid4

from .credentials import MAX_TOKEN_SECONDS, Credentials, Grant, as_json
from .denials import Answer
from .principals import Principal

CONTAINER = "/_credentials/"
MACHINE = "/_machine/"
_ROLES = "/latest/meta-data/iam/security-credentials/"
_TEXT = (("content-type", "text/plain"),)


def container_path(grant: Grant) -> str:
    """Where a job gets the credentials of its role."""
    return f"{CONTAINER}{grant.id}"


def machine_path(grant: Grant) -> str:
    """Where a job finds the metadata of its machine: the address before `/latest`."""
    return f"{MACHINE}{grant.id}"


def credentials_answer(credentials: Credentials, method: str, path: str, headers: Mapping[str, str]) -> Answer | None:
    """The answer to a request for credentials; None when it is another request."""
    if path.startswith(CONTAINER):
        return _container(credentials, method, path.removeprefix(CONTAINER), headers)
    if path.startswith(MACHINE):
        id_, _, rest = path.removeprefix(MACHINE).partition("/")
        grant = credentials.find(id_)
        return _machine(credentials, grant, method, f"/{rest}", headers) if grant else _not_found()
    return None


def caller_identity(principal: Principal) -> Answer:
    """The answer of STS to a job that asks who it is: https://docs.aws.amazon.com/STS/latest/APIReference."""
    result = (
        f"<Arn>{principal.arn}</Arn><UserId>{principal.role_name}:{principal.session}</UserId>"
        f"<Account>{principal.account}</Account>"
    )
    body = (
        '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
        f"<GetCallerIdentityResult>{result}</GetCallerIdentityResult>"
        f"<ResponseMetadata><RequestId>{uuid4()}</RequestId></ResponseMetadata></GetCallerIdentityResponse>"
    )
    return Answer(200, (("content-type", "text/xml"),), body.encode())


def _container(credentials: Credentials, method: str, id_: str, headers: Mapping[str, str]) -> Answer:
    grant = credentials.find(id_)
    if grant is None or method != "GET":
        return _error(404, "CredentialNotFound", "No credentials were found for the task")
    if not hmac.compare_digest(headers.get("authorization", "").encode(), grant.token.encode()):
        return _error(401, "InvalidAuthorizationToken", "The authorization token is missing or wrong")
    content = {"RoleArn": grant.principal.role_arn, **as_json(credentials.current(grant))}
    return Answer(200, (("content-type", "application/json"),), json.dumps(content).encode())


def _machine(credentials: Credentials, grant: Grant, method: str, path: str, headers: Mapping[str, str]) -> Answer:
    """IMDSv2: a token by PUT, and everything else with it."""
    if path == "/latest/api/token":
        seconds = headers.get("x-aws-ec2-metadata-token-ttl-seconds", "")
        # One that came through a proxy is refused: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/imds.
        if method != "PUT" or "x-forwarded-for" in headers:
            return Answer(403, _TEXT, b"")
        if not seconds.isdecimal() or not 1 <= int(seconds) <= MAX_TOKEN_SECONDS:
            return Answer(400, _TEXT, b"")
        token = credentials.new_token(grant, int(seconds))
        return Answer(200, (*_TEXT, ("x-aws-ec2-metadata-token-ttl-seconds", seconds)), token.encode())
    if not credentials.has_token(grant, headers.get("x-aws-ec2-metadata-token", "")):
        return Answer(401, _TEXT, b"")
    role = grant.principal.role_name
    if path.rstrip("/") == _ROLES.rstrip("/"):
        return Answer(200, _TEXT, role.encode())
    if path == f"{_ROLES}{role}":
        keys = as_json(credentials.current(grant))
        content = {"Code": "Success", "Type": "AWS-HMAC", "LastUpdated": keys["Expiration"], **keys}
        return Answer(200, _TEXT, json.dumps(content).encode())
    if path == "/latest/meta-data/instance-id":
        return Answer(200, _TEXT, grant.principal.session.encode())
    return _not_found()


def _error(status: int, code: str, message: str) -> Answer:
    content = {"code": code, "message": message, "HTTPErrorCode": status}
    return Answer(status, (("content-type", "application/json"),), json.dumps(content).encode())


def _not_found() -> Answer:
    return Answer(404, _TEXT, b"")
