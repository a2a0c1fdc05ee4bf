"""The jobs of a run as AWS Batch knows them: its head job, and the tasks that came of it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from .engines import ENGINES
from .record import RunEnd, RunRecord, RunState

Client = Callable[[str], Any]
Job = Mapping[str, Any]

RUN_TAG = "workflow-context:run"
"""The tag that tells of which run a job is: its value is the id of the run."""

OWNER_TAG = "Owner"
"""The tag that Toil gives to its jobs; the value is the id of the run. It gives no other.
https://toil.readthedocs.io/en/latest/appendices/environment_vars.html"""

NAME_IN_BATCH = "NameInBatch"
"""The output of a context on shared queues with which the names of its job definitions begin."""

STOP_REASON = "Stopped by workflow-context stop"
DEFAULT_LOG_GROUP = "/aws/batch/job"

_ENDED = ("SUCCEEDED", "FAILED")
_QUEUES = ("HeadQueue", "TaskQueue", "FallbackQueue")  # beginnings: other kinds of machines have queues too
_AT_WORK = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING")
_STATES = (*_AT_WORK, *_ENDED)
_IDS_IN_A_REQUEST = 100
_TERMINATIONS_IN_A_REQUEST = 50
_LOG_EVENTS = 10_000


class RunJobs:
    """Asks AWS Batch about the jobs of a run.

    Args:
        client: Gives the boto3 client of a service.
        record: The run.
    """

    def __init__(self, client: Client, record: RunRecord) -> None:
        self._client = client
        self._record = record
        self._known: dict[str, Job] = {}

    def head(self) -> Job | None:
        """Its last head job; None when there is none, or AWS Batch has forgotten it."""
        found = self.described(self._record.head_jobs[-1:])
        return found[0] if found else None

    def tasks(self) -> list[Job]:
        """Its task jobs as lists show them, the first one first.

        A job belongs to the run when it carries the tag of the run, was submitted by a job of it, or the engine knows
        it otherwise.
        """
        after = [{"name": "AFTER_CREATED_AT", "values": [str(int(self._record.submitted_at * 1000) - 1)]}]
        pages = self._client("batch").get_paginator("list_jobs")
        listed = {
            job["jobId"]: job
            for queue in self._record.task_queues
            for page in pages.paginate(jobQueue=queue, filters=after)
            for job in page["jobSummaryList"]
        }
        unknown = [id_ for id_ in listed if id_ not in self._known]
        self._known |= {job["jobId"]: job for job in self.described(unknown)}
        return sorted(self._own(listed), key=lambda job: int(job["createdAt"]))

    def one_by_one(self, tasks: Sequence[Job]) -> list[Job]:
        """Tasks with the children of array jobs in place of these."""
        pages = self._client("batch").get_paginator("list_jobs")
        found: list[Job] = []
        for task in tasks:
            if not task.get("arrayProperties", {}).get("size"):
                found.append(task)
                continue
            # A request that names neither a state nor a filter lists what runs, and nothing else.
            for state in _STATES:
                for page in pages.paginate(arrayJobId=task["jobId"], jobStatus=state):
                    found += page["jobSummaryList"]
        return found

    def _own(self, listed: Mapping[str, Job]) -> Iterator[Job]:
        family = set(self._record.head_jobs)
        for id_, job in sorted(listed.items(), key=lambda item: int(item[1]["createdAt"])):
            described = self._known.get(id_, {})
            tags = described.get("tags", {})
            # On the local cloud every job tells which one submitted it; miniwdl's jobs do so everywhere.
            parents = {tags.get("local:submitted-by"), tags.get("AWS_BATCH_PARENT_JOB_ID")}
            of_run = self._record.run_id in (tags.get(RUN_TAG), tags.get(OWNER_TAG))
            if of_run or parents & family or ENGINES[self._record.engine].is_task(self._record, described):
                family.add(id_)
                yield job

    def described(self, ids: Sequence[str]) -> list[Job]:
        """Jobs as DescribeJobs tells of them, a hundred in a request; those that it has forgotten are left out."""
        batch = self._client("batch")
        return [
            job
            for start in range(0, len(ids), _IDS_IN_A_REQUEST)
            for job in batch.describe_jobs(jobs=list(ids[start : start + _IDS_IN_A_REQUEST]))["jobs"]
        ]

    def end(self, ids: Sequence[str], reason: str = STOP_REASON) -> None:
        """End jobs."""
        end_jobs(self._client, ids, reason)

    def wait_for_end(self, ids: Sequence[str], seconds: float, pause: float = 1.0) -> bool:
        """Wait until jobs have ended; False when they have not within that time."""
        deadline = time.monotonic() + seconds
        while any(job["status"] not in _ENDED for job in self.described(ids)):
            if time.monotonic() > deadline:
                return False
            time.sleep(pause)
        return True


def end_jobs(client: Client, ids: Sequence[str], reason: str) -> None:
    """End jobs, fifty in a request."""
    batch = client("batch")
    for start in range(0, len(ids), _TERMINATIONS_IN_A_REQUEST):
        batch.terminate_jobs(jobs=list(ids[start : start + _TERMINATIONS_IN_A_REQUEST]), reason=reason)


def jobs_at_work(client: Client, outputs: Mapping[str, str]) -> list[tuple[str, Job]]:
    """The jobs of a deployed context that have not ended, each once with its last state, as lists show them.

    Args:
        client: Gives the boto3 client of a service.
        outputs: The outputs of its stack. Those of a context on shared queues tell its jobs from others.
    """
    own = outputs.get(NAME_IN_BATCH)
    batch = client("batch")
    # A request tells of one state. A job that goes on between two of them is in both.
    found: dict[str, tuple[str, Job]] = {}
    for queue in dict.fromkeys(arn for key, arn in outputs.items() if key.startswith(_QUEUES)):
        for state in _AT_WORK:
            for page in batch.get_paginator("list_jobs").paginate(jobQueue=queue, jobStatus=state):
                found |= {
                    job["jobId"]: (state, job) for job in page["jobSummaryList"] if own is None or _is_of(job, own)
                }
    return list(found.values())


def _is_of(job: Job, context: str) -> bool:
    """Whether a job has a job definition of the context: also one of those for storage of single runs."""
    return str(job.get("jobDefinition", "")).rpartition("/")[2].startswith((f"{context}-", f"{context}_"))


def state_of(head: Job | None) -> RunState:
    """How a run is going, by its head job."""
    if head is None:
        return RunState.UNKNOWN
    if head["status"] == "FAILED" and head.get("statusReason", "").startswith(STOP_REASON):
        return RunState.STOPPED
    return RunState(head["status"])


def end_of(head: Job, now: float) -> RunEnd:
    """How a run ended, by its head job, which has ended."""
    state = state_of(head)
    container = head.get("container", {})
    reason = "; ".join(filter(None, [head.get("statusReason", ""), container.get("reason", "")]))
    stopped = head.get("stoppedAt")
    return RunEnd(
        state=state,
        ended_at=stopped / 1000 if stopped else now,
        exit_code=container.get("exitCode"),
        reason="" if state is RunState.SUCCEEDED else reason,
    )


def counted(tasks: Sequence[Job]) -> Counter[str]:
    """How many tasks are in each state; the children of an array job count one by one."""
    counts: Counter[str] = Counter()
    for job in tasks:
        array = job.get("arrayProperties", {})
        summary = array.get("statusSummary")
        if summary and job["status"] == "SUCCEEDED":
            # Lists count children some time later (statusSummaryLastUpdatedAt); such an array has no others.
            counts["SUCCEEDED"] += array["size"]
        elif summary:
            counts.update({state: number for state, number in summary.items() if number})
        else:
            counts[job["status"]] += 1
    return counts


def log_of(job: Job) -> tuple[str, str] | None:
    """The log group and stream of a job's last attempt; None when it has not begun."""
    container = job.get("container", {})
    stream = container.get("logStreamName")
    if not stream:
        return None
    options = container.get("logConfiguration", {}).get("options", {})
    return options.get("awslogs-group", DEFAULT_LOG_GROUP), stream


def log_events(client: Client, job: Job, since_ms: int = 0) -> list[tuple[int, str]]:
    """The log of a job's last attempt from a moment on: when, and the line. Nothing where there is none yet."""
    from botocore.exceptions import ClientError

    found = log_of(job)
    if found is None:
        return []
    group, stream = found
    logs, token = client("logs"), None
    events: list[tuple[int, str]] = []
    try:
        while len(events) < _LOG_EVENTS:
            page = logs.get_log_events(
                logGroupName=group,
                logStreamName=stream,
                startFromHead=True,
                startTime=since_ms,
                **({"nextToken": token} if token else {}),
            )
            events += [(event["timestamp"], event["message"]) for event in page["events"]]
            if page["nextForwardToken"] == token or not page["events"]:
                break
            token = page["nextForwardToken"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
    return events
