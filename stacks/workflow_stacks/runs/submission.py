"""Submitting a workflow to a deployed context: what is staged, what its head job is given, and what is recorded."""

from __future__ import annotations

import json
import re
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from workflow_stacks.errors import WorkflowContextError

from .engines import ENGINES
from .engines.base import Place, RunEngine
from .jobs import RUN_TAG
from .record import RunRecord, RunStore, new_run_id
from .staging import Stage, WorkflowInputError
from .storage import ContextStorage
from .target import Target
from .workflow_source import WorkflowFinder, WorkflowSource

RUN_VARIABLE = "WORKFLOW_RUN_ID"
"""The variable by which a head job knows of which run it is; it gives the tag of the run to its tasks."""

RECORD_VARIABLE = "WORKFLOW_RUN_RECORD"
"""The variable by which a head job knows the address of the run's record, beside which it notes how the run ended."""

MAX_OVERRIDES = 8192
"""How many characters command and environment of a job may have: AWS Batch gives them to Amazon ECS as overrides.
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskOverride.html"""
_OF_BATCH = 700
"""Room for the variables that AWS Batch adds, such as the names of queue and compute environment, and for the run's."""


def engine_of(target: Target) -> RunEngine:
    """The engine of a context.

    Raises:
        WorkflowContextError: Its workflows cannot be run by this command.
    """
    name = target.context.engine.engine
    if name not in ENGINES:
        raise WorkflowContextError(
            f"workflows of {name} cannot be started by this command; those of {', '.join(ENGINES)} can. "
            f"'workflow-context config {target.name}' prints how {name}'s own client starts them"
        )
    return ENGINES[name]


def submit(
    target: Target,
    workflow: str,
    inputs: Sequence[str] = (),
    *,
    tags: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    language_version: str = "",
    storage: str = "",
    within: Path | None = None,
    checked: bool = True,
) -> RunRecord:
    """Submit a workflow.

    Args:
        target: The context.
        workflow: A name of the project, a path, or an address.
        inputs: `name=value`, or files of inputs.
        tags: Tags for the head job, beside that of the run.
        environment: More environment for the head job.
        language_version: The version of the language, for the record.
        storage: The name of storage that was provisioned, to work on. Default: the directory of the context.
        within: The folder of this machine outside of which no file is read: for callers that may not read everything
            that this process may. Default: any file may be.
        checked: Whether the workflow and the types of its inputs are checked on this machine, where the engine can.

    Returns:
        The record of the run, as it was saved.

    Raises:
        WorkflowContextError: The workflow or its inputs cannot be used, or AWS refuses the head job.
    """
    engine = engine_of(target)
    settings = target.context.engine
    run_id = new_run_id()
    arn = head_of(target, storage)
    definition = head_definition(target, arn)
    container = definition["containerProperties"]
    mounts = container.get("mountPoints", [])
    with tempfile.TemporaryDirectory(prefix=".workflow-", dir=within) as scratch:
        finder = WorkflowFinder(settings.type, Path(scratch), target.project, target.folder)
        source = replace(finder.find(workflow), checked=checked)
        if within is not None:
            _check_within(source, within)
        place = Place(
            run_id=run_id,
            stage=Stage(target.client("s3"), f"{target.place}/runs/sources/", within),
            results=f"{target.place}/results/{run_id}/",
            mount=mounts[0]["containerPath"] if mounts else "",
            parameters=definition.get("parameters", {}),
            command=container["command"],
            language=settings.type,
            image=container["image"],
            room=_room(container, environment or {}),
            is_local=target.is_local,
        )
        submission = engine.prepare(source, inputs, place)
    record = RunRecord(
        run_id=run_id,
        workflow=source.name,
        source=_said(workflow, within),
        project=target.project.name,
        context=target.name,
        user=target.user,
        engine=settings.engine,
        language=settings.type,
        language_version=language_version,
        image=container["image"],
        submitted_at=time.time(),
        submitted_by=_who(target),
        head_queue=target.outputs["HeadQueue"],
        task_queues=target.task_queues,
        inputs=submission.inputs,
        parameters=submission.parameters,
        outputs=submission.outputs,
        outputs_named_in=submission.outputs_named_in,
        storage=storage,
        tags=dict(tags or {}),
    )
    store = store_of(target)
    # Before the head job is there, so that a run whose submission is interrupted is found again by its name.
    store.save(record)
    more = {**submission.environment, **(environment or {})}
    try:
        head = _submit_head(target, record, arn, submission.parameters, more)
    except WorkflowContextError:
        store.delete(record)
        raise
    submitted = replace(record, head_jobs=(head,))
    store.save(submitted)
    return submitted


def _check_within(source: WorkflowSource, within: Path) -> None:
    """A manifest may name files anywhere."""
    for path in filter(None, (source.folder, source.file, source.options, *source.inputs)):
        if not path.resolve().is_relative_to(within.resolve()):
            raise WorkflowInputError(f"{path} is outside of the workflow's folder")


def _said(workflow: str, within: Path | None) -> str:
    """What the user named, without the folder of this machine that it lies in."""
    is_below = within is not None and Path(workflow).is_relative_to(within)
    return str(Path(workflow).relative_to(within)) if within is not None and is_below else workflow


def adopt(target: Target, record: RunRecord) -> RunRecord:
    """Find the head job of a run whose submission was interrupted, by its name, and note it.

    Returns:
        The record with its head job; as it was when AWS Batch has none of this name.
    """
    pages = target.client("batch").get_paginator("list_jobs")
    named = [{"name": "JOB_NAME", "values": [_job_name(record)]}]
    found = [
        job["jobId"]
        for page in pages.paginate(jobQueue=record.head_queue, filters=named)
        for job in page["jobSummaryList"]
    ]
    if not found:
        return record
    adopted = replace(record, head_jobs=tuple(found))
    store_of(target).save(adopted)
    return adopted


def resubmit(target: Target, record: RunRecord) -> RunRecord:
    """Submit a new head job that goes on with a run, and return its record as it was saved.

    Raises:
        WorkflowContextError: AWS refuses the head job, or the storage that the run worked on has expired.
    """
    parameters = dict(engine_of(target).resume(record, target.outputs))
    try:
        definition = head_of(target, record.storage)
    except WorkflowContextError as error:
        raise WorkflowContextError(f"the run {record.run_id} cannot be resumed: {error}") from error
    head = _submit_head(target, record, definition, parameters, {})
    resumed = replace(record, head_jobs=(*record.head_jobs, head), parameters=parameters)
    store = store_of(target)
    store.forget_end(record)
    store.save(resumed)
    return resumed


def store_of(target: Target) -> RunStore:
    """The records of a context."""
    return RunStore(target.client("s3"), target.place)


def head_of(target: Target, storage: str = "") -> str:
    """The ARN of the job definition of head jobs: that of the context, or of storage that was provisioned.

    Raises:
        WorkflowContextError: There is no such storage, or runs of the context cannot use it.
    """
    return ContextStorage(target).use(storage) if storage else target.outputs["HeadJobDefinition"]


def head_definition(target: Target, arn: str = "") -> Mapping[str, Any]:
    """The head job definition of a context, or another one of its, as AWS Batch tells it."""
    arn = arn or target.outputs["HeadJobDefinition"]
    found = target.client("batch").describe_job_definitions(jobDefinitions=[arn])["jobDefinitions"]
    if not found:
        raise WorkflowContextError(f"the head job definition {arn} does not exist any more: deploy the context again")
    definition: Mapping[str, Any] = found[0]
    return definition


def _submit_head(
    target: Target, record: RunRecord, definition: str, parameters: Mapping[str, str], environment: Mapping[str, str]
) -> str:
    from botocore.exceptions import BotoCoreError, ClientError

    own = {RUN_VARIABLE: record.run_id, RECORD_VARIABLE: store_of(target).address(record)}
    variables = [{"name": name, "value": value} for name, value in {**environment, **own}.items()]
    try:
        head: str = target.client("batch").submit_job(
            jobName=_job_name(record),
            jobQueue=target.outputs["HeadQueue"],
            jobDefinition=definition,
            parameters=dict(parameters),
            containerOverrides={"environment": variables},
            tags={**record.tags, RUN_TAG: record.run_id},
            propagateTags=True,
        )["jobId"]
    except (ClientError, BotoCoreError) as error:
        raise WorkflowContextError(f"AWS Batch does not take the head job: {error}") from error
    return head


def _room(container: Mapping[str, Any], environment: Mapping[str, str]) -> int:
    """How many characters are left for the parameters of a head job, as JSON writes them."""
    defined = {one["name"]: one["value"] for one in container.get("environment", [])}
    variables = [{"name": name, "value": value} for name, value in {**defined, **environment}.items()]
    taken = {"command": container["command"], "environment": variables}
    return MAX_OVERRIDES - _OF_BATCH - len(json.dumps(taken, separators=(",", ":"), ensure_ascii=False))


def _job_name(record: RunRecord) -> str:
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", record.workflow)[:90]
    return f"{plain}-{record.run_id}"


def _who(target: Target) -> str:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        arn: str = target.client("sts").get_caller_identity()["Arn"]
    except (ClientError, BotoCoreError):
        return ""  # a record without it is better than no run
    return arn
