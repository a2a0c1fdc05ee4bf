"""Who may speak to the service on this machine: the holder of its token, and no page of a browser."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from urllib.parse import urlsplit

from .model import WesError

HOSTS = ("127.0.0.1", "localhost")
"""The names under which a service on this machine is reached. A page of another name that an attacker points here (DNS
rebinding) has its own."""


def check_access(headers: Mapping[str, str], token: str | None) -> None:
    """Let a request pass, or refuse it.

    Args:
        headers: The headers of the request, with names in lower case.
        token: The token of the service; None when it has none.

    Raises:
        WesError: The request is for another host, comes from a page, or does not have the token.
    """
    host = headers.get("host", "")
    if _host_of(f"//{host}") not in HOSTS:
        raise WesError(403, f"this service is for {' and '.join(HOSTS)} alone, and was asked as {host[:200]!r}")
    origin, site = headers.get("origin"), headers.get("sec-fetch-site", "none")
    if origin is not None or site not in ("none", "same-origin"):
        raise WesError(403, "this service does not answer pages of a browser")
    if token is not None and not hmac.compare_digest(_given(headers.get("authorization", "")), token.encode()):
        raise WesError(
            401,
            "the token of this service is needed, as it was printed when the service was started: "
            "'Authorization: Bearer TOKEN', or as the password of Basic authentication",
        )


def _host_of(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None


def _given(authorization: str) -> bytes:
    scheme, _, value = authorization.strip().partition(" ")
    if scheme.lower() == "bearer":
        return value.strip().encode()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value.strip(), validate=True).partition(b":")[2]
        except (binascii.Error, ValueError):
            return b""
    return b""
