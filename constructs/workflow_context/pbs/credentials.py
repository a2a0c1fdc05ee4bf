"""Who a head job is for AWS: from its task role, its environment or its machine."""

from __future__ import annotations

import json
import os
import urllib.request
from dataclasses import dataclass

_CONTAINERS = "http://169.254.170.2"
_MACHINE = "http://169.254.169.254/latest"
_SECONDS = 5.0


@dataclass(frozen=True)
class Credentials:
    """Credentials of AWS.

    Attributes:
        key: The access key id.
        secret: The secret access key.
        token: The session token, or nothing.
    """

    key: str
    secret: str
    token: str


def find_credentials() -> Credentials:
    """Find the credentials, in the order of the AWS SDKs: environment, container, machine.

    Raises:
        OSError: There are none.
    """
    if os.environ.get("AWS_ACCESS_KEY_ID"):
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        return Credentials(*(os.environ.get(name, "") for name in names))
    relative = os.environ.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
    if relative:
        return _parse(_get(_CONTAINERS + relative, {}))
    token = _get(f"{_MACHINE}/api/token", {"X-aws-ec2-metadata-token-ttl-seconds": "300"}, "PUT").decode()
    headers = {"X-aws-ec2-metadata-token": token}
    place = f"{_MACHINE}/meta-data/iam/security-credentials/"
    role = _get(place, headers).decode().split("\n")[0]
    return _parse(_get(place + role, headers))


def _parse(content: bytes) -> Credentials:
    found = json.loads(content)
    return Credentials(found["AccessKeyId"], found["SecretAccessKey"], found["Token"])


def _get(address: str, headers: dict[str, str], method: str = "GET") -> bytes:
    request = urllib.request.Request(address, headers=headers, method=method)  # noqa: S310  http
    # These addresses are of this machine: no proxy may be asked for them.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=_SECONDS) as answer:
        content: bytes = answer.read()
    return content
