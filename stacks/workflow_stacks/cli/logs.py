"""`workflow-context logs RUN`: what the jobs of a run wrote."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from workflow_stacks.errors import WorkflowContextError

from .options import DEFAULT_PROJECT, JsonOption, ProjectOption
from .output import print_json
from .run_options import LocalOption, RunArgument, UserOption, runs_of

if TYPE_CHECKING:
    from workflow_stacks.runs.jobs import Job
    from workflow_stacks.runs.record import RunRecord
    from workflow_stacks.runs.service import Runs
    from workflow_stacks.runs.target import Target

_PAUSE_SECONDS, _LOCAL_PAUSE_SECONDS = 3.0, 0.3
_ENDED = ("SUCCEEDED", "FAILED")


def logs(
    run: RunArgument,
    task: Annotated[
        str | None, typer.Option("--task", metavar="NAME", help="Of the tasks whose job name or id holds NAME.")
    ] = None,
    head: Annotated[bool, typer.Option("--head", help="Of the head job, which is the engine's own log.")] = False,
    failed: Annotated[bool, typer.Option("--failed", help="Of the tasks that failed, the first one first.")] = False,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the jobs have ended.")] = False,
    tail: Annotated[int | None, typer.Option("--tail", metavar="LINES", min=1, help="Only the last lines.")] = None,
    project: ProjectOption = DEFAULT_PROJECT,
    user: UserOption = "",
    local: LocalOption = False,
    json: JsonOption = False,
) -> None:
    """Print the logs of a run: of the tasks that failed, or else of its head job.

    --task, --head and --failed choose other jobs.
    """
    runs = runs_of(project, user, local)
    target, record = runs.find(run)
    jobs = _chosen(runs, target, record, task=task, head=head, failed=failed)
    if json:
        print_json(
            [
                {"job": job["jobId"], "name": job["jobName"], "state": job["status"], "lines": runs.log(target, job)}
                for job in jobs
            ]
        )
        return
    for job in jobs:
        if len(jobs) > 1 or job["jobId"] not in record.head_jobs:
            typer.echo(f"==> {job['jobName']} ({job['jobId']}): {job['status']}{_reason(job)}")
        _print(runs, target, job, follow=follow, tail=tail)


def _chosen(
    runs: Runs, target: Target, record: RunRecord, *, task: str | None, head: bool, failed: bool
) -> Sequence[Job]:
    """The jobs whose logs are wanted.

    Raises:
        WorkflowContextError: There are none.
    """
    jobs = runs.jobs(target, record)
    first = jobs.head()
    if head:
        return _known([first] if first else [], record)
    tasks = jobs.tasks()
    if task is not None:
        named = [one["jobId"] for one in jobs.one_by_one(tasks) if task in one["jobName"] or task == one["jobId"]]
        if not named:
            names = ", ".join(dict.fromkeys(one["jobName"] for one in tasks)) or "none yet"
            raise WorkflowContextError(f"no task of the run {record.run_id} is named '{task}'; its tasks: {names}")
        return jobs.described(named)
    ids = [one["jobId"] for one in jobs.one_by_one(tasks) if one["status"] == "FAILED"]
    found = sorted(jobs.described(ids), key=lambda job: int(job.get("stoppedAt", 0)))
    if failed and not found:
        raise WorkflowContextError(f"no task of the run {record.run_id} has failed")
    return found or _known([first] if first else [], record)


def _known(jobs: Sequence[Job], record: RunRecord) -> Sequence[Job]:
    if not jobs:
        raise WorkflowContextError(
            f"AWS Batch has forgotten the head job of the run {record.run_id}: it keeps ended jobs for some days"
        )
    return jobs


def _reason(job: Job) -> str:
    container = job.get("container", {})
    code = container.get("exitCode")
    parts = [f"exit code {code}" if code is not None else "", job.get("statusReason", ""), container.get("reason", "")]
    said = "; ".join(part for part in parts if part)
    return f", {said}" if said and job["status"] == "FAILED" else ""


def _print(runs: Runs, target: Target, job: Job, *, follow: bool, tail: int | None) -> None:
    pause = _LOCAL_PAUSE_SECONDS if target.is_local else _PAUSE_SECONDS
    seen = 0
    while True:
        lines = runs.log(target, job)
        for line in lines[-tail:] if tail and seen == 0 else lines[seen:]:
            typer.echo(line)
        seen = max(seen, len(lines))
        if not follow or job["status"] in _ENDED:
            break
        time.sleep(pause)
        found = target.client("batch").describe_jobs(jobs=[job["jobId"]])["jobs"]
        if not found:
            break
        job = found[0]
    if seen == 0:
        typer.echo(f"(nothing was written; the job is {job['status']}: workflow-context why {job['jobId']})", err=True)
