"""The jobs of a run while they are watched: its head job, and every job that came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from workflow_stacks.runs.jobs import Job, RunJobs, counted, state_of
from workflow_stacks.runs.record import RunRecord

MISCONFIGURATION = "MISCONFIGURATION"


class Watch:
    """Looks at the jobs of a run.

    Args:
        client: Gives the boto3 client of a service.
        record: The run; it has a head job.

    Attributes:
        head: The head job, as it was when somebody looked last.
    """

    def __init__(self, client: Callable[[str], Any], record: RunRecord) -> None:
        self._client = client
        self._record = record
        self._jobs = RunJobs(client, record)
        self._tasks: list[Job] = []
        self._rules: Mapping[str, int] | None = None
        self.head = self._head()

    @property
    def ended(self) -> bool:
        """Whether the head job is over."""
        return state_of(self.head).ended

    @property
    def states(self) -> Counter[str]:
        """How many tasks are in each state."""
        return counted(self._tasks)

    def look(self) -> None:
        """See what has changed."""
        self.head = self._head()
        self._tasks = self._jobs.tasks()

    def described_tasks(self) -> list[Job]:
        """The tasks as DescribeJobs tells of them, those of an array one by one."""
        return self._jobs.described([task["jobId"] for task in self._jobs.one_by_one(self._tasks)])

    def stuck(self) -> list[str]:
        """What there is to say of jobs that fit no machine of their queue."""
        waiting = [job for job in (self.head, *self._tasks) if job["status"] == "RUNNABLE"]
        found = [job for job in waiting if str(job.get("statusReason", "")).startswith(MISCONFIGURATION)]
        return [f"{job['jobName']} cannot start: {job['statusReason']}. {self._end_of_waiting(job)}" for job in found]

    def _head(self) -> Job:
        [head] = self._jobs.described(self._record.head_jobs[-1:])
        return head

    def _end_of_waiting(self, job: Job) -> str:
        """When the rule of its queue cancels a job that cannot start."""
        if self._rules is None:
            queues = list({self._record.head_queue, *self._record.task_queues})
            found = self._client("batch").describe_job_queues(jobQueues=queues)["jobQueues"]
            rules = [rule for queue in found for rule in queue.get("jobStateTimeLimitActions", ())]
            self._rules = {rule["reason"]: rule["maxTimeSeconds"] for rule in rules}
        reason = job["statusReason"].partition(" - ")[0]
        if reason not in self._rules:
            return "No rule of its queue cancels it: it waits until you end it."
        return f"Its queue cancels it after {self._rules[reason] / 60:g} minutes."
