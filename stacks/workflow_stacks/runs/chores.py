"""Short jobs of a context that write their answer to their log."""

from __future__ import annotations

import time
from collections.abc import Mapping

from workflow_stacks.errors import WorkflowContextError

from .jobs import Job, log_events
from .target import Target

END = "@end"
"""The last line of such a job: no more comes."""

_PAUSE_SECONDS, _LOCAL_PAUSE_SECONDS = 3.0, 0.2
_JOB_SECONDS = 1200.0
_LOG_SECONDS = 30.0
_LAST_LINES = 5


def answer_of(target: Target, definition: str, name: str, parameters: Mapping[str, str]) -> list[str]:
    """Run a job on the head queue, and return the lines of its log.

    Args:
        target: The context.
        definition: The job definition.
        name: The name of the job.
        parameters: Values for the parameters of its definition.

    Raises:
        WorkflowContextError: AWS refuses it, it failed, or it has not ended within twenty minutes.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    if target.is_local:
        from workflow_stacks.local.runs.host import equip_local_context

        equip_local_context(target.project_file, target.name, user=target.user)
    pause = _LOCAL_PAUSE_SECONDS if target.is_local else _PAUSE_SECONDS
    try:
        batch = target.client("batch")
        id_: str = batch.submit_job(
            jobName=name, jobQueue=target.outputs["HeadQueue"], jobDefinition=definition, parameters=dict(parameters)
        )["jobId"]
        deadline = time.monotonic() + _JOB_SECONDS
        while (job := batch.describe_jobs(jobs=[id_])["jobs"][0])["status"] not in ("SUCCEEDED", "FAILED"):
            if time.monotonic() > deadline:
                raise WorkflowContextError(f"the job {id_} is still {job['status']}: workflow-context why {id_}")
            time.sleep(pause)
        lines, ended = _log(target, job, pause)
    except (BotoCoreError, ClientError) as error:
        raise WorkflowContextError(f"AWS refuses the job: {error}") from error
    if not ended:
        said = [job.get("statusReason", ""), job.get("container", {}).get("reason", ""), *lines[-_LAST_LINES:]]
        raise WorkflowContextError(f"the job {id_} failed: {'; '.join(filter(None, said)) or 'it said nothing'}")
    return lines


def _log(target: Target, job: Job, pause: float) -> tuple[list[str], bool]:
    """The log without its last line, and whether that was there; CloudWatch Logs shows lines some seconds late."""
    deadline = time.monotonic() + (_LOG_SECONDS if job["status"] == "SUCCEEDED" else pause)
    while True:
        lines = [line for _, line in log_events(target.client, job)]
        if END in lines:
            return lines[: lines.index(END)], True
        if time.monotonic() > deadline:
            return lines, False
        time.sleep(pause)
