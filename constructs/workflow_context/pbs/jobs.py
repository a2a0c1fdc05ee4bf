"""What is known of the jobs of a run: what the engine asked for, and what became of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

Record = dict[str, Any]


@dataclass(frozen=True)
class Task:
    """What a qsub asked for.

    Attributes:
        name: The name for people, in letters that AWS Batch takes.
        queue: The ARN of the queue.
        image: The container image; empty for that of the context.
        arguments: Directory, script, and where standard output and standard error go; see `qsub.RUN`.
        resources: `resourceRequirements` of AWS Batch.
        environment: Variables of the job.
        timeout: Seconds that an attempt may take; 0 for what the job definition says.
        array: How many jobs of an array of PBS; 0 when it is none.
        io_units: What it takes of the consumable resource for the throughput of the file system; 0 without one.
        together: How many tasks like it may run one after another in one job of AWS Batch.
        asked: The ARN of the queue that the engine named, and asks for; empty when it is `queue`.
    """

    name: str
    queue: str
    image: str
    arguments: list[str]
    resources: list[dict[str, str]] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    timeout: int = 0
    array: int = 0
    io_units: int = 0
    together: int = 1
    asked: str = ""

    def record(self) -> Record:
        """As the journal keeps it."""
        return dict(vars(self))

    @property
    def shape(self) -> str:
        """Equal for tasks that can be jobs of one array: they differ in name and arguments only."""
        return json.dumps(
            [self.image, self.resources, self.environment, self.timeout, self.io_units, self.together], sort_keys=True
        )


@dataclass
class Job:
    """One job of a run.

    Attributes:
        id: Its id for the engine.
        task: What was asked for; None when the journal has lost it.
        index: Its place in an array of PBS; None when it is in none.
        queue: The queue of its present submission, which is the fallback queue after it lost its machine.
        submission: The name of its present submission; empty while it waits for one.
        batch: Its id for AWS Batch; empty while it has none. Tasks that run one after another have the same.
        place: Its place in the submission.
        together: How many tasks run one after another in its job; 1 when it has a job of its own.
        queued: When it was queued.
        submitted: When it was sent to AWS Batch last.
        absent_since: Since when AWS Batch has not shown it; 0 while it does.
        ended: When it was seen to have ended; 0 while it lives.
        succeeded: Whether it did.
        reason: Why it failed, when that was not for AWS Batch to say.
    """

    id: str
    task: Task | None = None
    index: int | None = None
    queue: str = ""
    submission: str = ""
    batch: str = ""
    place: int = 0
    together: int = 1
    queued: float = 0.0
    submitted: float = 0.0
    absent_since: float = 0.0
    ended: float = 0.0
    succeeded: bool = False
    reason: str = ""

    @property
    def is_waiting(self) -> bool:
        """Whether it has not been submitted yet."""
        return not (self.ended or self.batch or self.submission)

    @property
    def name(self) -> str:
        """Its name for people."""
        return self.task.name if self.task else self.submission


@dataclass(frozen=True)
class Submission:
    """A SubmitJob of which the outcome is not known.

    Attributes:
        name: The name of the job or array, which no other has.
        queue: The queue.
        ids: Its jobs, for the engine, in the order of the array.
        at: When it was sent.
        together: How many of them run one after another in one job.
    """

    name: str
    queue: str
    ids: tuple[str, ...]
    at: float
    together: int = 1


def job_ids(id_: str, array: int) -> list[str]:
    """The ids for the engine of what one qsub submitted."""
    return [f"{id_}[{index}]" for index in range(array)] if array else [id_]


def batch_ids(batch: str, size: int, together: int = 1) -> list[str]:
    """The ids for AWS Batch of the jobs of a submission, task by task: it has no array of one.

    Args:
        batch: The id of the job or array.
        size: How many tasks there are.
        together: How many of them run one after another in one job.
    """
    return [batch] * size if size <= together else [f"{batch}:{index // together}" for index in range(size)]
