"""`workflow-context cost [CONTEXT]`: what does it cost, idle and for each run?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workflow_stacks.errors import WorkflowContextError

from . import completion
from .cost_of_jobs import jobs_of, print_run, run_description
from .estimates import (
    DEFAULT_REGION,
    LiveOption,
    PlotOption,
    PricesOption,
    RegionOption,
    WorkloadOption,
    dates,
    model_errors,
    money,
    price_book,
    print_estimate,
)
from .options import DEFAULT_PROJECT, JsonOption, ProjectOption
from .output import print_json, print_note
from .run_options import LocalOption, UserOption

if TYPE_CHECKING:
    from workflow_context.models.costs import Estimate, RunCost
    from workflow_context.models.prices import PriceBook
    from workflow_context.models.workloads import Workload

    from .synthesized_context import SynthesizedContext

_EMPTY_WITH_WORKLOAD = 0.0
_STORED_GIB = 100.0
_MAX_GIB = 10_000_000.0


@model_errors
def cost(
    context: Annotated[
        str | None, typer.Argument(help="Name of the context.", metavar="CONTEXT", autocompletion=completion.contexts)
    ] = None,
    workload: WorkloadOption = None,
    jobs: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A run that happened: its AWS Batch jobs, as DescribeJobs gives them."),
    ] = None,
    run: Annotated[
        str | None,
        typer.Option("--run", metavar="RUN", help="A run that happened, by its id or its workflow's name."),
    ] = None,
    user: UserOption = "",
    local: LocalOption = False,
    stored_gib: Annotated[
        float | None,
        typer.Option(
            help="Data that lies in each file system, in GiB. Default: 100; 0 with a workload.", min=0, max=_MAX_GIB
        ),
    ] = None,
    infrequent_gib: Annotated[
        float, typer.Option(help="Data in Infrequent Access of each EFS file system, in GiB.", min=0, max=_MAX_GIB)
    ] = 0.0,
    bucket_gib: Annotated[
        float, typer.Option(help="Data that lies in each bucket, in GiB.", min=0, max=_MAX_GIB)
    ] = 0.0,
    log_gib: Annotated[float, typer.Option(help="Logs that lie in each log group, in GiB.", min=0, max=_MAX_GIB)] = 1.0,
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

    happened_too = jobs is not None or run is not None
    if context is None and workload is None and not happened_too:
        raise typer.BadParameter("give a CONTEXT, a --workload, or both; or a --run")
    book = price_book(prices, region, live=live)
    loaded = None if workload is None else load_workload(workload)
    if stored_gib is None:
        stored_gib = _STORED_GIB if loaded is None else _EMPTY_WITH_WORKLOAD
    stored = Stored(stored_gib, infrequent_gib, bucket_gib, log_gib)
    idle: dict[str, Estimate] = {}
    found: SynthesizedContext | None = None
    if context is not None:
        from workflow_stacks.project.file_systems.registry import more_pricers

        from .synthesized_context import synthesized_context

        found = synthesized_context(project, context)
        pricers = more_pricers()
        idle = {stack: idle_cost(template, book, stored, stack, pricers) for stack, template in found.templates.items()}
        idle[found.stack] += Estimate((), found.unpriced(book))
    runs = [] if loaded is None else _runs(loaded, book, region, found)
    if loaded is not None and not runs:
        raise WorkflowContextError(f"{loaded.name}: no file system can be priced for it; the reasons are above")
    whole = sum(idle.values(), Estimate(()))
    if plot:
        _plot(whole, runs, context, book, plot)
    if happened_too:
        happened = run_description(*jobs_of(run, jobs, project, user, local), book, region, found, runs)
    if json:
        told = description(context, idle, runs, book, loaded)
        print_json({**told, "happened": happened.as_dict()} if happened_too else told)
        return
    for stack, estimate in idle.items():
        print_estimate(f"{stack}, idle for a month", estimate)
        typer.echo("")
    for one in runs:
        _print_run(one, bool(idle))
        typer.echo("")
    if loaded is not None:
        _print_comparison(loaded, book)
    if happened_too:
        print_run(happened)
    if idle:
        per_month = " a month (the core stack is shared by the contexts of the project)"
        print_note(f"idle: {money(whole.usd, len(whole.unpriced), per_month)}")
        for one in runs:
            count = len(whole.unpriced) + len(one.unpriced)
            print_note(f"idle and runs on {one.choice.key}: {money(whole.usd + one.usd_per_month, count, ' a month')}")


def _print_run(run: RunCost, has_idle: bool) -> None:
    count = len(run.unpriced)
    print_estimate(f"a run of {run.workload.name} on {run.choice.key} ({run.use.setting})", run.per_run)
    first = f", {run.use.first_slowdown:.2f}x in the first month" if run.use.first_slowdown is not None else ""
    print_note(
        f"a month of {run.workload.runs_per_month:g} runs on {run.choice.key}: "
        f"{money(run.usd_per_month, count)}{' on top of what the context costs idle' if has_idle else ''}, "
        f"of which the file system {run.usd_storage_per_month:,.2f} USD; "
        f"a run takes {run.run_hours:,.2f} hours ({run.use.slowdown:.2f}x{first})"
    )
    print_note(f"a sample of {run.workload.samples:,} in a run: {money(run.usd_per_sample, count)}")
    if run.spot_range_usd is not None:
        least, most = run.spot_range_usd
        print_note(
            f"on Spot between {least:,.2f} and {most:,.2f} USD a run: nothing is interrupted, or all runs On-Demand"
        )


def _print_comparison(workload: Workload, book: PriceBook) -> None:
    from workflow_context.models.healthomics import healthomics_run

    for figure, said in workload.published.items():
        print_note(f"published {figure}: {said}")
    elsewhere = healthomics_run(workload, book)
    if elsewhere is not None:
        print_note(elsewhere.sentence())
    typer.echo("")


def description(
    context: str | None,
    idle: dict[str, Estimate],
    runs: list[RunCost],
    book: PriceBook,
    workload: Workload | None = None,
) -> dict[str, Any]:
    """Return the estimates as plain data."""
    from workflow_context.models.healthomics import healthomics_run

    elsewhere = None if workload is None else healthomics_run(workload, book)
    return {
        "context": context,
        "region": book.region,
        "idleUsdPerMonth": round(sum(estimate.usd for estimate in idle.values()), 2) if idle else None,
        "unpricedCount": sum(len(estimate.unpriced) for estimate in idle.values()),
        "idle": {stack: estimate.as_dict() for stack, estimate in idle.items()},
        "runs": [
            {
                "workload": run.workload.name,
                "fileSystem": run.choice.key,
                "setting": run.use.setting,
                "usdPerRun": round(run.per_run.usd, 4),
                "usdPerSample": round(run.usd_per_sample, 4),
                "usdPerMonth": round(run.usd_per_month, 2),
                "spotRangeUsd": None if run.spot_range_usd is None else [round(usd, 4) for usd in run.spot_range_usd],
                "fileSystemUsdPerMonth": round(run.usd_storage_per_month, 2),
                "instanceType": run.placement.instance_type,
                "runHours": run.run_hours,
                "slowdown": run.use.slowdown,
                "slowdownFirstMonth": run.use.first_slowdown,
                "notes": [*run.use.notes, *run.use.cautions],
                "standing": [line.as_dict() for line in run.use.per_month],
                **run.per_run.as_dict(),
            }
            for run in runs
        ],
        "published": {} if workload is None else workload.published,
        "healthOmicsUsdPerRun": None if elsewhere is None else round(elsewhere.usd, 4),
    }


def _runs(workload: Workload, book: PriceBook, region: str, found: SynthesizedContext | None) -> list[RunCost]:
    """The workload on the file system of the context, or on all of them without a context."""
    from workflow_context.models.errors import ModelError
    from workflow_context.models.run_costs import run_cost
    from workflow_stacks.project.file_systems.registry import cost_models

    if found is not None:
        runs = [run_cost(choice, workload, book, region, found.machines) for choice in found.choices()]
        # What stands all month by the template is in the idle cost of the context already.
        return [replace(run, use=replace(run.use, per_month=())) for run in runs] if found.stands else runs
    priced = []
    for choice in cost_models():
        try:
            priced.append(run_cost(choice, workload, book, region))
        except ModelError as error:
            typer.echo(f"{choice.key}: {error}", err=True)
    return priced


def _plot(idle: Estimate, runs: list[RunCost], context: str | None, book: PriceBook, file: Path) -> None:
    from workflow_context.models.plots import Bar, plot_costs

    bars = [Bar(f"{context}, idle", idle.lines)] if idle.lines else []
    for run in runs:
        often = run.workload.runs_per_month
        lines = [*run.use.per_month, *(replace(line, quantity=line.quantity * often) for line in run.per_run.lines)]
        bars.append(Bar(f"{often:g} runs on {run.choice.key}", tuple(lines)))
    subject = runs[0].workload.name if runs else f"{context}, idle"
    plot_costs(bars, subject, f"prices of {book.region}, {dates([line for bar in bars for line in bar.lines])}", file)
