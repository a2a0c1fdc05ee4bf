"""HTTP APIs of API Gateway: who calls, whether IAM lets him, and which function answers."""

import json
import logging
import re
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import parse_qsl

from workflow_stacks.local.iam.authorizer import Authorizer
from workflow_stacks.local.iam.credentials import Credentials, UnknownKeyError
from workflow_stacks.local.iam.principals import Principal
from workflow_stacks.local.iam.request import Call
from workflow_stacks.local.sandboxes import CannotRunError

from .invoke import FunctionError, Functions
from .types import API, FUNCTION, INTEGRATION, PERMISSION, PLACE, ROUTE

Record = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

LOG = logging.getLogger("local-cloud")
MAX_BODY = 10 * 1024 * 1024
"""https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html"""
_CREDENTIAL = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/,\s]+)/[^/]+/[^/]+/execute-api/")


@dataclass(frozen=True)
class HttpApis:
    """Answers requests to the APIs of stacks, and hands on the others.

    Attributes:
        app: Gets the others.
        resources: Every resource of a stack that stands: `ResourceType`, `PhysicalResourceId`, `Properties`.
        functions: Runs the functions.
        authorizer: Decides who may.
        credentials: Knows the keys of jobs and of the administrator.
        session_role: The ARN of the role that the administrator assumed, and the name of the session, by access key.
        account: The account of the local cloud.
        region: Its region.
    """

    app: Any
    resources: Callable[[], Iterable[Record]]
    functions: Functions
    authorizer: Authorizer
    credentials: Credentials
    session_role: Callable[[str], tuple[str, str] | None]
    account: str
    region: str

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Answer one request, or hand it on."""
        if scope["type"] != "http" or not scope["path"].startswith(PLACE):
            await self.app(scope, receive, send)
            return
        body = await _read(receive)
        status, headers, content = await self._answer(scope, body)
        fields = {"content-length": str(len(content)), "content-type": "application/json", **headers}
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [(name.encode(), value.encode()) for name, value in fields.items()],
            }
        )
        await send({"type": "http.response.body", "body": content})

    async def _answer(self, scope: Any, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        api, _, rest = scope["path"].removeprefix(PLACE).partition("/")
        method, path = scope["method"], f"/{rest}"
        found = [*self.resources()]
        route = next(
            (
                one["Properties"]
                for one in _of(found, ROUTE)
                if one["Properties"]["ApiId"] == api and one["Properties"]["RouteKey"] == f"{method} {path}"
            ),
            None,
        )
        if route is None or not any(one["PhysicalResourceId"] == api for one in _of(found, API)):
            return _message(404, "Not Found")
        if len(body) > MAX_BODY:
            return _message(413, "Request Too Long")
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        arn = f"arn:aws:execute-api:{self.region}:{self.account}:{api}/$default/{method}{path}"
        caller = self._caller(headers, arn)
        if caller is None:
            return _message(403, "Forbidden")
        function = self._function(found, route, arn)
        if function is None:
            return _message(500, "Internal Server Error")
        event = self._event(scope, headers, body, route["RouteKey"], path, api, caller)
        try:
            answer = await self.functions.invoke(function["PhysicalResourceId"], function["Properties"], event)
            text = answer.get("body", "")
            return int(answer["statusCode"]), answer.get("headers", {}), str(text).encode()
        except (FunctionError, CannotRunError, KeyError, TypeError, ValueError):
            LOG.exception("The function of %s failed", path)
            return _message(500, "Internal Server Error")

    def _caller(self, headers: Mapping[str, str], arn: str) -> str | None:
        """The ARN of who calls, if IAM lets him."""
        found = _CREDENTIAL.match(headers.get("authorization", ""))
        if found is None:
            return None
        key = found[1]
        if key == self.credentials.administrator:
            return f"arn:aws:iam::{self.account}:root"
        assumed = self.session_role(key)
        if assumed:
            principal = Principal(*assumed)
        else:
            try:
                principal = self.credentials.principal(key, headers.get("x-amz-security-token", ""))
            except UnknownKeyError:
                return None
        allowed = self.authorizer.decide(principal, Call("execute-api:Invoke", arn)).allowed
        return principal.arn if allowed else None

    def _function(self, found: list[Record], route: Record, arn: str) -> Record | None:
        """The function of a route, if it lets API Gateway call it."""
        target = str(route["Target"]).removeprefix("integrations/")
        uri = next(
            one["Properties"]["IntegrationUri"]
            for one in _of(found, INTEGRATION)
            if one["PhysicalResourceId"] == target
        )
        name = str(uri).rpartition(":")[2]
        permitted = any(
            one["Properties"]["FunctionName"] == uri
            and one["Properties"]["Principal"] == "apigateway.amazonaws.com"
            and fnmatchcase(arn, one["Properties"].get("SourceArn", "*"))
            for one in _of(found, PERMISSION)
        )
        function = next((one for one in _of(found, FUNCTION) if one["PhysicalResourceId"] == name), None)
        return function if permitted else None

    def _event(
        self, scope: Any, headers: Mapping[str, str], body: bytes, key: str, path: str, api: str, caller: str
    ) -> Record:
        """Payload format 2.0.

        https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
        """
        query = scope.get("query_string", b"").decode("latin-1")
        now = time.time()
        return {
            "version": "2.0",
            "routeKey": key,
            "rawPath": path,
            "rawQueryString": query,
            **({"queryStringParameters": dict(parse_qsl(query))} if query else {}),
            "headers": dict(headers),
            "requestContext": {
                "accountId": self.account,
                "apiId": api,
                "authorizer": {"iam": {"accountId": self.account, "userArn": caller}},
                "http": {"method": scope["method"], "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"},
                "requestId": str(uuid.uuid4()),
                "routeKey": key,
                "stage": "$default",
                "timeEpoch": int(now * 1000),
            },
            "body": body.decode("utf-8", errors="replace"),
            "isBase64Encoded": False,
        }


def _of(found: Iterable[Record], kind: str) -> list[Record]:
    return [one for one in found if one["ResourceType"] == kind]


def _message(status: int, text: str) -> tuple[int, Mapping[str, str], bytes]:
    return status, {}, json.dumps({"message": text}).encode()


async def _read(receive: Receive) -> bytes:
    parts, more = [], True
    while more:
        event = await receive()
        parts.append(event.get("body", b""))
        more = event["type"] == "http.request" and event.get("more_body", False)
    return b"".join(parts)
