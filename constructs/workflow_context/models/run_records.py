"""A run that happened, from its AWS Batch job records: what it used, what it cost, and the workload that it was.

The records are those of `DescribeJobs`, as AWS gives them. AWS Batch does not tell what a job used of what it asked
for; a record may carry that besides, under `usage`: `peakMemoryMib` and `cpuSeconds`, for example from Container
Insights.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any

from .errors import ModelError
from .workloads import Workload

_MS_IN_HOUR = 3_600_000.0
_NUMBERED = re.compile(r"[-_.:\[( ]*\d+[\])]*$")
_SPARE = 1.2
_OUT_OF_MEMORY = 137


@dataclass(frozen=True)
class JobRecord:
    """A job of a run.

    Attributes:
        name: Its name.
        status: `SUCCEEDED` or `FAILED`, or what it was when it was described.
        vcpus: vCPUs that it asked for.
        memory_mib: Memory that it asked for, in MiB.
        gpus: GPUs that it asked for.
        attempts: Begin and end of each attempt, in milliseconds.
        exit_code: How its last attempt ended; None if unknown.
        interrupted: How many attempts ended because the machine went away.
        fargate: Whether it ran on Fargate.
        peak_memory_mib: The most memory it used; None if nothing tells.
        cpu_seconds: The CPU time it used; None if nothing tells.
    """

    name: str
    status: str
    vcpus: float
    memory_mib: float
    gpus: int
    attempts: tuple[tuple[float, float], ...]
    exit_code: int | None
    interrupted: int
    fargate: bool
    peak_memory_mib: float | None = None
    cpu_seconds: float | None = None

    @property
    def hours(self) -> float:
        """How long it ran, all attempts together, in hours."""
        return sum(end - begin for begin, end in self.attempts) / _MS_IN_HOUR

    @property
    def last_hours(self) -> float:
        """How long its last attempt ran, in hours."""
        return (self.attempts[-1][1] - self.attempts[-1][0]) / _MS_IN_HOUR

    @property
    def process(self) -> str:
        """Its name without what numbers it among the jobs of one process."""
        return _NUMBERED.sub("", self.name) or self.name


@dataclass(frozen=True)
class RightSize:
    """What the tasks of a process asked for, and what they would have needed.

    Attributes:
        process: The process.
        jobs: How many tasks it had.
        vcpus: vCPUs that they asked for, at most.
        memory_mib: Memory that they asked for, at most, in MiB.
        advised_vcpus: What is enough; None where nothing tells what they used.
        advised_memory_mib: What is enough, a fifth to spare; None where nothing tells.
        reason: Why.
    """

    process: str
    jobs: int
    vcpus: float
    memory_mib: float
    advised_vcpus: float | None
    advised_memory_mib: float | None
    reason: str


@dataclass(frozen=True)
class RunRecord:
    """The jobs of a run.

    Attributes:
        name: The run.
        tasks: Its tasks.
        heads: Its head jobs.
    """

    name: str
    tasks: tuple[JobRecord, ...]
    heads: tuple[JobRecord, ...] = ()

    @cached_property
    def hours(self) -> float:
        """From the begin of the first job to the end of the last, in hours."""
        times = [time for job in (*self.tasks, *self.heads) for attempt in job.attempts for time in attempt]
        return (max(times) - min(times)) / _MS_IN_HOUR

    @property
    def vcpu_hours(self) -> float:
        """vCPU-hours of the tasks, all attempts."""
        return math.fsum(job.vcpus * job.hours for job in self.tasks)

    @property
    def memory_gib_hours(self) -> float:
        """GiB-hours of memory of the tasks, all attempts."""
        return math.fsum(job.memory_mib / 1024 * job.hours for job in self.tasks)

    @property
    def retried_percent(self) -> float:
        """What attempts took that were done again, in percent of those that counted."""
        counted = math.fsum(job.vcpus * job.last_hours for job in self.tasks)
        return 100 * (self.vcpu_hours / counted - 1) if counted else 0.0

    @property
    def interrupted(self) -> int:
        """How many attempts ended because the machine went away, as Spot capacity does."""
        return sum(job.interrupted for job in self.tasks)

    @property
    def concurrency(self) -> int:
        """How many tasks ran at a time, at most."""
        events = sorted(event for job in self.tasks for begin, end in job.attempts for event in ((begin, 1), (end, -1)))
        return max(accumulate(change for _, change in events), default=1)

    def workload(self, name: str, **given: Any) -> Workload:
        """Return the workload that the run was, for `recommend` and `cost`.

        Args:
            name: The name of the workload.
            **given: What job records do not tell, by the name in YAML: `inputGib` at least.

        Raises:
            ModelError: A figure is missing or cannot be.
        """
        return Workload.model_validate(self.figures(name, **given))

    def figures(self, name: str, **given: Any) -> dict[str, Any]:
        """Return the figures of that workload, each that was measured with its source."""
        count = len(self.tasks)
        hours = max(1e-9, math.fsum(job.last_hours for job in self.tasks))
        vcpus = math.fsum(job.vcpus * job.last_hours for job in self.tasks) / hours
        memory = math.fsum(job.memory_mib / 1024 * job.last_hours for job in self.tasks) / hours
        measured: dict[str, Any] = {
            "tasks": count,
            "concurrency": max(1, min(count, self.concurrency)),
            "taskHours": max(1e-4, round(math.fsum(job.last_hours for job in self.tasks) / count, 4)),
            "taskVcpus": round(vcpus, 2),
            "taskMemoryGib": round(memory, 2),
            "taskGpus": max(job.gpus for job in self.tasks),
            "retryPercent": round(self.retried_percent, 2),
        }
        if self.heads:
            measured["headVcpus"] = max(job.vcpus for job in self.heads)
            measured["headMemoryGib"] = max(job.memory_mib for job in self.heads) / 1024
        sources = dict.fromkeys(measured, f"AWS Batch job records of run {self.name}")
        return {"name": name, **given, **measured, "measured": {**given.get("measured", {}), **sources}}

    def right_sizes(self) -> list[RightSize]:
        """Return what the tasks of each process would have needed, the largest waste of memory-hours first."""
        processes: dict[str, list[JobRecord]] = {}
        for job in self.tasks:
            processes.setdefault(job.process, []).append(job)
        found = [_right_size(process, jobs) for process, jobs in processes.items()]
        hours = {process: math.fsum(job.hours for job in jobs) for process, jobs in processes.items()}
        return sorted(found, key=lambda size: -_spare_gib(size) * hours[size.process])


def _spare_gib(size: RightSize) -> float:
    return 0.0 if size.advised_memory_mib is None else (size.memory_mib - size.advised_memory_mib) / 1024


def _right_size(process: str, jobs: Sequence[JobRecord]) -> RightSize:
    vcpus, memory = max(job.vcpus for job in jobs), max(job.memory_mib for job in jobs)
    peaks = [job.peak_memory_mib for job in jobs if job.peak_memory_mib is not None]
    busy = [job.cpu_seconds / (job.last_hours * 3600) for job in jobs if job.cpu_seconds is not None and job.last_hours]
    killed = sum(1 for job in jobs if job.exit_code == _OUT_OF_MEMORY)
    advised_vcpus = float(max(1, math.ceil(max(busy) - 0.05))) if busy else None
    advised = float(math.ceil(max(peaks) * _SPARE / 256) * 256) if peaks else None
    if killed:
        advised = max(advised or 0.0, memory * 2)
        reason = f"{killed} ended with exit code {_OUT_OF_MEMORY}, as one that is out of memory does: twice as much"
    elif peaks:
        reason = f"used at most {max(peaks):,.0f} MiB" + (f" and {max(busy):.1f} vCPUs" if busy else "")
    else:
        reason = "nothing tells what they used: AWS Batch does not, Container Insights does"
    return RightSize(process, len(jobs), vcpus, memory, advised_vcpus, advised, reason)


def run_record(name: str, described: Iterable[Mapping[str, Any]], head: str = "head") -> RunRecord:
    """Return the record of a run.

    Args:
        name: The run.
        described: Its jobs, as `DescribeJobs` gives them. Those that never started are left out.
        head: What the name of the queue of a head job contains.

    Raises:
        ModelError: A job is none, or no task has started.
    """
    jobs: list[tuple[JobRecord, bool]] = []
    for position, raw in enumerate(described):
        if not isinstance(raw, Mapping) or "jobName" not in raw or "status" not in raw:
            raise ModelError(f"job {position} has no jobName and status: give the jobs as DescribeJobs gives them")
        job = _job(raw)
        if job is not None:
            jobs.append((job, head in str(raw.get("jobQueue", "")).rpartition("/")[2].lower()))
    tasks = tuple(job for job, is_head in jobs if not is_head)
    if not tasks:
        raise ModelError(f"run {name}: none of its tasks has started, so there is nothing to reckon with")
    return RunRecord(name, tasks, tuple(job for job, is_head in jobs if is_head))


def _job(raw: Mapping[str, Any]) -> JobRecord | None:
    container = raw.get("container") or {}
    wanted = {each["type"]: float(each["value"]) for each in container.get("resourceRequirements") or ()}
    tried = raw.get("attempts") or []
    spans = [(each.get("startedAt"), each.get("stoppedAt"), each) for each in tried]
    if not spans:
        spans = [(raw.get("startedAt"), raw.get("stoppedAt"), {"container": container})]
    attempts = tuple((float(begin), float(end)) for begin, end, _ in spans if None not in (begin, end) and end >= begin)
    if not attempts or "childJobs" in raw or raw.get("arrayProperties", {}).get("size"):
        return None  # never started, or stands for the jobs of an array
    usage = raw.get("usage") or {}
    return JobRecord(
        name=str(raw["jobName"]),
        status=str(raw["status"]),
        vcpus=wanted.get("VCPU", float(container.get("vcpus") or 1)),
        memory_mib=wanted.get("MEMORY", float(container.get("memory") or 2048)),
        gpus=int(wanted.get("GPU", 0)),
        attempts=attempts,
        exit_code=container.get("exitCode"),
        interrupted=sum(1 for *_, each in spans if str(each.get("statusReason", "")).startswith("Host EC2")),
        fargate="FARGATE" in (raw.get("platformCapabilities") or ()),
        peak_memory_mib=usage.get("peakMemoryMib"),
        cpu_seconds=usage.get("cpuSeconds"),
    )
