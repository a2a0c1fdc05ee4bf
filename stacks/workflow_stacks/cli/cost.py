"""`workflow-context cost [CONTEXT]`: what does it cost, idle and for each run?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workflow_stacks.errors import WorkflowContextError

from .estimates import (
    DEFAULT_REGION,
    LiveOption,
    PlotOption,
    PricesOption,
    RegionOption,
    dates,
    model_errors,
    price_book,
    print_estimate,
)
from .options import DEFAULT_PROJECT, JsonOption, ProjectOption
from .output import print_json, print_note

if TYPE_CHECKING:
    from workflow_context.models.costs import Estimate, RunCost
    from workflow_context.models.prices import PriceBook
    from workflow_context.models.workloads import Workload

_EMPTY_WITH_WORKLOAD = 0.0
_STORED_GIB = 100.0


@model_errors
def cost(
    context: Annotated[str | None, typer.Argument(help="Name of the context.", metavar="CONTEXT")] = None,
    workload: Annotated[
        str | None, typer.Option(metavar="FILE|PRESET", help="A workload: its cost for each run and a month of runs.")
    ] = None,
    stored_gib: Annotated[
        float | None, typer.Option(help="Data that lies in each file system, in GiB. Default: 100; 0 with a workload.")
    ] = None,
    bucket_gib: Annotated[float, typer.Option(help="Data that lies in each bucket, in GiB.")] = 0.0,
    log_gib: Annotated[float, typer.Option(help="Logs that lie in each log group, in GiB.")] = 1.0,
    region: RegionOption = DEFAULT_REGION,
    prices: PricesOption = None,
    live: LiveOption = False,
    project: ProjectOption = DEFAULT_PROJECT,
    json: JsonOption = False,
    plot: PlotOption = None,
) -> None:
    """Estimate the cost of a context while idle, and of a workload on it."""
    from workflow_context.models.costs import Estimate, Stored, idle_cost
    from workflow_context.models.workloads import load_workload

    if context is None and workload is None:
        raise typer.BadParameter("give a CONTEXT, a --workload, or both")
    book = price_book(prices, region, live=live)
    if stored_gib is None:
        stored_gib = _STORED_GIB if workload is None else _EMPTY_WITH_WORKLOAD
    stored = Stored(file_system_gib=stored_gib, bucket_gib=bucket_gib, log_gib=log_gib)
    idle: dict[str, Estimate] = {}
    templates: dict[str, dict[str, Any]] = {}
    if context is not None:
        from workflow_stacks.project.file_systems.registry import more_pricers
        from workflow_stacks.synthesis import synthesized

        templates = synthesized(project, context)
        pricers = more_pricers()
        idle = {stack: idle_cost(template, book, stored, stack, pricers) for stack, template in templates.items()}
    runs = [] if workload is None else _runs(load_workload(workload), book, region, project, context, templates)
    whole = sum(idle.values(), Estimate(()))
    if plot:
        _plot(whole, runs, context, plot)
    if json:
        print_json(description(context, idle, runs))
        return
    for stack, estimate in idle.items():
        print_estimate(f"{stack}, idle for a month", estimate)
        typer.echo("")
    for run in runs:
        print_estimate(f"a run of {run.workload.name} on {run.choice.key} ({run.use.setting})", run.per_run)
        print_note(
            f"a month of {run.workload.runs_per_month:g} runs on {run.choice.key}: {run.usd_per_month:,.2f} USD"
            f"{' on top of what the context costs idle' if idle else ''}, "
            f"of which the file system {run.usd_storage_per_month:,.2f} USD; "
            f"a run takes {run.run_hours:,.2f} hours ({run.use.slowdown:.2f}x)"
        )
        typer.echo("")
    if idle:
        print_note(f"idle: {whole.usd:,.2f} USD a month (the core stack is shared by the contexts of the project)")


def description(context: str | None, idle: dict[str, Estimate], runs: list[RunCost]) -> dict[str, Any]:
    """Return the estimates as plain data."""
    return {
        "context": context,
        "idle_usd_per_month": round(sum(estimate.usd for estimate in idle.values()), 2) if idle else None,
        "idle": {stack: estimate.as_dict() for stack, estimate in idle.items()},
        "runs": [
            {
                "workload": run.workload.name,
                "file_system": run.choice.key,
                "setting": run.use.setting,
                "usd_per_run": round(run.per_run.usd, 4),
                "usd_per_month": round(run.usd_per_month, 2),
                "file_system_usd_per_month": round(run.usd_storage_per_month, 2),
                "run_hours": run.run_hours,
                "slowdown": run.use.slowdown,
                "notes": list(run.use.notes),
                "standing": [line.as_dict() for line in run.use.per_month],
                **run.per_run.as_dict(),
            }
            for run in runs
        ],
    }


def _runs(
    workload: Workload,
    book: PriceBook,
    region: str,
    project_file: Path,
    context: str | None,
    templates: dict[str, dict[str, Any]],
) -> list[RunCost]:
    """The workload on the file system of the context, or on all of them without a context."""
    from workflow_context.models.cfn import Stacks
    from workflow_context.models.errors import ModelError
    from workflow_context.models.file_systems.from_template import STANDING, choices_of
    from workflow_context.models.run_costs import run_cost
    from workflow_stacks.project.file_systems.registry import cost_models, more_pricers

    if context is not None:
        fs_type = _fs_type(project_file, context)
        choices = choices_of(fs_type, templates, cost_models())
        if not choices:
            raise WorkflowContextError(f"context {context!r}: no cost model for a run on file system {fs_type}")
        runs = [run_cost(choice, workload, book, region) for choice in choices]
        standing = STANDING | more_pricers().keys()
        stands = any(resource.kind in standing for resource in Stacks(templates))
        # What stands all month is in the idle cost of the context already.
        return [replace(run, use=replace(run.use, per_month=())) for run in runs] if stands else runs
    priced = []
    for choice in cost_models():
        try:
            priced.append(run_cost(choice, workload, book, region))
        except ModelError as error:
            typer.echo(f"{choice.key}: {error}", err=True)
    return priced


def _fs_type(project_file: Path, name: str) -> str:
    from workflow_stacks.project import validate_project

    checked, _ = validate_project(project_file, [name])
    return checked.contexts[name].filesystem.fs_type


def _plot(idle: Estimate, runs: list[RunCost], context: str | None, file: Path) -> None:
    from workflow_context.models.estimates import CostLine
    from workflow_context.models.plots import plot_costs

    bars: list[tuple[str, list[CostLine]]] = [(f"{context}, idle", list(idle.lines))] if idle.lines else []
    for run in runs:
        often = run.workload.runs_per_month
        lines = [*run.use.per_month]
        for line in run.per_run.lines:
            lines.append(CostLine(line.item, line.kind, line.quantity * often, line.price))
        bars.append((f"{often:g} runs on {run.choice.key}", lines))
    priced = [line for _, lines in bars for line in lines]
    subject = runs[0].workload.name if runs else f"{context}, idle"
    plot_costs(bars, subject, dates(priced), file)
