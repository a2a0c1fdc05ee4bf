"""The gate of the local cloud: programs of this machine come in, web pages do not.

A web page that is open in a browser of this machine can send requests to any port of it. A browser tells where such a
request comes from (`Origin`, `Sec-Fetch-Site`), and a page that had its own name resolved to 127.0.0.1 gives itself
away by that name (`Host`). No AWS SDK sends the first two, and the third is ours.
"""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

# What a container of Docker Desktop calls this machine, and nobody else can have resolved for it.
_NAMES = ("localhost", "127.0.0.1", "host.docker.internal")
_OF_BROWSERS = (b"origin", b"sec-fetch-site", b"access-control-request-method")
# Addresses of the emulator's own, which AWS does not have: they show, change and delete all of its state.
_OF_THE_EMULATOR = ("/_ministack", "/_localstack", "/_aws", "/health")
_FORBIDDEN, _NOT_FOUND = 403, 404


class LocalOnly:
    """Refuses what no SDK would send, before anything reads it.

    Args:
        app: Gets the other requests.
        port: Where the local cloud listens.
    """

    def __init__(self, app: App, port: int) -> None:
        self._app = app
        self._hosts = {f"{name}:{port}".encode() for name in _NAMES}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass it on."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
        elif refused := self._refused(scope):
            await _answer(send, *refused)
        else:
            await self._app(scope, receive, _without_cors(send))

    def _refused(self, scope: Scope) -> tuple[int, str] | None:
        headers: dict[bytes, bytes] = {name.lower(): value for name, value in scope["headers"]}
        if any(name in headers for name in _OF_BROWSERS) or scope["method"] == "OPTIONS":
            return _FORBIDDEN, "The local cloud takes no requests of web pages"
        if headers.get(b"host", b"").lower() not in self._hosts:
            return _FORBIDDEN, "The local cloud is called by localhost or 127.0.0.1, with its port"
        path = "/" + scope["path"].lstrip("/")
        if any(path == own or path.startswith(f"{own}/") for own in _OF_THE_EMULATOR):
            return _NOT_FOUND, "There is no such address"
        return None


def _without_cors(send: Send) -> Send:
    """Let no web page read an answer."""

    async def sent(event: Any) -> None:
        if event["type"] == "http.response.start":
            kept = [one for one in event.get("headers", ()) if not one[0].lower().startswith(b"access-control-")]
            event = {**event, "headers": kept}
        await send(event)

    return sent


async def _answer(send: Send, status: int, message: str) -> None:
    body = json.dumps({"__type": "AccessDeniedException", "message": message}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
