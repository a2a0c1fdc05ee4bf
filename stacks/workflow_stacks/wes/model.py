"""What the service answers, as the specification names it.

https://github.com/ga4gh/workflow-execution-service-schemas/blob/1.1.0/openapi/workflow_execution_service.openapi.yaml
"""

from __future__ import annotations

from typing import Any, NotRequired

from typing_extensions import TypedDict

BASE = "/ga4gh/wes/v1"
"""Where the operations are below the address of a service."""


class WesError(Exception):
    """A request that cannot be answered as it was meant.

    Args:
        status: The status code of HTTP.
        message: What is wrong and what to do, for the caller.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class ErrorResponse(TypedDict):
    """What every request is answered that cannot be answered otherwise."""

    msg: str
    status_code: int


class RunId(TypedDict):
    """The id of a run."""

    run_id: str


class RunStatus(TypedDict):
    """How a run is going."""

    run_id: str
    state: str


class RunSummary(RunStatus):
    """A run in a list."""

    start_time: str
    end_time: NotRequired[str]
    tags: dict[str, str]


class RunListResponse(TypedDict):
    """A page of runs."""

    runs: list[RunSummary]
    next_page_token: str


class RunRequest(TypedDict):
    """What a run was asked for."""

    workflow_params: dict[str, Any]
    workflow_type: str
    workflow_type_version: str
    tags: dict[str, str]
    workflow_engine: str
    workflow_engine_version: str
    workflow_engine_parameters: dict[str, str]
    workflow_url: str


class Log(TypedDict):
    """What a job did."""

    name: str
    cmd: list[str]
    start_time: NotRequired[str]
    end_time: NotRequired[str]
    stdout: NotRequired[str]
    stderr: NotRequired[str]
    exit_code: NotRequired[int]
    system_logs: list[str]


class TaskLog(Log):
    """What a task did."""

    id: str


class TaskListResponse(TypedDict):
    """A page of tasks."""

    task_logs: list[TaskLog]
    next_page_token: str


class RunLog(TypedDict):
    """All about a run."""

    run_id: str
    request: RunRequest
    state: str
    run_log: Log
    task_logs_url: str
    outputs: dict[str, Any]


class WorkflowTypeVersion(TypedDict):
    """The versions of a workflow language."""

    workflow_type_version: list[str]


class WorkflowEngineVersion(TypedDict):
    """The versions of an engine."""

    workflow_engine_version: list[str]


class DefaultWorkflowEngineParameter(TypedDict):
    """A parameter that a request may give."""

    name: str
    type: str
    default_value: str


class ServiceType(TypedDict):
    """Which interface the service has."""

    group: str
    artifact: str
    version: str


class Organization(TypedDict):
    """Who provides it."""

    name: str
    url: str


class ServiceInfo(TypedDict):
    """About the service: https://github.com/ga4gh-discovery/ga4gh-service-info."""

    id: str
    name: str
    type: ServiceType
    organization: Organization
    version: str
    workflow_type_versions: dict[str, WorkflowTypeVersion]
    supported_wes_versions: list[str]
    supported_filesystem_protocols: list[str]
    workflow_engine_versions: dict[str, WorkflowEngineVersion]
    default_workflow_engine_parameters: list[DefaultWorkflowEngineParameter]
    system_state_counts: dict[str, int]
    auth_instructions_url: str
    tags: dict[str, str]
