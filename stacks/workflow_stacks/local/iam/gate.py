"""The gate before every service: who sends a request, and whether he may.

Whoever started the local cloud is the administrator, and passes; so do the roles of the CDK (`cdk-…`) that he assumes.
A job passes with what the policies of its role allow, and so does he in any other role. Everybody else is refused.
"""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from typing import Any
from urllib.parse import parse_qs

from . import denials
from .authorizer import Authorizer
from .calls import SERVICES, calls_of
from .credentials import Credentials, UnknownKeyError
from .denials import Answer
from .endpoints import caller_identity, credentials_answer
from .principals import Principal
from .request import Request, UnknownOperationError
from .s3_calls import missing_object_call, needs_body

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
App = Callable[[Any, Receive, Send], Awaitable[None]]

REPORT = "/_local/iam"
_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/[^/]+/[^/]+/([^/]+)/")


class Gate:
    """Lets through what IAM allows.

    Args:
        app: The services.
        credentials: Every access key.
        authorizer: Decides about the calls of jobs.
        service_of: Tells which service a request goes to: method, path, headers, parameters.
        known_session: Whether the administrator assumed a role or made a user that has an access key.
        session_role: The ARN of the role that the administrator assumed, and the name of the session, by access key.
        caller: Is set to the id of the job that makes the request.
        account: The account of the local cloud.
        region: Its region.
    """

    def __init__(
        self,
        app: App,
        credentials: Credentials,
        authorizer: Authorizer,
        *,
        service_of: Callable[[str, str, dict[str, str], dict[str, list[str]]], str],
        known_session: Callable[[str], bool],
        session_role: Callable[[str], tuple[str, str] | None],
        caller: ContextVar[str],
        account: str,
        region: str,
    ) -> None:
        self._app = app
        self._credentials = credentials
        self._authorizer = authorizer
        self._service_of = service_of
        self._known_session = known_session
        self._session_role = session_role
        self._caller = caller
        self._account = account
        self._region = region

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or let it through."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        headers = {key.decode("latin-1").lower(): value.decode("latin-1") for key, value in scope["headers"]}
        method, path = scope["method"], scope["path"]
        answer = credentials_answer(self._credentials, method, path, headers)
        if answer is not None:
            await _send(send, answer)
            return
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
        access_key, signed_for = _access_key(headers, query)
        self._caller.set("")
        if access_key and self._passes(access_key):
            if path == REPORT:
                await _send(send, _json(self._authorizer.report()))
            else:
                await self._app(scope, receive, send)
            return
        service = self._service_of(method, path, headers, query)
        request = Request(service, method, path, query, headers, b"", self._region, self._account)
        if not access_key:
            refused = self._anonymous(request)
        else:
            refused, receive = await self._job(request, signed_for, access_key, receive)
        if refused:
            await _drain(receive)
            await _send(send, refused)
        else:
            await self._app(scope, receive, send)

    def _passes(self, access_key: str) -> bool:
        """Whether a key is of the administrator: his own, that of a user he made, or of a role of the CDK."""
        if access_key == self._credentials.administrator:
            return True
        return self._known_session(access_key) and self._assumed(access_key) is None

    def _assumed(self, access_key: str) -> Principal | None:
        """The role that the administrator acts in, with its rights alone; None for those of the CDK."""
        found = self._session_role(access_key)
        principal = Principal(*found) if found else None
        return principal if principal and not principal.role_name.startswith("cdk-") else None

    def _anonymous(self, request: Request) -> Answer | None:
        """Nobody's request reads what a bucket policy gives to everybody."""
        if request.service == "s3" and request.method in ("GET", "HEAD") and _is_plain(request):
            calls = calls_of(request, self._authorizer.deployed)
            if all(self._authorizer.anonymous(call).allowed for call in calls):
                return None
        return denials.missing_key(request.service, request.method)

    async def _job(
        self, request: Request, signed_for: str, access_key: str, receive: Receive
    ) -> tuple[Answer | None, Receive]:
        service, method = request.service, request.method
        token = request.headers.get("x-amz-security-token") or request.parameter("X-Amz-Security-Token")
        try:
            principal = self._assumed(access_key) or self._credentials.principal(access_key, token)
        except UnknownKeyError as error:
            return denials.invalid_key(service, method, expired=error.expired), receive
        if service not in SERVICES or service != signed_for or not _is_plain(request):
            return denials.unknown_operation(service, method, principal, request.path), receive
        if service != "s3" or needs_body(request):
            body = await _read(receive)
            request = Request(
                service, method, request.path, request.query, request.headers, body, self._region, self._account
            )
            receive = _replay(body, receive)
        self._caller.set(principal.job)
        return self._decide(principal, request), receive

    def _decide(self, principal: Principal, request: Request) -> Answer | None:
        try:
            calls = calls_of(request, self._authorizer.deployed)
        except UnknownOperationError:
            operation = request.headers.get("x-amz-target", request.path).rpartition(".")[2].rpartition("/")[2]
            self._authorizer.usage.record(
                principal.role_arn, f"{request.service}:{operation}", "unknown to the local cloud", allowed=False
            )
            return denials.unknown_operation(request.service, request.method, principal, operation)
        if request.service == "sts" and not calls:
            return caller_identity(principal)
        for call in calls:
            decision = self._authorizer.decide(principal, call)
            if not decision.allowed:
                return denials.denied(request.service, request.method, principal, call, decision)
        if request.service == "s3":
            listing = missing_object_call(request, self._authorizer.deployed)
            if listing and not (decision := self._authorizer.evaluate(principal, listing)).allowed:
                return denials.denied("s3", request.method, principal, listing, decision)
        return None


def _is_plain(request: Request) -> bool:
    """Whether path and host mean what they say: a bucket in the path, and no address of the base's own."""
    host = request.headers.get("host", "").rpartition(":")[0]
    return host in ("localhost", "127.0.0.1", "host.docker.internal") and not request.path.startswith(("/_", "//"))


def _access_key(headers: Mapping[str, str], query: Mapping[str, list[str]]) -> tuple[str, str]:
    """The access key id of a request, and the service it is signed for."""
    found = _CREDENTIAL.search(headers.get("authorization", ""))
    if found:
        return found[1], found[2]
    parts = query.get("X-Amz-Credential", [""])[0].split("/")
    return (parts[0], parts[3]) if len(parts) == 5 else ("", "")


async def _read(receive: Receive) -> bytes:
    parts, more = [], True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    given = False

    async def replay() -> dict[str, Any]:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


async def _drain(receive: Receive) -> None:
    """Take the body of a refused request, so that its sender reads the answer instead of a reset connection."""
    message = await receive()
    while message["type"] == "http.request" and message.get("more_body", False):
        message = await receive()


async def _send(send: Send, answer: Answer) -> None:
    headers = [(key.encode(), value.encode()) for key, value in answer.headers]
    headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


def _json(content: Any) -> Answer:
    return Answer(200, (("content-type", "application/json"),), json.dumps(content).encode())
