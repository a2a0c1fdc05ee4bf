"""The scheduler of AWS Batch: who waits for whom, when there is room, and what follows an attempt.

Everything happens in the event loop of the server, so that no two things happen at once. A job is a record in the
store, and nothing else: what is left of it after a restart is what DescribeJobs said before.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from .control_plane import Batch
from .dispatch import refusal
from .job_records import ENDED, now_ms, vcpus
from .machines import why_it_never_fits
from .retries import Outcome, runs_again

Record = dict[str, Any]
Run = Callable[[Record, Record, Record, "asyncio.Future[str]"], Awaitable[Outcome]]

STOPPED = "The local cloud was stopped while this job was there"
NOT_RUN = Outcome(None, "The local cloud failed to run the job; its server.log tells why", final=True)


class Scheduler:
    """Starts the jobs of one Batch when they can start.

    Args:
        batch: Its queues and compute environments.
        store: Jobs by their id.
        run: Runs one attempt: job, compute environment, queue, and a future that asks it to end.

    Attributes:
        changed: Called whenever a record changes.
    """

    def __init__(self, batch: Batch, store: Any, run: Run) -> None:
        self.changed: Callable[[], None] = lambda: None
        self._batch = batch
        self._store = store
        self._run = run
        self._waiting: list[Record] = []
        self._stops: dict[str, asyncio.Future[str]] = {}
        self._used: dict[str, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._timers: set[tuple[str, float]] = set()
        self._closed = False
        batch.consumed.changed = self._wake

    def add(self, job: Record) -> None:
        """Take a job that was submitted."""
        self._waiting.append(job)
        self._wake()

    def end(self, job: Record, reason: str) -> None:
        """Ask a job to end: at once when it waits, with the grace of ECS when it runs."""
        stop = self._stops.get(job["jobId"])
        if stop is None:
            self._end(job, "FAILED", reason)
        elif not stop.done():
            stop.set_result(reason)

    def close(self) -> None:
        """Start nothing any more, and ask everything that runs to end."""
        self._closed = True
        for stop in self._stops.values():
            if not stop.done():
                stop.set_result(STOPPED)

    def children(self, parent: Record) -> list[Record]:
        """The jobs of an array job."""
        size = parent["arrayProperties"]["size"]
        return [self._store[f"{parent['jobId']}:{index}"] for index in range(size)]

    def _wake(self) -> None:
        self.changed()
        asyncio.get_running_loop().call_soon(self._schedule)

    def _schedule(self) -> None:
        """Start what can start: in each queue the first job first, and queues by their priority."""
        if self._closed:
            return
        for job in [*self._waiting]:
            self._await_others(job)
        runnable = [job for job in self._waiting if job["status"] == "RUNNABLE"]
        queues = {arn: self._queue(arn) for arn in {job["jobQueue"] for job in runnable}}
        blocked: set[str] = set()
        for job in sorted(runnable, key=lambda job: -queues[job["jobQueue"]].get("priority", 0)):
            arn = job["jobQueue"]
            if not queues[arn]:
                self._end(job, "FAILED", f"The job queue {arn} was deleted")
            elif arn not in blocked:
                environment = self._room(job, queues[arn])
                if environment is None:
                    blocked.add(arn)
                else:
                    self._start(job, environment, queues[arn])

    def _queue(self, arn: str) -> Record:
        found: Record = self._batch.queues.get(arn.rsplit("/", 1)[-1], {})
        return found

    def _await_others(self, job: Record) -> None:
        if job["status"] not in ("SUBMITTED", "PENDING"):
            return
        others = {self._store[one["jobId"]]["status"] for one in job["dependsOn"]}
        if "FAILED" in others:
            self._end(job, "FAILED", "Dependent Job failed")
        else:
            job["status"] = "RUNNABLE" if others <= {"SUCCEEDED"} else "PENDING"

    def _room(self, job: Record, queue: Record) -> Record | None:
        """The first compute environment of the queue that has room for the job now."""
        order = sorted(queue["computeEnvironmentOrder"], key=lambda one: int(one["order"]))
        environments = [self._batch.environments[one["computeEnvironment"].rsplit("/", 1)[-1]] for one in order]
        enabled = [one for one in environments if one["state"] == "ENABLED"]
        reason = why_it_never_fits(job, enabled)
        if reason:
            job["statusReason"] = " - ".join(reason)
            self._cancel_when_stuck(job, queue, reason[0])
            return None
        if not self._batch.consumed.are_free(job):
            return None
        wanted = vcpus(job)
        for environment in enabled:
            used = self._used.get(environment["computeEnvironmentArn"], 0)
            if used + wanted <= float(environment["computeResources"]["maxvCpus"]):
                return environment
        return None

    def _cancel_when_stuck(self, job: Record, queue: Record, stuck: str) -> None:
        def cancel(reason: str) -> None:
            if job["status"] == "RUNNABLE":
                job["isCancelled"] = True
                self._end(job, "FAILED", reason)

        for rule in queue["jobStateTimeLimitActions"]:
            timer = (job["jobId"], float(rule["maxTimeSeconds"]))
            if rule["state"] == "RUNNABLE" and rule["reason"] == stuck and timer not in self._timers:
                self._timers.add(timer)
                asyncio.get_running_loop().call_later(timer[1], cancel, rule["reason"])

    def _start(self, job: Record, environment: Record, queue: Record) -> None:
        refused = refusal(job, environment, queue)
        if refused:
            self._end(job, "FAILED", refused)
            return
        self._waiting.remove(job)
        arn = environment["computeEnvironmentArn"]
        self._used[arn] = self._used.get(arn, 0) + vcpus(job)
        self._batch.consumed.take(job)
        job["status"] = "STARTING"
        job.pop("statusReason", None)
        self._stops[job["jobId"]] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self._attempt(job, environment, queue))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _attempt(self, job: Record, environment: Record, queue: Record) -> None:
        outcome = NOT_RUN
        try:
            outcome = await self._run(job, environment, queue, self._stops[job["jobId"]])
        finally:
            self._used[environment["computeEnvironmentArn"]] -= vcpus(job)
            del self._stops[job["jobId"]]
            self._batch.consumed.give_back(job)
            self._close_attempt(job, outcome)

    def _close_attempt(self, job: Record, outcome: Outcome) -> None:
        """Write down how an attempt ended, and what becomes of the job."""
        container = job["container"]
        for key, value in (("exitCode", outcome.exit_code), ("reason", outcome.reason or None)):
            container.pop(key, None)
            if value is not None:
                container[key] = value
        names = ("exitCode", "reason", "logStreamName", "taskArn")
        attempt = {
            "container": {key: container[key] for key in names if key in container},
            "startedAt": job.get("startedAt", now_ms()),
            "stoppedAt": now_ms(),
            "statusReason": outcome.status_reason,
        }
        job["attempts"].append(attempt)
        if outcome.succeeded:
            self._end(job, "SUCCEEDED", outcome.status_reason)
        elif not self._closed and runs_again(job["retryStrategy"], len(job["attempts"]), outcome):
            job |= {"status": "RUNNABLE", "statusReason": outcome.status_reason}
            self._waiting.insert(0, job)
            self._wake()
        else:
            self._end(job, "FAILED", outcome.status_reason)

    def _end(self, job: Record, status: str, reason: str) -> None:
        job |= {"status": status, "statusReason": reason, "stoppedAt": now_ms()}
        if job in self._waiting:
            self._waiting.remove(job)
        if "index" in job.get("arrayProperties", {}):
            self._end_array(self._store[job["jobId"].rpartition(":")[0]])
        self._wake()

    def _end_array(self, parent: Record) -> None:
        states = {child["status"] for child in self.children(parent)}
        if states <= ENDED and parent["status"] not in ENDED:
            failed = "FAILED" in states
            self._end(parent, "FAILED" if failed else "SUCCEEDED", "Array Child Job failed" if failed else "")
