"""A way in to functions from outside: who calls, whether IAM lets him, and what the function answers."""

from __future__ import annotations

import abc
import base64
import logging
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import parse_qsl

from workflow_stacks.local.iam.request import Call
from workflow_stacks.local.sandboxes import CannotRunError

from .callers import Callers
from .exchange import Receive, Record, Send, message, read, respond
from .invoke import FunctionError, Functions

LOG = logging.getLogger("local-cloud")


@dataclass(frozen=True)
class Target:
    """What a request reaches.

    Attributes:
        calls: What IAM must let the caller do.
        path: The path that the function is told.
        function: The function, as a resource of its stack; None when it may not be called from there.
        context: What the function is told of the way in, beside what every one tells.
        more: What else stands in the event.
    """

    calls: Sequence[Call]
    path: str
    function: Record | None
    context: Mapping[str, Any] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Door(abc.ABC):
    """Answers requests below a place of the server, and hands on the others.

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

    place: ClassVar[str]
    """How the paths begin that it answers."""
    service: ClassVar[str]
    """The service that requests are signed for."""
    max_body: ClassVar[int]
    """The bytes of the largest request."""
    failed: ClassVar[int]
    """The status when the function fails."""
    bodies_are_bytes: ClassVar[bool]
    """Whether the function is given the body in base64."""

    @abc.abstractmethod
    def find(self, found: Sequence[Record], method: str, rest: str) -> Target | None:
        """What a request reaches; None when there is nothing.

        Args:
            found: The resources of stacks.
            method: Its method.
            rest: Its path below the place.
        """

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Answer one request, or hand it on."""
        if scope["type"] != "http" or not scope["path"].startswith(self.place):
            await self.app(scope, receive, send)
            return
        body = await read(receive)
        await respond(send, *await self._answer(scope, body))

    async def _answer(self, scope: Any, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        target = self.find([*self.resources()], scope["method"], scope["path"].removeprefix(self.place))
        if target is None:
            return message(404, "Not Found")
        if len(body) > self.max_body:
            return message(413, "Request Too Long")
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        caller = self.callers.who_may(headers, self.service, target.calls)
        if caller is None:
            return message(403, "Forbidden")
        if target.function is None:
            return message(500, "Internal Server Error")
        name = target.function["PhysicalResourceId"]
        try:
            event = self._event(scope, headers, body, target, caller)
            answer = await self.functions.invoke(name, target.function["Properties"], event)
            return int(answer["statusCode"]), answer.get("headers", {}), str(answer.get("body", "")).encode()
        except (FunctionError, CannotRunError, KeyError, TypeError, ValueError):
            LOG.exception("The function %s failed", name)
            return message(self.failed, "Internal Server Error")

    def _event(self, scope: Any, headers: Mapping[str, str], body: bytes, target: Target, caller: str) -> Record:
        """Payload format 2.0.

        https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
        """
        query = scope.get("query_string", b"").decode("latin-1")
        http = {"method": scope["method"], "path": target.path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"}
        return {
            "version": "2.0",
            "rawPath": target.path,
            "rawQueryString": query,
            **({"queryStringParameters": dict(parse_qsl(query))} if query else {}),
            "headers": dict(headers),
            "requestContext": {
                "accountId": self.callers.account,
                "authorizer": {"iam": {"accountId": self.callers.account, "userArn": caller}},
                "domainName": headers.get("host", ""),
                "http": http,
                "requestId": str(uuid.uuid4()),
                "timeEpoch": int(time.time() * 1000),
                **target.context,
            },
            "body": base64.b64encode(body).decode() if self.bodies_are_bytes else body.decode(errors="replace"),
            "isBase64Encoded": self.bodies_are_bytes,
            **target.more,
        }
