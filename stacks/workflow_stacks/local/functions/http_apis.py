"""HTTP APIs of API Gateway: who calls, whether IAM lets him, and which function answers."""

import logging
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import parse_qsl

from workflow_stacks.local.iam.request import Call
from workflow_stacks.local.sandboxes import CannotRunError

from .callers import Callers
from .exchange import Receive, Record, Send, message, of, read, respond
from .invoke import FunctionError, Functions
from .types import API, FUNCTION, INTEGRATION, PERMISSION, PLACE, ROUTE

LOG = logging.getLogger("local-cloud")
MAX_BODY = 10 * 1024 * 1024
"""https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html"""


@dataclass(frozen=True)
class HttpApis:
    """Answers requests to the APIs of stacks, and hands on the others.

    Attributes:
        app: Gets the others.
        resources: Every resource of a stack that stands: `ResourceType`, `PhysicalResourceId`, `Properties`.
        functions: Runs the functions.
        callers: Knows who calls, and whether he may.
    """

    app: Any
    resources: Callable[[], Iterable[Record]]
    functions: Functions
    callers: Callers

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Answer one request, or hand it on."""
        if scope["type"] != "http" or not scope["path"].startswith(PLACE):
            await self.app(scope, receive, send)
            return
        body = await read(receive)
        await respond(send, *await self._answer(scope, body))

    async def _answer(self, scope: Any, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        api, _, rest = scope["path"].removeprefix(PLACE).partition("/")
        method, path = scope["method"], f"/{rest}"
        found = [*self.resources()]
        route = next(
            (
                one["Properties"]
                for one in of(found, ROUTE)
                if one["Properties"]["ApiId"] == api and one["Properties"]["RouteKey"] == f"{method} {path}"
            ),
            None,
        )
        if route is None or not any(one["PhysicalResourceId"] == api for one in of(found, API)):
            return message(404, "Not Found")
        if len(body) > MAX_BODY:
            return message(413, "Request Too Long")
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        arn = self.callers.arn("execute-api", f"{api}/$default/{method}{path}")
        caller = self.callers.who_may(headers, "execute-api", [Call("execute-api:Invoke", arn)])
        if caller is None:
            return message(403, "Forbidden")
        function = self._function(found, route, arn)
        if function is None:
            return message(500, "Internal Server Error")
        event = self._event(scope, headers, body, route["RouteKey"], path, api, caller)
        try:
            answer = await self.functions.invoke(function["PhysicalResourceId"], function["Properties"], event)
            text = answer.get("body", "")
            return int(answer["statusCode"]), answer.get("headers", {}), str(text).encode()
        except (FunctionError, CannotRunError, KeyError, TypeError, ValueError):
            LOG.exception("The function of %s failed", path)
            return message(500, "Internal Server Error")

    def _function(self, found: list[Record], route: Record, arn: str) -> Record | None:
        """The function of a route, if it lets API Gateway call it."""
        target = str(route["Target"]).removeprefix("integrations/")
        uri = next(
            one["Properties"]["IntegrationUri"] for one in of(found, INTEGRATION) if one["PhysicalResourceId"] == target
        )
        name = str(uri).rpartition(":")[2]
        permitted = any(
            one["Properties"]["FunctionName"] == uri
            and one["Properties"]["Principal"] == "apigateway.amazonaws.com"
            and fnmatchcase(arn, one["Properties"].get("SourceArn", "*"))
            for one in of(found, PERMISSION)
        )
        function = next((one for one in of(found, FUNCTION) if one["PhysicalResourceId"] == name), None)
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
                "accountId": self.callers.account,
                "apiId": api,
                "authorizer": {"iam": {"accountId": self.callers.account, "userArn": caller}},
                "http": {"method": scope["method"], "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"},
                "requestId": str(uuid.uuid4()),
                "routeKey": key,
                "stage": "$default",
                "timeEpoch": int(now * 1000),
            },
            "body": body.decode("utf-8", errors="replace"),
            "isBase64Encoded": False,
        }
