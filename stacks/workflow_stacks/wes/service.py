"""What each operation of the service does, for the contexts that a caller gives it."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workflow_stacks.errors import WorkflowContextError
from workflow_stacks.runs.engines import ENGINES
from workflow_stacks.runs.jobs import Job, log_of
from workflow_stacks.runs.record import RunNotFoundError, RunRecord
from workflow_stacks.runs.service import Runs, RunView
from workflow_stacks.runs.submission import head_definition, submit
from workflow_stacks.runs.target import Target

from .languages import takes_version, type_of
from .model import (
    BASE,
    Log,
    RunId,
    RunListResponse,
    RunLog,
    RunStatus,
    RunSummary,
    ServiceInfo,
    TaskListResponse,
    TaskLog,
    WesError,
)
from .request import PARAMETERS, Form, workflow_in
from .states import moment, wes_state

DOCUMENTATION = "https://cdk-workflow-context.github.io/cdk-workflow-context/wes/"
PAGE_SIZE, MAX_PAGE_SIZE = 50, 500
_COUNTED_RUNS = 50


class WesService:
    """The operations.

    Args:
        runs: The runs of the contexts that it serves.
        version: The version of this package.
        organization: Who provides the service: the name of the project.
        checked: Whether workflows are checked on this machine before they are submitted, where the engine can.
    """

    def __init__(self, runs: Runs, *, version: str, organization: str, checked: bool = True) -> None:
        self._runs = runs
        self._version = version
        self._organization = organization
        self._checked = checked
        self._versions: dict[str, str] = {}

    def service_info(self) -> ServiceInfo:
        """Which languages and engines are served, and how the latest runs are going."""
        targets = self._targets()
        latest = self._runs.find_all(limit=_COUNTED_RUNS)
        engines: dict[str, set[str]] = {}
        for target in targets:
            engines.setdefault(target.context.engine.engine, set()).add(self._version_of(target))
        languages = dict.fromkeys(target.context.engine.type for target in targets)
        return {
            "id": "io.github.cdk-workflow-context.wes",
            "name": f"Workflow contexts of {self._organization}",
            "type": {"group": "org.ga4gh", "artifact": "wes", "version": "1.1.0"},
            "organization": {"name": self._organization, "url": DOCUMENTATION},
            "version": self._version,
            "workflow_type_versions": {
                name: {"workflow_type_version": list(type_of(language).versions)}
                for language in languages
                for name in type_of(language).names
            },
            "supported_wes_versions": ["1.0.0", "1.1.0"],
            "supported_filesystem_protocols": ["s3", "https"],
            "workflow_engine_versions": {
                engine: {"workflow_engine_version": sorted(versions)} for engine, versions in engines.items()
            },
            "default_workflow_engine_parameters": [{"name": "context", "type": "string", "default_value": ""}],
            "system_state_counts": dict(Counter(wes_state(view.state, view.end) for view in latest)),
            "auth_instructions_url": DOCUMENTATION,
            "tags": {"contexts": ", ".join(target.name for target in targets)},
        }

    def list_runs(self, page_size: int | None = None, page_token: str | None = None) -> RunListResponse:
        """A page of runs, the newest first. The token of the next page is the id of the last run of this one."""
        size = _checked_size(page_size)
        try:
            found = self._runs.find_all(limit=size + 1, after=page_token or None)
        except RunNotFoundError as error:
            raise WesError(400, f"page_token: {error}") from error
        return {
            "runs": [_summary(view) for view in found[:size]],
            "next_page_token": found[size - 1].record.run_id if len(found) > size else "",
        }

    def run_workflow(self, form: Form) -> RunId:
        """Start a run: attachments are staged, and a head job is submitted."""
        url = form.text("workflow_url", required=True)
        version = form.text("workflow_type_version", required=True)
        target = self._target_for(form, version)
        tags, parameters = form.tags(), form.mapping("workflow_params")
        with tempfile.TemporaryDirectory(prefix="wes-") as scratch:
            folder = Path(scratch).resolve()
            form.save(folder)
            (folder / PARAMETERS).write_text(json.dumps(parameters), encoding="utf-8")
            try:
                record = submit(
                    target,
                    workflow_in(url, folder),
                    [str(folder / PARAMETERS)],
                    tags=tags,
                    language_version=version,
                    within=folder,
                    checked=self._checked,
                )
            except WorkflowContextError as error:
                raise WesError(400, str(error).replace(f"{folder}/", "")) from error
        return {"run_id": record.run_id}

    def run_status(self, run_id: str) -> RunStatus:
        """How a run is going."""
        target, record = self._find(run_id)
        view, head = self._view(target, record)
        return {"run_id": run_id, "state": wes_state(view.state, view.end, head)}

    def run_log(self, run_id: str, base_url: str) -> RunLog:
        """All about a run.

        Args:
            run_id: The run.
            base_url: The address at which the caller reached the service, without a final slash.
        """
        target, record = self._find(run_id)
        view, head = self._view(target, record)
        state = wes_state(view.state, view.end, head)
        outputs, notes = self._outputs(target, record) if state == "COMPLETE" else ({}, [])
        log = _log(head or {}, record.workflow, f"{base_url}{BASE}/runs/{run_id}/logs")
        if view.end is not None:
            log["end_time"] = moment(view.end.ended_at)
            if view.end.exit_code is not None:
                log["exit_code"] = view.end.exit_code
            log["system_logs"] = [one for one in (view.end.reason,) if one]
        log["system_logs"] += notes
        return {
            "run_id": run_id,
            "request": {
                "workflow_params": dict(record.inputs),
                "workflow_type": type_of(record.language).names[0],
                "workflow_type_version": record.language_version,
                "tags": dict(record.tags),
                "workflow_engine": record.engine,
                "workflow_engine_version": _tag(record.image),
                "workflow_engine_parameters": {"context": record.context},
                "workflow_url": record.source,
            },
            "state": state,
            "run_log": log,
            "task_logs_url": f"{base_url}{BASE}/runs/{run_id}/tasks",
            "outputs": outputs,
        }

    def cancel(self, run_id: str) -> RunId:
        """End a run and all its tasks; one that has ended stays as it is."""
        target, record = self._find(run_id)
        if not self._runs.status(target, record).state.ended:
            self._runs.stop(target, record)
        return {"run_id": run_id}

    def list_tasks(
        self, run_id: str, base_url: str, page_size: int | None = None, page_token: str | None = None
    ) -> TaskListResponse:
        """A page of the tasks of a run, the first one first. The token of the next page is the last id of this one."""
        size = _checked_size(page_size)
        target, record = self._find(run_id)
        jobs = self._runs.jobs(target, record)
        ids = [str(job["jobId"]) for job in jobs.tasks()]
        if page_token:
            if page_token not in ids:
                raise WesError(400, f"page_token: the run {run_id} has no task '{page_token}'")
            ids = ids[ids.index(page_token) + 1 :]
        found = {job["jobId"]: job for job in jobs.described(ids[:size])}
        shown = [found[id_] for id_ in ids[:size] if id_ in found]
        return {
            "task_logs": [_task(job, f"{base_url}{BASE}/runs/{run_id}/logs") for job in shown],
            "next_page_token": ids[size - 1] if len(ids) > size else "",
        }

    def task(self, run_id: str, task_id: str, base_url: str) -> TaskLog:
        """A task of a run."""
        target, record = self._find(run_id)
        return _task(self._job(target, record, task_id), f"{base_url}{BASE}/runs/{run_id}/logs")

    def log_text(self, run_id: str, job_id: str) -> str:
        """What a task or the head job of a run wrote so far; `stdout` and `stderr` are one stream in AWS Batch."""
        target, record = self._find(run_id)
        if job_id in record.head_jobs:
            [job] = self._runs.jobs(target, record).described([job_id]) or [{}]
        else:
            job = self._job(target, record, job_id)
        return "".join(f"{line}\n" for line in self._runs.log(target, job))

    def _version_of(self, target: Target) -> str:
        """The version of a context's engine: the tag of the image of its head jobs."""
        arn = target.outputs["HeadJobDefinition"]
        if arn not in self._versions:
            image = str(head_definition(target)["containerProperties"]["image"])
            self._versions[arn] = _tag(image)
        return self._versions[arn]

    def _targets(self) -> Sequence[Target]:
        return [target for target in self._runs.targets() if target.context.engine.engine in ENGINES]

    def _target_for(self, form: Form, version: str) -> Target:
        """The context that is named, or the only one whose engine runs the language."""
        asked = form.text("workflow_type", required=True)
        engine, engine_version = form.text("workflow_engine"), form.text("workflow_engine_version")
        parameters = form.texts("workflow_engine_parameters")
        unknown = sorted(set(parameters) - {"context"})
        if unknown:
            raise WesError(400, f"workflow_engine_parameters: 'context' is known, and not '{unknown[0][:100]}'")
        if engine_version and not engine:
            raise WesError(400, "workflow_engine is missing, which workflow_engine_version needs")
        targets = self._targets()
        served = [one for one in targets if asked.upper() in type_of(one.context.engine.type).names]
        if not served:
            names = dict.fromkeys(name for one in targets for name in type_of(one.context.engine.type).names)
            raise WesError(400, f"workflow_type must be one of {', '.join(names) or 'none'}, and is '{asked[:100]}'")
        language = served[0].context.engine.type
        if not takes_version(language, version):
            known = ", ".join(type_of(language).versions)
            raise WesError(400, f"workflow_type_version must be one of {known}, and is '{version[:100]}'")
        named = parameters.get("context")
        found = [
            one
            for one in served
            if named in (None, one.name)
            and engine.lower() in ("", one.context.engine.engine)
            and engine_version in ("", self._version_of(one))
        ]
        if len(found) == 1:
            return found[0]
        contexts = ", ".join(
            f"{one.name} ({one.context.engine.engine} {self._version_of(one)})" for one in found or served
        )
        if found:
            raise WesError(400, f'several contexts run {asked}: {contexts}; name one: {{"context": "{found[0].name}"}}')
        raise WesError(400, f"no context of this name, engine and engine version runs {asked}; these do: {contexts}")

    def _find(self, run_id: str) -> tuple[Target, RunRecord]:
        try:
            target, record = self._runs.find(run_id)
        except RunNotFoundError as error:
            raise WesError(404, f"there is no run '{run_id[:100]}'") from error
        if record.run_id != run_id:
            raise WesError(404, f"there is no run '{run_id[:100]}'")
        return target, record

    def _view(self, target: Target, record: RunRecord) -> tuple[RunView, Job | None]:
        head = self._runs.jobs(target, record).head()
        return self._runs.view(target, record, head), head

    def _job(self, target: Target, record: RunRecord, task_id: str) -> Job:
        jobs = self._runs.jobs(target, record)
        if any(job["jobId"] == task_id for job in jobs.tasks()):
            found = jobs.described([task_id])
            if found:
                return found[0]
        raise WesError(404, f"the run {record.run_id} has no task '{task_id[:100]}'")

    def _outputs(self, target: Target, record: RunRecord) -> tuple[dict[str, Any], list[str]]:
        try:
            return self._runs.outputs(target, record), []
        except WorkflowContextError as error:
            return {}, [str(error)]


def _checked_size(page_size: int | None) -> int:
    if page_size is not None and page_size < 1:
        raise WesError(400, f"page_size must be at least 1, and is {page_size}")
    return min(page_size or PAGE_SIZE, MAX_PAGE_SIZE)


def _tag(image: str) -> str:
    """The tag of a container image; `latest` where it has none."""
    name = image.rpartition("/")[2].partition("@")[0]
    return name.partition(":")[2] or "latest"


def _summary(view: RunView) -> RunSummary:
    summary: RunSummary = {
        "run_id": view.record.run_id,
        "state": wes_state(view.state, view.end),
        "start_time": moment(view.record.submitted_at),
        "tags": dict(view.record.tags),
    }
    if view.end is not None:
        summary["end_time"] = moment(view.end.ended_at)
    return summary


def _log(job: Job, name: str, logs_url: str) -> Log:
    container: Mapping[str, Any] = job.get("container", {})
    log: Log = {
        "name": name,
        "cmd": [str(word) for word in container.get("command", [])],
        "system_logs": [one for one in (job.get("statusReason", ""), container.get("reason", "")) if one],
    }
    if job.get("startedAt"):
        log["start_time"] = moment(job["startedAt"] / 1000)
    if job.get("stoppedAt"):
        log["end_time"] = moment(job["stoppedAt"] / 1000)
    if "exitCode" in container:
        log["exit_code"] = container["exitCode"]
    if log_of(job) is not None:
        # AWS Batch keeps both in one stream.
        log["stdout"] = log["stderr"] = f"{logs_url}/{job['jobId']}"
    return log


def _task(job: Job, logs_url: str) -> TaskLog:
    return {**_log(job, str(job["jobName"]), logs_url), "id": str(job["jobId"])}
