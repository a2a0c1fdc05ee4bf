"""AWS Batch by signed HTTPS requests: no library is needed."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import os
import random
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from .credentials import Credentials, find_credentials
from .script import PbsError

Record = dict[str, Any]

_JSON = {"content-type": "application/json"}
_TRIES = 9
_MAX_PAUSE = 20.0
_SECONDS = 60.0
_TOO_FAST = frozenset({"TooManyRequestsException", "ThrottlingException", "Throttling", "RequestLimitExceeded"})
_EXPIRED = frozenset({"ExpiredTokenException", "ExpiredToken"})
# What a response must hold: one without it is no answer of AWS Batch.
_RESPONSES: dict[str, tuple[str, type]] = {
    "SubmitJob": ("jobId", str),
    "DescribeJobs": ("jobs", list),
    "ListJobs": ("jobSummaryList", list),
    "DescribeJobDefinitions": ("jobDefinitions", list),
    "RegisterJobDefinition": ("jobDefinitionArn", str),
    "TerminateJobs": ("errors", list),
}


class BatchError(PbsError):
    """AWS Batch refused a request.

    Attributes:
        code: Its name for the reason.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code

    @property
    def is_throttling(self) -> bool:
        """Whether AWS Batch was too busy, rather than unwilling."""
        return self.code in _TOO_FAST


class ResponseLostError(PbsError):
    """Whether AWS Batch did what it was asked is not known."""


class BatchApi:
    """Calls operations of AWS Batch.

    Args:
        region: The region.
        endpoint: Its address. Default: `AWS_ENDPOINT_URL_BATCH` or `AWS_ENDPOINT_URL`, else that of the region.

    Raises:
        PbsError: The endpoint is not an address.
    """

    def __init__(self, region: str, endpoint: str | None = None) -> None:
        self._region = region
        self._endpoint = (
            endpoint
            or os.environ.get("AWS_ENDPOINT_URL_BATCH")
            or os.environ.get("AWS_ENDPOINT_URL")
            or f"https://batch.{region}.{domain_of(region)}"
        ).rstrip("/")
        if not re.match(r"https?://[A-Za-z0-9.:\[\]-]+\Z", self._endpoint):
            raise PbsError(f"the endpoint of AWS Batch must be http(s)://host[:port], not {self._endpoint!r}")
        self._credentials: Credentials | None = None

    def call(self, operation: str, request: Record, *, once: bool = False) -> Record:
        """Call an operation, again and again while AWS Batch is too busy.

        Args:
            operation: Its name, such as `SubmitJob`.
            request: Its request.
            once: It must not be done twice: an answer that is lost is for the caller to think about.

        Raises:
            BatchError: It was refused.
            ResponseLostError: With `once`, or after many tries.
        """
        pause = 0.5
        for left in reversed(range(_TRIES)):
            try:
                return self._send(operation, request)
            except BatchError as error:
                if error.code in _EXPIRED and left:
                    self._credentials = None
                elif error.code not in _TOO_FAST or not left:
                    raise
            except ResponseLostError:
                if once or not left:
                    raise
            time.sleep(random.uniform(pause / 2, pause))  # noqa: S311  to spread requests
            pause = min(pause * 2, _MAX_PAUSE)
        raise ResponseLostError(operation)

    def _send(self, operation: str, request: Record) -> Record:
        path = f"/v1/{operation.lower()}"
        body = json.dumps(request).encode()
        if self._credentials is None:
            self._credentials = find_credentials()
        host = urllib.parse.urlsplit(self._endpoint).netloc
        headers = sign(self._credentials, self._region, host, path, body, time.gmtime())
        http_request = urllib.request.Request(self._endpoint + path, data=body, headers=headers, method="POST")  # noqa: S310  https
        try:
            with urllib.request.urlopen(http_request, timeout=_SECONDS) as response:  # noqa: S310
                return _parse(operation, response.read())
        except urllib.error.HTTPError as error:
            raise _refusal(error) from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise ResponseLostError(f"{operation}: {error}") from error


def domain_of(region: str) -> str:
    """The domain of the services of a region."""
    return "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"


def sign(
    credentials: Credentials,
    region: str,
    host: str,
    path: str,
    body: bytes,
    now: time.struct_time,
    service: str = "batch",
    more: Record = _JSON,
    *,
    method: str = "POST",
    query: str = "",
) -> Record:
    """The headers of a signed request.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
    """
    moment = time.strftime("%Y%m%dT%H%M%SZ", now)
    headers = {**more, "host": host, "x-amz-date": moment}
    if credentials.token:
        headers["x-amz-security-token"] = credentials.token
    names = ";".join(sorted(headers))
    lines = [f"{name}:{headers[name]}" for name in sorted(headers)]
    canonical = "\n".join([method, path, query, *lines, "", names, hashlib.sha256(body).hexdigest()])
    scope = f"{moment[:8]}/{region}/{service}/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{credentials.secret}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    return {
        **headers,
        "Authorization": f"AWS4-HMAC-SHA256 Credential={credentials.key}/{scope}, SignedHeaders={names}, "
        f"Signature={signature}",
    }


def _parse(operation: str, content: bytes) -> Record:
    found = json.loads(content or b"{}")
    name, kind = _RESPONSES.get(operation, ("", object))
    if not isinstance(found, dict) or (name and not isinstance(found.get(name), kind)):
        raise ValueError(f"the response holds no {name or 'object'}")
    return found


def _refusal(error: urllib.error.HTTPError) -> Exception:
    text, content = "", {}
    try:
        text = error.read().decode(errors="replace")
        content = json.loads(text)
    except (OSError, http.client.HTTPException, ValueError):  # the status alone says enough
        pass
    if not isinstance(content, dict):
        content = {}
    code = str(error.headers.get("x-amzn-ErrorType") or content.get("__type") or content.get("code") or error.code)
    code = code.split(":")[0].rsplit("#", 1)[-1]
    if error.code == 429:
        code = "TooManyRequestsException"
    if error.code >= 500 and error.code != 501 and code not in _TOO_FAST:
        return ResponseLostError(f"{error.code} {text[:200]}")
    return BatchError(code, str(content.get("message") or content.get("Message") or text[:200]))
