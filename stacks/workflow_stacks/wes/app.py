"""The service over HTTP, for this machine."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException

from workflow_stacks.errors import WorkflowContextError

from .access import check_access
from .model import (
    BASE,
    ErrorResponse,
    RunId,
    RunListResponse,
    RunLog,
    RunStatus,
    ServiceInfo,
    TaskListResponse,
    TaskLog,
    WesError,
)
from .request import Form
from .service import WesService

_LOG = logging.getLogger(__name__)
_MAX_FIELD_BYTES = 4 << 20
_FORM = {
    "requestBody": {
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["workflow_type", "workflow_type_version", "workflow_url"],
                    "properties": {
                        **{
                            name: {"type": "string"}
                            for name in (
                                "workflow_params",
                                "workflow_type",
                                "workflow_type_version",
                                "tags",
                                "workflow_engine",
                                "workflow_engine_version",
                                "workflow_engine_parameters",
                                "workflow_url",
                            )
                        },
                        "workflow_attachment": {"type": "array", "items": {"type": "string", "format": "binary"}},
                    },
                }
            }
        }
    }
}
_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorResponse, "description": said}
    for status, said in (
        (400, "The request is malformed."),
        (401, "The request is unauthorized."),
        (403, "The requester is not authorized to perform this action."),
        (404, "The requested run or task was not found."),
        (500, "An unexpected error occurred."),
    )
}

PageSize = Annotated[int | None, Query(description="How many at most.")]
PageToken = Annotated[str | None, Query(description="Where to go on: next_page_token of the page before.")]


def wes_app(service: WesService, *, token: str | None) -> FastAPI:
    """The application.

    Args:
        service: What it serves.
        token: Who knows it may use the service. None: every program of this machine may.
    """
    app = FastAPI(title="Workflow Execution Service", version="1.1.0", responses=_ERRORS, docs_url=None, redoc_url=None)

    @app.middleware("http")
    async def guard(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        try:
            check_access(request.headers, token)
        except WesError as error:
            return _error(error.status, str(error))
        return await answer(request)

    _answer_errors(app)

    def base(request: Request) -> str:
        return str(request.base_url).rstrip("/")

    @app.get(f"{BASE}/service-info", operation_id="GetServiceInfo")
    def service_info() -> ServiceInfo:
        return service.service_info()

    @app.get(f"{BASE}/runs", operation_id="ListRuns")
    def list_runs(page_size: PageSize = None, page_token: PageToken = None) -> RunListResponse:
        return service.list_runs(page_size, page_token)

    @app.post(f"{BASE}/runs", operation_id="RunWorkflow", openapi_extra=_FORM)
    async def run_workflow(request: Request) -> RunId:
        try:
            form = await request.form(max_part_size=_MAX_FIELD_BYTES)
        except MultiPartException as error:
            raise WesError(400, f"the form cannot be read: {error.message}") from error
        with ExitStack() as uploads:
            fields: dict[str, str] = {}
            attachments = []
            for name, value in form.multi_items():
                if isinstance(value, UploadFile):
                    uploads.callback(value.file.close)
                    if name == "workflow_attachment":
                        attachments.append((value.filename or "", value.file))
                    else:
                        fields[name] = value.file.read(_MAX_FIELD_BYTES).decode("utf-8", "replace")
                elif name != "workflow_attachment":
                    fields[name] = value
            return await run_in_threadpool(service.run_workflow, Form(fields, attachments))

    @app.get(f"{BASE}/runs/{{run_id}}", operation_id="GetRunLog")
    def run_log(request: Request, run_id: str) -> RunLog:
        return service.run_log(run_id, base(request))

    @app.get(f"{BASE}/runs/{{run_id}}/status", operation_id="GetRunStatus")
    def run_status(run_id: str) -> RunStatus:
        return service.run_status(run_id)

    @app.post(f"{BASE}/runs/{{run_id}}/cancel", operation_id="CancelRun")
    def cancel(run_id: str) -> RunId:
        return service.cancel(run_id)

    @app.get(f"{BASE}/runs/{{run_id}}/tasks", operation_id="ListTasks")
    def list_tasks(
        request: Request, run_id: str, page_size: PageSize = None, page_token: PageToken = None
    ) -> TaskListResponse:
        return service.list_tasks(run_id, base(request), page_size, page_token)

    @app.get(f"{BASE}/runs/{{run_id}}/tasks/{{task_id}}", operation_id="GetTask")
    def task(request: Request, run_id: str, task_id: str) -> TaskLog:
        return service.task(run_id, task_id, base(request))

    @app.get(f"{BASE}/runs/{{run_id}}/logs/{{job_id}}", operation_id="GetLog", response_class=PlainTextResponse)
    def log_text(run_id: str, job_id: str) -> str:
        return service.log_text(run_id, job_id)

    return app


def _answer_errors(app: FastAPI) -> None:
    """Every error has the form that the specification gives it."""

    @app.exception_handler(WesError)
    def of_the_request(_: Request, error: WesError) -> Response:
        return _error(error.status, str(error))

    @app.exception_handler(RequestValidationError)
    def of_a_parameter(_: Request, error: RequestValidationError) -> Response:
        [first, *_others] = error.errors()
        return _error(400, f"{first['loc'][-1]}: {first['msg']}")

    @app.exception_handler(HTTPException)
    def of_the_path(request: Request, error: HTTPException) -> Response:
        answer = _error(error.status_code, f"{request.method} {request.url.path}: {error.detail}")
        answer.headers.update(error.headers or {})
        return answer

    @app.exception_handler(WorkflowContextError)
    def of_the_world(_: Request, error: WorkflowContextError) -> Response:
        return _error(500, str(error))

    @app.exception_handler(Exception)
    def of_this_program(_: Request, error: Exception) -> Response:
        _LOG.error("a request failed", exc_info=error)
        return _error(500, "an unexpected error occurred; the log of the service has it")


def _error(status: int, message: str) -> JSONResponse:
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    return JSONResponse(ErrorResponse(msg=message, status_code=status), status, headers)
