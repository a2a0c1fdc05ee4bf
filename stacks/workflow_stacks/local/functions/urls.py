"""URLs of functions: who calls, whether IAM lets him, and what the function answers.

https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
"""

from __future__ import annotations

import base64
import logging
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

from workflow_stacks.local.iam.request import Call
from workflow_stacks.local.sandboxes import CannotRunError

from .callers import Callers
from .exchange import Receive, Record, Send, message, of, read, respond
from .invoke import FunctionError, Functions
from .types import FUNCTION, URL, URL_PLACE

LOG = logging.getLogger("local-cloud")
MAX_BODY = 6 * 1024 * 1024
"""https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""


@dataclass(frozen=True)
class FunctionUrls:
    """Answers requests to the URLs of functions, and hands on the others.

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
        if scope["type"] != "http" or not scope["path"].startswith(URL_PLACE):
            await self.app(scope, receive, send)
            return
        body = await read(receive)
        await respond(send, *await self._answer(scope, body))

    async def _answer(self, scope: Any, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        name, _, rest = scope["path"].removeprefix(URL_PLACE).partition("/")
        found = [*self.resources()]
        urls = [one["Properties"] for one in of(found, URL) if str(one["PhysicalResourceId"]).endswith(f":{name}")]
        function = next((one for one in of(found, FUNCTION) if one["PhysicalResourceId"] == name), None)
        if not urls or function is None:
            return message(404, "Not Found")
        if len(body) > MAX_BODY:
            return message(413, "Request Too Long")
        headers = {key.decode("latin-1").lower(): value.decode("latin-1") for key, value in scope["headers"]}
        arn = self.callers.arn("lambda", f"function:{name}")
        # https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
        calls = [
            Call("lambda:InvokeFunctionUrl", arn, {"lambda:functionurlauthtype": (urls[0]["AuthType"],)}),
            Call("lambda:InvokeFunction", arn, {"lambda:invokedviafunctionurl": ("true",)}),
        ]
        caller = self.callers.who_may(headers, "lambda", calls)
        if caller is None:
            return message(403, "Forbidden")
        try:
            event = self._event(scope, headers, body, unquote(f"/{rest}"), caller)
            answer = await self.functions.invoke(name, function["Properties"], event)
            return int(answer["statusCode"]), answer.get("headers", {}), str(answer.get("body", "")).encode()
        except (FunctionError, CannotRunError, KeyError, TypeError, ValueError):
            LOG.exception("The function %s failed", name)
            return message(502, "Internal Server Error")

    def _event(self, scope: Any, headers: Mapping[str, str], body: bytes, path: str, caller: str) -> Record:
        """Payload format 2.0, in which a body that is no text is in base64."""
        query = scope.get("query_string", b"").decode("latin-1")
        return {
            "version": "2.0",
            "rawPath": path,
            "rawQueryString": query,
            **({"queryStringParameters": dict(parse_qsl(query))} if query else {}),
            "headers": dict(headers),
            "requestContext": {
                "accountId": self.callers.account,
                "authorizer": {"iam": {"accountId": self.callers.account, "userArn": caller}},
                "domainName": headers.get("host", ""),
                "http": {"method": scope["method"], "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"},
                "requestId": str(uuid.uuid4()),
                "timeEpoch": int(time.time() * 1000),
            },
            "body": base64.b64encode(body).decode(),
            "isBase64Encoded": True,
        }
