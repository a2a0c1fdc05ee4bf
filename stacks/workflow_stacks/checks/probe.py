"""The job that checks a context from within, and what is read of it."""

from __future__ import annotations

import copy
import json
import re
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from workflow_stacks.runs.jobs import Job, log_events
from workflow_stacks.runs.staging import split
from workflow_stacks.runs.target import Target
from workflow_stacks.runs.why import NOT_MOUNTED, diagnose, explain

from .before import Deployed, Record
from .steps import Report, State

Tell = Callable[[str], None]

_OUTSIDE = "workflow-context-check"
_ENDED = ("SUCCEEDED", "FAILED")
_GRACE_SECONDS = 60.0
_LOG_SECONDS = 30.0
_LAST_LINES = 5
_FILE_SYSTEM = ("head-mount", "head-write", "head-owner", "task-mount", "task-write", "task-owner", "task-files")
_HEAD = (
    *("head-start", "head-mount", "head-write", "head-owner"),
    *("s3-write", "s3-read", "s3-delete", "s3-outside"),
    *("register", "submit", "task-run", "task-files", "end", "deregister"),
)
_TASK = ("task-mount", "task-write", "task-owner", "task-s3")
_NO_TASKS = ("register", "submit", "task-run", *_TASK, "task-files", "end", "deregister", "task-log")


class Probe:
    """Submits the jobs of a check, and reads what they say.

    Args:
        target: The context.
        deployed: What it says of itself.
        report: Takes the steps.
        tell: Is told how it goes.
        pause: Seconds between two looks.
    """

    def __init__(self, target: Target, deployed: Deployed, report: Report, tell: Tell, pause: float) -> None:
        self._target = target
        self._deployed = deployed
        self._report = report
        self._tell = tell
        self._pause = pause
        self._id = uuid.uuid4().hex[:12]
        self._seen: dict[str, int] = {}
        self._tasks: dict[str, str] = {}
        self._heads: list[str] = []
        self._outside = self._choose_outside()

    def run(self, seconds: float) -> None:
        """Run the check to its end, and remove what it left.

        Args:
            seconds: After so long, what has not ended is ended, and counts as failed.
        """
        self._leave_out()
        deadline = time.monotonic() + seconds
        try:
            exists = self._put_outside()
            head = self._submit(self._deployed.contract["definition"], self._settings(exists))
            start = self._deployed.contract.get("headStart")
            started = self._submit(self._target.outputs["HeadJobDefinition"], start, command=False) if start else ""
            self._follow(head, deadline, _HEAD)
            self._read_task()
            if started:
                self._follow(started, deadline, ("head-image",))
        finally:
            self._end_all()
            self._delete_outside()

    def _leave_out(self) -> None:
        contract, task = self._deployed.contract, self._deployed.contract.get("task")
        leave_out = self._report.leave_out
        if not self._mount:
            leave_out("no file system is mounted in this context", *_FILE_SYSTEM)
        elif not contract["changesOwners"]:
            leave_out("the context's user of the file system is not root", "head-owner", "task-owner")
        if not contract.get("headStart"):
            leave_out("the check itself runs in it", "head-image")
        if not self._outside:
            leave_out("the context may use the whole bucket", "s3-outside")
        if task is None:
            leave_out("the engine does not say what its tasks are", *_NO_TASKS)
            return
        if task.get("definition"):
            leave_out("tasks have a job definition of the context", "register", "deregister")
        if not task.get("client"):
            leave_out("tasks of this engine find no AWS CLI on their machine", "task-s3")

    @property
    def _mount(self) -> str:
        return self._target.outputs.get("MountPath", "")

    def _settings(self, exists: bool) -> Mapping[str, str]:
        contract = self._deployed.contract
        settings: dict[str, Any] = {
            "id": self._id,
            "place": self._target.place,
            "outside": self._outside,
            "outside_exists": exists,
            "mount": self._mount,
            "changes_owners": contract["changesOwners"],
            "queue": self._target.outputs["TaskQueue"],
            "pause": self._pause,
        }
        if contract.get("task"):
            settings["task"] = _with_mounts(contract["task"], self._deployed.definition["containerProperties"])
        return {"WORKFLOW_CHECK": json.dumps(settings, separators=(",", ":"))}

    def _submit(self, definition: str, environment: Mapping[str, str], *, command: bool = True) -> str:
        overrides: dict[str, Any] = {"environment": [{"name": key, "value": one} for key, one in environment.items()]}
        if command:
            overrides["command"] = self._deployed.contract["command"]
        job: str = self._target.client("batch").submit_job(
            jobName=f"check-{self._id}",
            jobQueue=self._target.outputs["HeadQueue"],
            jobDefinition=definition,
            containerOverrides=overrides,
        )["jobId"]
        self._heads.append(job)
        self._tell(f"submitted the job {job}")
        return job

    def _follow(self, id_: str, deadline: float, steps: Sequence[str]) -> None:
        """Read a job to its end. What it does not say by then, has failed."""
        last = ""
        while True:
            job = self._described(id_)
            if job["status"] != last:
                last = job["status"]
                self._tell(f"the job {id_} is {last}")
            self._read(job)
            if last in _ENDED:
                break
            if time.monotonic() > deadline:
                self._blame(self._tasks.get("task", id_), steps)
                return
            time.sleep(self._pause)
        self._read_rest(job, steps)
        if last == "FAILED" and not self._any_failed(steps):
            self._explain(job, steps)

    def _any_failed(self, steps: Sequence[str]) -> bool:
        return any(self._report.state(name) is State.FAILED for name in steps)

    def _explain(self, job: Job, steps: Sequence[str]) -> None:
        """The step that a job was at, when it failed without a word, by AWS's reason and the end of its log."""
        self._fail_known(steps, "head-mount", self._reason(job))

    def _reason(self, job: Job) -> str:
        """What AWS says of a job that failed, and the end of its log."""
        container = job.get("container", {})
        code = container.get("exitCode")
        said = [job.get("statusReason", ""), container.get("reason", "")]
        said += [f"exit code {code}"] if code is not None else []
        said += [line for _, line in log_events(self._target.client, job)[-_LAST_LINES:] if not line.startswith("@")]
        return "; ".join(dict.fromkeys(filter(None, said)))

    def _fail_known(self, steps: Sequence[str], mount_step: str, text: str) -> None:
        """The first step that was not reached fails, or that of the mount, with what is known of the reason."""
        known = explain(text)
        told, remedy = (f"{known[0]} ({text})", known[1]) if known else (text, "")
        if re.search(NOT_MOUNTED, text):
            self._report.fail(mount_step, told, remedy)
        else:
            self._report.fail_next(steps, told, remedy)

    def _blame(self, id_: str, steps: Sequence[str]) -> None:
        """What keeps a job from going on, when the time is over."""
        wrong = [one for one in diagnose(self._target.client, id_) if one.ok is False]
        told = "; ".join(one.message for one in wrong) or f"the job is still {self._described(id_)['status']}"
        remedy = wrong[0].remedy if wrong else f"wait longer (--timeout), or ask: workflow-context why {id_}"
        self._report.fail_next(steps, f"the time is over: {told}", remedy)

    def _read(self, job: Job) -> bool:
        """Read the log of a job on from where it was read to; whether there was something."""
        id_ = job["jobId"]
        events = log_events(self._target.client, job)
        for _, line in events[self._seen.get(id_, 0) :]:
            self._hear(line)
        self._seen[id_] = len(events)
        return bool(events)

    def _hear(self, line: str) -> None:
        kind, _, rest = line.partition(" ")
        if kind == "@task":
            name, _, id_ = rest.partition(" ")
            self._tasks[name] = id_.strip()
        elif kind == "@check":
            name, state, *message = rest.split(" ", 2)
            if name == "task-start":
                self._report.ok("task-log", " ".join(message))
            elif state == "ok":
                self._report.ok(name, " ".join(message))
            else:
                self._report.fail(name, " ".join(message))
            self._tell(f"{name}: {state}")
        elif line.startswith("The task "):
            self._tell(line[0].lower() + line[1:])

    def _read_rest(self, job: Job, steps: Sequence[str]) -> None:
        """CloudWatch Logs takes some seconds to show the last lines."""
        deadline = time.monotonic() + _LOG_SECONDS
        complete = job["status"] == "SUCCEEDED"
        while not self._read(job) or (complete and any(self._report.state(one) is State.NOT_REACHED for one in steps)):
            if time.monotonic() > deadline or not job.get("container", {}).get("logStreamName"):
                break
            time.sleep(self._pause)
        if self._seen.get(job["jobId"]):
            self._report.ok("head-log", f"of job {job['jobId']}")
        elif complete:
            self._report.fail("head-log", "the job succeeded, and nothing of its log can be read")

    def _read_task(self) -> None:
        """What the task says; it has run when the head job says so."""
        if "task" not in self._tasks:
            return
        job = self._described(self._tasks["task"])
        if self._report.state("task-run") is not State.OK:
            self._explain_task(job)
            return
        deadline = time.monotonic() + _LOG_SECONDS
        while not self._read(job) or any(self._report.state(one) is State.NOT_REACHED for one in _TASK):
            if time.monotonic() > deadline:
                self._report.fail("task-log", "the task succeeded, and not all of its log can be read")
                return
            time.sleep(self._pause)

    def _explain_task(self, job: Job) -> None:
        """Why the task did not run, or not to its end: by AWS's reason and the end of its log."""
        self._read(job)
        if job["status"] != "FAILED" or self._report.state("task-run") is not State.FAILED:
            return
        self._report.reopen("task-run")
        self._fail_known(("task-run",), "task-mount", self._reason(job))

    def _described(self, id_: str) -> Job:
        job: Job = self._target.client("batch").describe_jobs(jobs=[id_])["jobs"][0]
        return job

    def _end_all(self) -> None:
        """End what still runs: the head job first, which then cleans up after itself."""
        batch = self._target.client("batch")
        heads = [id_ for id_ in self._heads if self._described(id_)["status"] not in _ENDED]
        for id_ in heads:
            batch.terminate_job(jobId=id_, reason="The check of the context is over")
        deadline = time.monotonic() + _GRACE_SECONDS
        while any(self._described(id_)["status"] not in _ENDED for id_ in heads) and time.monotonic() < deadline:
            time.sleep(self._pause)
        for id_ in self._tasks.values():
            if self._described(id_)["status"] not in _ENDED:
                batch.terminate_job(jobId=id_, reason="The check of the context is over")
        address = self._deployed.contract.get("task", {}).get("address")
        if address:
            self._delete(f"{address}/task")

    def _choose_outside(self) -> str:
        """An object of the same bucket that the context has no right to; none when it may use all of it."""
        bucket, prefix = split(self._target.place)
        key = f"{_OUTSIDE}/{self._id}"
        covered = [one.prefix for one in self._target.project.data if one.bucket == bucket]
        if not prefix or any(not one or key.startswith(f"{one}/") for one in covered):
            return ""
        return f"s3://{bucket}/{key}"

    def _put_outside(self) -> bool:
        """Write the object that must not be read; whether that could be done."""
        from botocore.exceptions import ClientError

        if not self._outside:
            return False
        bucket, key = split(self._outside)
        try:
            self._target.client("s3").put_object(Bucket=bucket, Key=key, Body=b"not yours")
        except ClientError:
            return False  # you may not write there either; then only writing is tried
        return True

    def _delete_outside(self) -> None:
        if self._outside:
            self._delete(self._outside)
            if self._report.state("s3-outside") is State.FAILED:
                self._delete(f"{self._outside}.written")

    def _delete(self, address: str) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        bucket, key = split(address)
        with suppress(ClientError, BotoCoreError):  # a few bytes below a name that says what they are
            self._target.client("s3").delete_object(Bucket=bucket, Key=key)


def _with_mounts(task: Record, head: Record) -> Record:
    """A task with what the head job mounts, where the engine says that its tasks mount the same, without a role."""
    if not task.get("mountsAsHead"):
        return task
    volumes = copy.deepcopy(head.get("volumes", []))
    for volume in volumes:
        volume.get("efsVolumeConfiguration", {}).get("authorizationConfig", {}).pop("iam", None)
    mounts = {"volumes": volumes, "mountPoints": head.get("mountPoints", [])}
    return {**task, "container": {**task["container"], **mounts}}
