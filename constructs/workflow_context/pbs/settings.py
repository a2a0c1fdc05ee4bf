"""What the head job is told of its context, by its environment."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from .machines import VARIABLE, Machines, NoMachinesError, machines_for, read_machines
from .script import PbsError

TAG = "workflow-context"
"""The tag by which the jobs of a context are told from others; its value is the name of the context."""

RUN_TAG = "workflow-context:run"
"""The tag by which the tasks of a run are found; its value is the id of the run."""


@dataclass(frozen=True)
class Settings:
    """The context, and the run in it.

    Attributes:
        context: Its name: jobs are tagged with it, and unless `names` says otherwise, the job definitions made here
            begin with it.
        template: The job definition of tasks, from which one is made for each image.
        queue: The queue of tasks.
        fallback: The queue to which a job goes that lost its Spot machine; empty when there is none.
        state: A directory of the shared file system, for what is remembered.
        run: The name of the run: its jobs are its own.
        overhead_mib: What the file system takes of the machine for each job.
        region: The region.
        submissions_per_second: How many jobs all runs of the context may submit.
        fresh_seconds: For how long what was asked of AWS Batch is true, for engines that ask for each job alone.
        status_dir: A directory of the head job for the states of jobs, read by `scripts/job_status.sh`; or None.
        head: The id of the head job; empty outside of one.
        run_id: The id of the run for who looks for its tasks; empty when the head job was given none.
        io_resource: The consumable resource of which tasks take their share of the file system; empty without one.
        io_units: How many units of it there are: no task takes more.
        io_units_per_vcpu: How many units of it a task takes for each vCPU, unless it says what it takes.
        tasks_per_job: How many tasks that are alike run one after another in one job, unless they say it.
        more_machines: What kinds of machines the context has beside those of `queue`, and what those are.
        names: How the names of the job definitions made here begin, before a hyphen. Default: as those of the context.
    """

    context: str
    template: str
    queue: str
    fallback: str
    state: Path
    run: str
    overhead_mib: int
    region: str
    submissions_per_second: float
    fresh_seconds: float
    status_dir: Path | None = None
    head: str = ""
    run_id: str = ""
    io_resource: str = ""
    io_units: int = 0
    io_units_per_vcpu: int = 0
    tasks_per_job: int = 1
    more_machines: str = ""
    names: str = ""

    @cached_property
    def machines(self) -> tuple[Machines, ...]:
        """The kinds of machines of the context, its own first."""
        return read_machines(self.more_machines, self.queue, self.fallback)

    @property
    def job_tags(self) -> dict[str, str]:
        """The tags of a job."""
        return {TAG: self.context, **({RUN_TAG: self.run_id} if self.run_id else {})}

    @classmethod
    def read(cls, environment: dict[str, str]) -> Settings:
        """Read them.

        Raises:
            PbsError: They are not all there.
        """
        try:
            return cls(
                context=environment["WORKFLOW_CONTEXT"],
                template=environment["WORKFLOW_TASK_DEFINITION"],
                queue=environment["WORKFLOW_TASK_QUEUE"],
                fallback=environment.get("WORKFLOW_FALLBACK_QUEUE", ""),
                state=Path(environment["WORKFLOW_STATE"]),
                run=environment.get("WORKFLOW_RUN", "run"),
                overhead_mib=int(environment.get("WORKFLOW_MEMORY_OVERHEAD_MIB", "0")),
                region=environment.get("AWS_REGION") or environment["AWS_DEFAULT_REGION"],
                submissions_per_second=_positive(environment, "WORKFLOW_SUBMISSIONS_PER_SECOND", "40"),
                fresh_seconds=_positive(environment, "WORKFLOW_FRESH_SECONDS", "10"),
                status_dir=Path(environment["WORKFLOW_STATUS_DIR"]) if environment.get("WORKFLOW_STATUS_DIR") else None,
                head=environment.get("AWS_BATCH_JOB_ID", ""),
                run_id=environment.get("WORKFLOW_RUN_ID", ""),
                io_resource=environment.get("WORKFLOW_IO_RESOURCE", ""),
                io_units=int(environment.get("WORKFLOW_IO_UNITS", "0")),
                io_units_per_vcpu=int(environment.get("WORKFLOW_IO_UNITS_PER_VCPU", "0")),
                tasks_per_job=int(environment.get("WORKFLOW_TASKS_PER_JOB", "1")),
                more_machines=environment.get(VARIABLE, ""),
                names=environment.get("WORKFLOW_DEFINITIONS", ""),
            )
        except ValueError as error:
            raise PbsError(f"a setting is not a number: {error}") from error
        except KeyError as error:
            raise PbsError(f"{error.args[0]} is not set: this is for head jobs of a workflow context") from error

    def queue_of(self, asked: str) -> str:
        """The queue that a script asks for: its name or ARN, or the name of a kind of machines.

        Raises:
            PbsError: It is none of the context.
        """
        for kind in self.machines:
            if kind.name and asked == kind.name:
                return kind.queue
            for own in (kind.queue, kind.fallback):
                if own and asked in ("", own, own.rsplit("/", 1)[-1]):
                    return own
        raise PbsError(f"{asked!r} is no queue of this workflow context")

    def queue_for(self, asked: str, *, gpus: int, memory_mib: int, architecture: str) -> str:
        """The queue of the machines that a task gets: those it names, else those that have what it asks for.

        Args:
            asked: The queue that it asks for, as in `queue_of`. The usual one is as good as none.
            gpus: How many GPUs it asks for.
            memory_mib: How much memory.
            architecture: Which processor architecture; empty for that of the context.

        Raises:
            PbsError: There are none.
        """
        named = self.queue_of(asked)
        if named != self.queue:
            return named
        try:
            return machines_for(self.machines, gpus=gpus, memory_mib=memory_mib, architecture=architecture).queue
        except NoMachinesError as error:
            raise PbsError(str(error)) from error

    def fallback_of(self, queue: str) -> str:
        """The queue to which a job of a queue goes that lost its Spot machine; empty when there is none."""
        return next((kind.fallback for kind in self.machines if kind.queue == queue), "")

    def without_fallback(self) -> Settings:
        """The same, but that no job goes to another queue any more."""
        others = [{**vars(kind), "queue": kind.queue.rpartition("/")[2], "fallback": ""} for kind in self.machines[1:]]
        own = {"gpu": self.machines[0].gpu, "architecture": self.machines[0].architecture}
        return replace(self, fallback="", more_machines=json.dumps([own, *others]))


def _positive(environment: dict[str, str], name: str, default: str) -> float:
    value = float(environment.get(name, default))
    if not 0 < value < 1e9:
        raise PbsError(f"{name} must be a number greater than 0, not {environment[name]!r}")
    return value
