"""The jobs of one workflow, seen from outside: its head job, and every job that came of it."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from workflow_stacks.local.batch.job_logs import DEFAULT_GROUP
from workflow_stacks.local.batch.job_records import ENDED
from workflow_stacks.local.batch.job_tags import SUBMITTED_BY

Client = Callable[[str], Any]
Record = dict[str, Any]

BATCH_OF_IDS = 100
MISCONFIGURATION = "MISCONFIGURATION"
TAIL_LINES = 20
SETTLE_SECONDS = 45.0


class WorkflowJobs:
    """Follows a workflow by the API of AWS Batch.

    Args:
        client: Gives the boto3 client of a service.
        head: The id of the head job.
        queues: The queues where its tasks may be.
    """

    def __init__(self, client: Client, head: str, queues: Sequence[str]) -> None:
        self._client = client
        self._queues = list(dict.fromkeys(queues))
        self.head: Record = self._described([head])[0]
        self.tasks: dict[str, Record] = {}
        self._strangers: set[str] = set()
        self._rules: dict[str, int] = {}

    @property
    def ended(self) -> bool:
        """Whether the head job is over."""
        return self.head["status"] in ENDED

    @property
    def states(self) -> Counter[str]:
        """How many tasks are in each state."""
        return Counter(task["status"] for task in self.tasks.values())

    def look(self) -> None:
        """See what has changed."""
        [self.head] = self._described([self.head["jobId"]])
        after = [{"name": "AFTER_CREATED_AT", "values": [str(self.head["createdAt"] - 1)]}]
        pages = self._client("batch").get_paginator("list_jobs")
        submitted = [
            job
            for queue in self._queues
            for page in pages.paginate(jobQueue=queue, filters=after)
            for job in page["jobSummaryList"]
        ]
        arrays = [job for job in submitted if job.get("arrayProperties", {}).get("size")]
        children = [
            job
            for array in arrays
            for page in pages.paginate(arrayJobId=array["jobId"], filters=after)
            for job in page["jobSummaryList"]
        ]
        # The tasks of an array, rather than the array.
        found = {job["jobId"]: job for job in [*submitted, *children] if job not in arrays}
        new = [id_ for id_ in found if id_ not in self.tasks and id_ not in self._strangers]
        family = {self.head["jobId"], *self.tasks}
        for job in sorted(self._described(new), key=lambda one: one["createdAt"]):
            if job["tags"].get(SUBMITTED_BY) in family:
                family.add(job["jobId"])
                self.tasks[job["jobId"]] = job
            else:
                self._strangers.add(job["jobId"])
        for id_, task in self.tasks.items():
            task |= found.get(id_, {})

    def described_tasks(self) -> list[Record]:
        """The tasks as DescribeJobs returns them."""
        return self._described(list(self.tasks))

    def stuck(self) -> list[str]:
        """What there is to say of jobs that fit no machine of their queue."""
        jobs = (self.head, *self.tasks.values())
        waiting = (job for job in jobs if job["status"] == "RUNNABLE")
        found = [job for job in waiting if str(job.get("statusReason", "")).startswith(MISCONFIGURATION)]
        return [f"{job['jobName']} cannot start: {job['statusReason']}. {self._end_of_waiting(job)}" for job in found]

    def _end_of_waiting(self, job: Record) -> str:
        """When the rule of its queue cancels a job that cannot start."""
        if not self._rules:
            found = self._client("batch").describe_job_queues(jobQueues=self._queues)["jobQueues"]
            rules = [rule for queue in found for rule in queue.get("jobStateTimeLimitActions", ())]
            self._rules = {rule["reason"]: rule["maxTimeSeconds"] for rule in rules}
        reason = job["statusReason"].partition(" - ")[0]
        if reason not in self._rules:
            return "No rule of its queue cancels it: it waits until you end it."
        return f"Its queue cancels it after {self._rules[reason] / 60:g} minutes."

    def log(self, job: Record, lines: int = TAIL_LINES) -> list[str]:
        """The last lines of the log of a job."""
        stream = job["container"].get("logStreamName")
        if not stream:
            return []
        options = job["container"].get("logConfiguration", {}).get("options", {})
        group = options.get("awslogs-group", DEFAULT_GROUP)
        answer = self._client("logs").get_log_events(
            logGroupName=group, logStreamName=stream, limit=lines, startFromHead=False
        )
        return [event["message"] for event in answer["events"]]

    def cancel(self, reason: str) -> None:
        """End the head job, which ends its tasks, and then what it left."""
        self._end([self.head["jobId"]], reason)
        self.look()
        self._end([id_ for id_, task in self.tasks.items() if task["status"] not in ENDED], reason)
        self.look()

    def _end(self, ids: list[str], reason: str) -> None:
        for id_ in ids:
            self._client("batch").terminate_job(jobId=id_, reason=reason)
        deadline = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < deadline:
            if all(job["status"] in ENDED for job in self._described(ids)):
                return
            time.sleep(0.1)

    def _described(self, ids: list[str]) -> list[Record]:
        parts = (ids[start : start + BATCH_OF_IDS] for start in range(0, len(ids), BATCH_OF_IDS))
        return [job for part in parts for job in self._client("batch").describe_jobs(jobs=part)["jobs"]]
