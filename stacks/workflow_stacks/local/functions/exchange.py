"""Requests and answers of HTTP, as the server of the local cloud passes them."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

Record = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


async def read(receive: Receive) -> bytes:
    """The body of a request."""
    parts, more = [], True
    while more:
        event = await receive()
        parts.append(event.get("body", b""))
        more = event["type"] == "http.request" and event.get("more_body", False)
    return b"".join(parts)


async def respond(send: Send, status: int, headers: Mapping[str, str], content: bytes) -> None:
    """Answer."""
    fields = {"content-length": str(len(content)), "content-type": "application/json", **headers}
    written = [(name.encode(), value.encode()) for name, value in fields.items()]
    await send({"type": "http.response.start", "status": status, "headers": written})
    await send({"type": "http.response.body", "body": content})


def message(status: int, text: str) -> tuple[int, Mapping[str, str], bytes]:
    """What AWS answers when no function does."""
    return status, {}, json.dumps({"message": text}).encode()


def of(found: Iterable[Record], kind: str) -> list[Record]:
    """The resources of a type."""
    return [one for one in found if one["ResourceType"] == kind]
