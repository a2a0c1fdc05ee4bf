"""`workflow-context analyze`: what was a run that happened, and what would its tasks have needed?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from workflow_stacks.errors import WorkflowContextError

from .cost_of_jobs import jobs_of
from .estimates import model_errors
from .options import DEFAULT_PROJECT, JsonOption, ProjectOption
from .output import print_json, print_note, print_table
from .run_options import LocalOption, UserOption


@model_errors
def analyze(
    input_gib: Annotated[
        float, typer.Option(help="Inputs of the run, in GiB: no job record tells.", min=0, max=10_000_000)
    ],
    run: Annotated[
        str | None,
        typer.Argument(metavar="[RUN]", help="A run, by its id, a unique beginning of it, or its workflow's name."),
    ] = None,
    jobs: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Instead of RUN: its AWS Batch jobs, as DescribeJobs gives them, in JSON."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the workload here, for recommend and cost.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Its name. Default: the id of the run.")] = None,
    based_on: Annotated[
        str | None,
        typer.Option(metavar="FILE|PRESET", help="A workload whose figures hold where no job record tells another."),
    ] = None,
    project: ProjectOption = DEFAULT_PROJECT,
    user: UserOption = "",
    local: LocalOption = False,
    json: JsonOption = False,
) -> None:
    """Turn the job records of a run into a workload with measured figures, and say the right size of its tasks."""
    from workflow_context.models.run_records import run_record
    from workflow_context.models.workloads import load_workload

    known_as, found = jobs_of(run, jobs, project, user, local)
    record = run_record(name or known_as, found)
    given: dict[str, Any] = {}
    if based_on is not None:
        given = load_workload(based_on).model_dump(by_alias=True, exclude_defaults=True, exclude={"name"})
    given["inputGib"] = input_gib
    workload = record.workload(record.name, **given)
    figures = record.figures(record.name, **given)
    sizes = record.right_sizes()
    if output is not None:
        _write(output, figures)
    if json:
        print_json(
            {
                "workload": workload.model_dump(by_alias=True),
                "vcpuHours": record.vcpu_hours,
                "memoryGibHours": record.memory_gib_hours,
                "hours": record.hours,
                "rightSizes": [
                    {
                        "process": size.process,
                        "jobs": size.jobs,
                        "vcpus": size.vcpus,
                        "memoryMib": size.memory_mib,
                        "advisedVcpus": size.advised_vcpus,
                        "advisedMemoryMib": size.advised_memory_mib,
                        "reason": size.reason,
                    }
                    for size in sizes
                ],
            }
        )
        return
    print_note(
        f"{record.name}: {len(record.tasks):,} tasks, {record.hours:,.2f} hours, {record.vcpu_hours:,.2f} vCPU-hours, "
        f"{record.memory_gib_hours:,.2f} GiB-hours of memory, {record.retried_percent:.1f} percent done again"
    )
    typer.echo("")
    print_table(
        ("process", "tasks", "vCPUs", "enough", "MiB", "enough"),
        [
            (
                size.process,
                f"{size.jobs:,}",
                f"{size.vcpus:g}",
                "?" if size.advised_vcpus is None else f"{size.advised_vcpus:g}",
                f"{size.memory_mib:,.0f}",
                "?" if size.advised_memory_mib is None else f"{size.advised_memory_mib:,.0f}",
            )
            for size in sizes
        ],
    )
    for size in sizes:
        print_note(f"- {size.process}: {size.reason}")
    if output is not None:
        typer.echo(f"{output}: the workload; next: workflow-context recommend --workload {output}")


def _write(file: Path, figures: dict[str, Any]) -> None:
    import yaml

    text = yaml.safe_dump(figures, sort_keys=False, allow_unicode=True, width=100)
    try:
        file.write_text(f"# What AWS Batch recorded is under 'measured'; all else is to be filled in.\n{text}", "utf-8")
    except OSError as error:
        raise WorkflowContextError(f"{file}: cannot be written: {error.strerror}") from error
