"""The service as a function of AWS Lambda behind a function URL. It needs nothing but what Lambda brings along.

What it serves stands in its environment; `endpoint.WesEndpoint` writes it there.
"""

from __future__ import annotations

import base64
import json
import logging
import os
from collections.abc import Mapping
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple
from urllib.parse import unquote

from typing_extensions import override

from workflow_stacks.errors import WorkflowContextError
from workflow_stacks.runs.service import Runs
from workflow_stacks.runs.target import Target

from .model import BASE, ErrorResponse, WesError
from .request import Form
from .service import WesService

VARIABLE = "WORKFLOW_CONTEXT"
"""The variable with the context, as JSON: project, name, user, engine, language, outputs, version."""

_LOG = logging.getLogger(__name__)

Event = Mapping[str, Any]


class _Engine(NamedTuple):
    engine: str
    type: str


class _Context(NamedTuple):
    engine: _Engine


class _Project(NamedTuple):
    name: str
    contexts: Mapping[str, _Context]
    workflows: Mapping[str, Any]


class _OneContext(Runs):
    """The runs of the context of this function, which needs no project file."""

    def __init__(self, target: Target) -> None:
        super().__init__(Path())
        self._target = target

    @override
    def target(self, context: str) -> Target:
        return self._target

    @override
    def targets(self) -> list[Target]:
        return [self._target]


def handler(event: Event, _context: object = None) -> dict[str, Any]:
    """Answer a request of a function URL.

    https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
    """
    try:
        return _response(200, _answer(event))
    except WesError as error:
        return _failed(error.status, str(error))
    except WorkflowContextError as error:
        return _failed(500, str(error))
    except Exception:  # noqa: BLE001  there is no server around it that would answer
        _LOG.exception("a request failed")
        return _failed(500, "an unexpected error occurred; the log of the function has it")


def _answer(event: Event) -> Any:
    service, http = _service(), event["requestContext"]["http"]
    method, query = str(http["method"]), event.get("queryStringParameters") or {}
    path = str(event["rawPath"])
    base_url = f"https://{event['requestContext']['domainName']}"
    words = [unquote(word) for word in path.removeprefix(BASE).strip("/").split("/")]
    if not path.startswith(f"{BASE}/"):
        words = []
    match method, words:
        case "GET", ["service-info"]:
            return service.service_info()
        case "GET", ["runs"]:
            return service.list_runs(_size(query), query.get("page_token"))
        case "POST", ["runs"]:
            return service.run_workflow(_form(event))
        case "GET", ["runs", run]:
            return service.run_log(run, base_url)
        case "GET", ["runs", run, "status"]:
            return service.run_status(run)
        case "POST", ["runs", run, "cancel"]:
            return service.cancel(run)
        case "GET", ["runs", run, "tasks"]:
            return service.list_tasks(run, base_url, _size(query), query.get("page_token"))
        case "GET", ["runs", run, "tasks", task]:
            return service.task(run, task, base_url)
        case "GET", ["runs", run, "logs", job]:
            return service.log_text(run, job)
    raise WesError(404, f"there is no operation {method} {path[:200]}")


@cache
def _service() -> WesService:
    import boto3

    told = json.loads(os.environ[VARIABLE])
    clients = cache(boto3.Session().client)
    context = _Context(_Engine(told["engine"], told["language"]))
    project: Any = _Project(told["project"], {told["name"]: context}, {})
    target = Target(clients, project, Path(), told["name"], told["user"], told["outputs"])
    return WesService(_OneContext(target), version=told["version"], organization=told["project"], checked=False)


def _size(query: Mapping[str, str]) -> int | None:
    text = query.get("page_size")
    try:
        return int(text) if text else None
    except ValueError as error:
        raise WesError(400, f"page_size must be a whole number, and is {text!r}") from error


def _form(event: Event) -> Form:
    """Read a form with files; AWS Lambda takes 6 MB at most."""
    headers = {name.lower(): value for name, value in event.get("headers", {}).items()}
    written = event.get("body") or ""
    body = base64.b64decode(written) if event.get("isBase64Encoded") else written.encode()
    kind = headers.get("content-type", "")
    if not kind.lower().startswith("multipart/form-data"):
        raise WesError(400, f"the body must be multipart/form-data, and is {kind[:100]!r}")
    message = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
    if not message.is_multipart():
        raise WesError(400, "the body is not multipart/form-data: its boundary is missing")
    fields: dict[str, str] = {}
    attachments: list[tuple[str, BinaryIO]] = []
    for part in message.iter_parts():
        content = part.get_payload(decode=True)
        data = content if isinstance(content, bytes) else b""
        name, file_name = _disposition(part)
        if name == "workflow_attachment":
            attachments.append((file_name, BytesIO(data)))
        else:
            fields[name] = data.decode("utf-8", "replace")
    return Form(fields, attachments)


def _disposition(part: Message) -> tuple[str, str]:
    name = part.get_param("name", "", header="content-disposition")
    return str(name), part.get_filename("")


def _failed(status: int, message: str) -> dict[str, Any]:
    return _response(status, ErrorResponse(msg=message, status_code=status))


def _response(status: int, answer: Any) -> dict[str, Any]:
    is_text = isinstance(answer, str)
    return {
        "statusCode": status,
        "headers": {"content-type": "text/plain; charset=utf-8" if is_text else "application/json"},
        "body": answer if is_text else json.dumps(answer),
    }
