"""The operations of AWS Batch on jobs: SubmitJob, DescribeJobs, ListJobs, CancelJob, TerminateJob."""

import uuid
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from . import limits
from .control_plane import Batch
from .errors import ClientError
from .job_records import (
    ENDED,
    MIN_TIMEOUT_SECONDS,
    STATES,
    array_child,
    new_job,
    now_ms,
    summary,
)
from .job_tags import OWN_TAGS, SHORT_TIMEOUTS, SUBMITTED_BY, inherited
from .scheduler import STOPPED, Run, Scheduler

Record = dict[str, Any]

PAGE = 1000

caller: ContextVar[str] = ContextVar("caller", default="")
"""The job that makes the present request; empty when it is no job."""


class Jobs:
    """The jobs of one Batch, which gets the operations on them.

    Args:
        batch: Its queues, compute environments and job definitions.
        store: Jobs by their id.
        run: Runs one attempt; see `Scheduler`.

    Attributes:
        scheduler: Starts them.
    """

    def __init__(self, batch: Batch, store: Any, run: Run) -> None:
        self.scheduler = Scheduler(batch, store, run)
        self._store = store
        self._batch = batch
        batch.actions |= {
            "submitjob": self.submit,
            "describejobs": self.describe,
            "listjobs": self.list_jobs,
            "canceljob": self.cancel,
            "canceljobs": lambda request: self._each(request, self.cancel),
            "terminatejob": self.terminate,
            "terminatejobs": lambda request: self._each(request, self.terminate),
        }
        batch.queue_deleted = self._end_jobs_of
        self._rate = limits.SubmissionRate()

    def submit(self, request: Record) -> Record:
        """Take a job, or all jobs of an array job."""
        self._rate.check()
        if caller.get() and (own := [name for name in request.get("tags", {}) if name.startswith(OWN_TAGS)]):
            raise ClientError(f"Tags that begin with {OWN_TAGS} are given by the local cloud alone: {', '.join(own)}")
        limits.check_job_size(request)
        queue = self._queue(request["jobQueue"])
        if queue["state"] != "ENABLED":
            raise ClientError(f"JobQueue {queue['jobQueueName']} is disabled")
        id_ = str(uuid.uuid4())
        job = new_job(
            request,
            self._definition(request["jobDefinition"]),
            id_=id_,
            arn=self._batch.arn(f"job/{id_}"),
            queue_arn=queue["jobQueueArn"],
            tags={SUBMITTED_BY: caller.get()} if caller.get() in self._store else {},
        )
        self._check(job)
        self._batch.consumed.check(job)
        self._store[id_] = job
        if "arrayProperties" in job:
            job["status"] = "PENDING"
            children = [array_child(job, index) for index in range(job["arrayProperties"]["size"])]
            for child in children:
                child["status"] = "SUBMITTED"
                self._store[child["jobId"]] = child
            for child in children:
                self.scheduler.add(child)
        else:
            self.scheduler.add(job)
        return {key: job[key] for key in ("jobArn", "jobId", "jobName")}

    def describe(self, request: Record) -> Record:
        """Return the jobs asked for."""
        if len(request.get("jobs", [])) > limits.MAX_DESCRIBED_JOBS:
            raise ClientError(f"Maximum number of jobs supported is {limits.MAX_DESCRIBED_JOBS}")
        ids = [one.rsplit("/", 1)[-1] for one in request.get("jobs", [])]
        return {"jobs": [self._counted(self._store[id_]) for id_ in ids if id_ in self._store]}

    def list_jobs(self, request: Record) -> Record:
        """Return the jobs of a queue, or of an array job: those that run, unless a state or a filter is given."""
        filters = request.get("filters", [])
        status = None if filters else request.get("jobStatus", "RUNNING")
        if request.get("arrayJobId"):
            jobs = [job for job in self._store.values() if job["jobId"].startswith(request["arrayJobId"] + ":")]
        else:
            arn = self._queue(request.get("jobQueue", ""))["jobQueueArn"]
            jobs = [job for job in self._store.values() if job["jobQueue"] == arn and ":" not in job["jobId"]]
        found = [
            summary(self._counted(job))
            for job in sorted(jobs, key=lambda job: -job["createdAt"])
            if status in (None, job["status"]) and all(_passes(job, one) for one in filters)
        ]
        start, size = int(request.get("nextToken") or 0), int(request.get("maxResults") or PAGE)
        rest = {"nextToken": str(start + size)} if len(found) > start + size else {}
        return {"jobSummaryList": found[start : start + size], **rest}

    def _counted(self, job: Record) -> Record:
        """A job, with the states of its children when it is an array job."""
        if _is_array(job):
            states = [child["status"] for child in self.scheduler.children(job)]
            job["arrayProperties"]["statusSummary"] = {state: states.count(state) for state in STATES}
        return job

    def cancel(self, request: Record) -> Record:
        """Cancel a job that has not started; one that has goes on."""
        for job in self._with_children(request["jobId"]):
            if job["status"] not in (*ENDED, "STARTING", "RUNNING"):
                job["isCancelled"] = True
                self.scheduler.end(job, request["reason"])
        return {}

    def terminate(self, request: Record) -> Record:
        """End a job, wherever it is."""
        for job in self._with_children(request["jobId"]):
            if job["status"] not in ENDED:
                job["isTerminated"] = True
                self.scheduler.end(job, request["reason"])
        return {}

    def _each(self, request: Record, end: Callable[[Record], Record]) -> Record:
        """CancelJobs and TerminateJobs: the same for up to 50 jobs; those that do not exist count as done."""
        ids: list[str] = request["jobs"]
        if not 1 <= len(ids) <= limits.MAX_JOBS_PER_CALL:
            raise ClientError(f"Maximum number of jobs supported is {limits.MAX_JOBS_PER_CALL}")
        for id_ in ids:
            end({"jobId": id_, "reason": request["reason"]})
        return {"successful": ids, "errors": []}

    def _end_jobs_of(self, queue: str) -> None:
        """End the jobs of a queue that was deleted, wherever they are."""
        for job in [job for job in self._store.values() if job["jobQueue"] == queue and not _is_array(job)]:
            if job["status"] not in ENDED:
                job["isTerminated"] = True
                self.scheduler.end(job, f"The job queue {queue} was deleted")

    def fail_leftovers(self) -> None:
        """Fail the jobs that a former server did not bring to their end."""
        for job in self._store.values():
            if job["status"] not in ENDED:
                job |= {"status": "FAILED", "statusReason": STOPPED, "stoppedAt": now_ms()}

    def _check(self, job: Record) -> None:
        for dependency in job["dependsOn"]:
            if dependency.get("type") != "SEQUENTIAL" and dependency.get("jobId") not in self._store:
                raise ClientError(f"Job {dependency.get('jobId')}, on which this one depends, does not exist")
        seconds = job.get("timeout", {}).get("attemptDurationSeconds", MIN_TIMEOUT_SECONDS)
        if seconds < MIN_TIMEOUT_SECONDS and inherited(job, self._store, SHORT_TIMEOUTS) is None:
            raise ClientError(f"timeout.attemptDurationSeconds must be at least {MIN_TIMEOUT_SECONDS}, not {seconds}")

    def _queue(self, reference: str) -> Record:
        found: Record | None = self._batch.queues.get(reference.rsplit("/", 1)[-1])
        if found is None:
            raise ClientError(f"JobQueue {reference} does not exist")
        return found

    def _definition(self, reference: str) -> Record:
        """A revision by ARN or `name:revision`; by name alone the latest one that is active."""
        name = reference.rsplit("/", 1)[-1]
        found: Record | None = self._batch.definitions.get(name)
        if ":" not in name:
            revisions = [one for one in self._batch.definitions.values() if one["jobDefinitionName"] == name]
            active = [one for one in revisions if one["status"] == "ACTIVE"]
            found = max(active, key=lambda one: int(one["revision"]), default=None)
        if found is None or found["status"] != "ACTIVE":
            raise ClientError(f"JobDefinition {reference} does not exist, or is not active")
        return found

    def _with_children(self, id_: str) -> list[Record]:
        job = self._store.get(id_)
        if job is None:
            return []
        return self.scheduler.children(job) if _is_array(job) else [job]


def _is_array(job: Record) -> bool:
    return "statusSummary" in job.get("arrayProperties", {})


def _passes(job: Record, condition: Record) -> bool:
    """Whether a job passes a filter of ListJobs; a name may end in `*`."""
    name, values = condition["name"], condition["values"]
    if name == "AFTER_CREATED_AT":
        return bool(job["createdAt"] > int(values[0]))
    if name == "BEFORE_CREATED_AT":
        return bool(job["createdAt"] < int(values[0]))
    text = {"JOB_NAME": job["jobName"], "JOB_DEFINITION": job["jobDefinition"].rsplit("/", 1)[-1]}.get(name)
    if text is None:
        raise ClientError(f"The local cloud has no filter {name}")
    return any(text == one or (one[-1:] == "*" and text.startswith(one[:-1])) for one in values)
