"""What a run cost that happened, by its AWS Batch job records, beside the estimate of a workload."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from workflow_stacks.errors import WorkflowContextError

from .estimates import print_lines
from .output import print_facts, print_note

if TYPE_CHECKING:
    from workflow_context.models.estimates import CostLine
    from workflow_context.models.prices import PriceBook
    from workflow_context.models.run_costs import RunCost
    from workflow_context.models.run_records import RunRecord

    from .synthesized_context import SynthesizedContext


@dataclass(frozen=True)
class HappenedRun:
    """A run that happened, priced.

    Attributes:
        record: Its jobs.
        lines: What its tasks and head jobs cost.
        assumption: Where they are taken to have run.
        estimates: What a run of a workload is estimated to cost, on the same file system.
    """

    record: RunRecord
    lines: tuple[CostLine, ...]
    assumption: str
    estimates: tuple[RunCost, ...]

    @property
    def usd(self) -> float:
        """What its machines cost, in USD."""
        return sum(line.usd for line in self.lines)

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "run": self.record.name,
            "tasks": len(self.record.tasks),
            "hours": self.record.hours,
            "vcpuHours": self.record.vcpu_hours,
            "memoryGibHours": self.record.memory_gib_hours,
            "retriedPercent": self.record.retried_percent,
            "interrupted": self.record.interrupted,
            "usdMachines": round(self.usd, 4),
            "lines": [line.as_dict() for line in self.lines],
            "assumption": self.assumption,
            "estimatedUsdMachines": {
                run.choice.key: round(sum(line.usd for line in run.compute), 4) for run in self.estimates
            },
        }


def read_jobs(file: Path) -> list[Any]:
    """Return the jobs of a file: a list of them, or what DescribeJobs returned.

    Raises:
        WorkflowContextError: The file is none.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise WorkflowContextError(f"{file}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise WorkflowContextError(f"{file}: is no JSON: {error}") from error
    found = content.get("jobs") if isinstance(content, dict) else content
    if not isinstance(found, list):
        raise WorkflowContextError(f"{file}: must be a list of jobs, or what 'aws batch describe-jobs' prints")
    return found


def jobs_of(run: str | None, file: Path | None, project: Path, user: str, local: bool) -> tuple[str, list[Any]]:
    """The jobs of a run of a deployed context, or those of a file: a name for them, and the jobs.

    Raises:
        WorkflowContextError: There is no such run, AWS Batch has forgotten its jobs, or the file is none.
    """
    if run is None:
        if file is None:
            raise typer.BadParameter("give a RUN, or the --jobs of one in a file")
        return file.stem, read_jobs(file)
    from .run_options import runs_of

    runs = runs_of(project, user, local)
    target, record = runs.find(run)
    jobs = runs.jobs(target, record)
    found = jobs.described([*record.head_jobs, *(task["jobId"] for task in jobs.tasks())])
    if not found:
        raise WorkflowContextError(f"AWS Batch has forgotten the jobs of the run {record.run_id}")
    return record.run_id, list(found)


def run_description(
    name: str, jobs: list[Any], book: PriceBook, region: str, found: SynthesizedContext | None, runs: list[RunCost]
) -> HappenedRun:
    """Price jobs on the machines of a context, or on those that AWS Batch takes by itself."""
    from workflow_context.models.machines import Machines
    from workflow_context.models.run_bill import run_bill
    from workflow_context.models.run_records import run_record

    record = run_record(name, jobs)
    lines, assumption = run_bill(record, book, region, found.machines if found else Machines())
    return HappenedRun(record, lines, assumption, tuple(runs))


def print_run(happened: HappenedRun) -> None:
    """Print it, and the estimate beside it."""
    record = happened.record
    print_facts(
        [
            ("run", record.name),
            ("tasks", f"{len(record.tasks):,}, {record.concurrency:,} at a time at most"),
            ("hours", f"{record.hours:,.2f}"),
            ("vCPU-hours", f"{record.vcpu_hours:,.2f}"),
            ("GiB-hours of memory", f"{record.memory_gib_hours:,.2f}"),
            ("done again", f"{record.retried_percent:.1f} percent; {record.interrupted} interruptions of machines"),
        ]
    )
    print_lines(happened.lines)
    print_note(f"assumed: {happened.assumption}")
    print_note(f"the machines of the run: {happened.usd:,.2f} USD")
    for run in happened.estimates:
        estimated = sum(line.usd for line in run.compute)
        share = f" ({100 * (happened.usd / estimated - 1):+.0f} percent)" if estimated else ""
        print_note(f"estimated for {run.workload.name} on {run.choice.key}: {estimated:,.2f} USD{share}")
    typer.echo("")
