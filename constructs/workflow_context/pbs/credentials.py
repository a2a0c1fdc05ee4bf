"""Who a head job is for AWS: from its task role, its environment or its machine."""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.request
from dataclasses import dataclass

_CONTAINERS = "http://169.254.170.2"
_MACHINE = "http://169.254.169.254"
_TIMEOUT_SECONDS = 5.0
_PAUSES = (0.5, 1.0, 2.0, 4.0)  # many tasks of a machine may ask for credentials at the same time


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
        OSError: There are none, or what provides them gave no usable answer.
    """
    if os.environ.get("AWS_ACCESS_KEY_ID"):
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        return Credentials(*(os.environ.get(name, "") for name in names))
    container = container_endpoint()
    if container:
        return _parse(_of_container(*container))
    machine = os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", _MACHINE).rstrip("/") + "/latest"
    token = _get(f"{machine}/api/token", {"X-aws-ec2-metadata-token-ttl-seconds": "300"}, "PUT").decode()
    headers = {"X-aws-ec2-metadata-token": token}
    place = f"{machine}/meta-data/iam/security-credentials/"
    role = _get(place, headers).decode().split("\n")[0]
    return _parse(_get(place + role, headers))


def container_endpoint() -> tuple[str, str] | None:
    """Where the credentials of the task role are: the address, and the token that it asks for; None where none are."""
    relative = os.environ.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
    address = _CONTAINERS + relative if relative else os.environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI")
    return (address, os.environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", "")) if address else None


def for_sdk(address: str, token: str = "") -> str:
    """The credentials of a task role, as AWS SDKs take them from a `credential_process`.

    https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html

    Args:
        address: Where they are.
        token: The token that the address asks for. Default: none.

    Raises:
        OSError: No usable answer.
    """
    content = _of_container(address, token)
    found = _parse(content)
    return json.dumps(
        {
            "Version": 1,
            "AccessKeyId": found.key,
            "SecretAccessKey": found.secret,
            "SessionToken": found.token,
            "Expiration": json.loads(content).get("Expiration"),
        }
    )


def _of_container(address: str, token: str) -> bytes:
    return _get(address, {"Authorization": token} if token else {})


def _parse(content: bytes) -> Credentials:
    try:
        found = json.loads(content)
        return Credentials(*(str(found[name]) for name in ("AccessKeyId", "SecretAccessKey", "Token")))
    except (ValueError, KeyError, TypeError) as error:
        raise OSError(f"the credentials endpoint answered without credentials: {error}") from error


def _get(address: str, headers: dict[str, str], method: str = "GET") -> bytes:
    for pause in _PAUSES:
        try:
            return _request(address, headers, method)
        except urllib.error.HTTPError as error:
            if error.code != 429 and error.code < 500:
                raise
        except OSError:  # no connection, or no answer in time
            pass
        time.sleep(pause)
    return _request(address, headers, method)


def _request(address: str, headers: dict[str, str], method: str) -> bytes:
    request = urllib.request.Request(address, headers=headers, method=method)  # noqa: S310  http
    # These addresses are of this machine: no proxy may be asked for them.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=_TIMEOUT_SECONDS) as response:
        content: bytes = response.read()
    return content
