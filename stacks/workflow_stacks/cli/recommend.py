"""`workflow-context recommend`: which file system for this workload, and what would change that?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workflow_stacks.errors import WorkflowContextError

from . import completion
from .estimates import (
    DEFAULT_REGION,
    LiveOption,
    PlotOption,
    PriceNotes,
    PricesOption,
    RegionOption,
    WorkloadOption,
    bases,
    dates,
    model_errors,
    price_book,
    print_lines,
    print_unpriced,
)
from .options import DEFAULT_PROJECT, JsonOption, ProjectOption
from .output import print_json, print_note, print_table

if TYPE_CHECKING:
    from workflow_context.models.advice import Advice
    from workflow_context.models.estimates import CostLine
    from workflow_context.models.prices import PriceBook
    from workflow_context.models.run_costs import RunCost


@model_errors
def recommend(
    context: Annotated[
        str | None,
        typer.Argument(
            help="A context: its engine, machines and Spot. Default: any.",
            metavar="CONTEXT",
            autocompletion=completion.contexts,
        ),
    ] = None,
    workload: WorkloadOption = None,
    engine: Annotated[str | None, typer.Option(help="Choose among the file systems of this engine only.")] = None,
    region: RegionOption = DEFAULT_REGION,
    prices: PricesOption = None,
    live: LiveOption = False,
    project: ProjectOption = DEFAULT_PROJECT,
    json: JsonOption = False,
    plot: PlotOption = None,
) -> None:
    """Weigh the file systems for a workload, side by side, and say what would change the choice."""
    from workflow_context.models.advice import advise
    from workflow_context.models.workloads import load_workload
    from workflow_stacks.project.file_systems.registry import cost_models

    if workload is None:
        raise typer.BadParameter("give the --workload", param_hint="--workload")
    loaded = load_workload(workload)
    book = price_book(prices, region, live=live)
    machines = None
    if context is not None:
        from .synthesized_context import synthesized_context

        found = synthesized_context(project, context)
        engine = engine or found.context.engine.engine
        machines = found.machines
    advice = advise(loaded, book, fs_types=_storages(engine), region=region, choices=cost_models(), machines=machines)
    if plot:
        _plot(advice, book, region, plot)
    if json:
        print_json({"context": context, "engine": engine, **description(advice, book)})
    else:
        _print(advice, book, engine)


def description(advice: Advice, book: PriceBook) -> dict[str, Any]:
    """Return the advice as plain data."""
    within = advice.fastest_within_budget
    return {
        "workload": advice.workload.model_dump(by_alias=True),
        "region": book.region,
        "assumed": list(advice.workload.assumed),
        "recommended": advice.choice.choice.key,
        "fsType": advice.choice.choice.fs_type,
        "reason": advice.reason,
        "withinBudget": advice.within_budget,
        "fastestWithinBudget": None if within is None else within.choice.key,
        "options": [
            {
                "fileSystem": option.choice.key,
                "fsType": option.choice.fs_type,
                "engines": _engines(option.choice.fs_type),
                "setting": option.use.setting,
                "instanceType": option.placement.instance_type,
                "usdPerMonth": round(option.usd_per_month, 2),
                "fileSystemUsdPerMonth": round(option.usd_storage_per_month, 2),
                "usdPerRun": round(option.per_run.usd, 4),
                "usdPerSample": round(option.usd_per_sample, 4),
                "spotRangeUsd": None
                if option.spot_range_usd is None
                else [round(usd, 4) for usd in option.spot_range_usd],
                "unpricedCount": len(option.unpriced),
                "unpriced": [item.as_dict() for item in option.unpriced],
                "runHours": option.run_hours,
                "slowdown": option.use.slowdown,
                "slowdownFirstMonth": option.use.first_slowdown,
                "lines": [line.as_dict() for line in option.per_run.lines],
                "standing": [line.as_dict() for line in option.use.per_month],
                "notes": [*option.use.notes, *option.use.cautions],
            }
            for option in advice.options
        ],
        "rejected": [{"fileSystem": each.key, "reason": each.reason} for each in advice.rejected],
        "breakPoints": [
            {
                "figure": turn.figure,
                "unit": turn.unit,
                "now": turn.now,
                "at": turn.at,
                "then": turn.other,
                "because": f"{turn.present} is {turn.why}",
            }
            for turn in advice.turns
        ],
        "assumptions": list(advice.choice.assumptions),
        "prices": list(bases(_lines(advice))),
    }


def _lines(advice: Advice) -> list[CostLine]:
    return [line for option in advice.options for line in (*option.use.per_month, *option.per_run.lines)]


def _engines(fs_type: str) -> list[str]:
    """The engines that work on a file system."""
    from workflow_context.catalog import ENGINES
    from workflow_stacks.project.file_systems.registry import file_systems_of

    return [name for name, engine in ENGINES.items() if fs_type in file_systems_of(engine)]


def _storages(engine: str | None) -> tuple[str, ...] | None:
    from workflow_context.catalog import ENGINES
    from workflow_stacks.project.file_systems.registry import file_systems_of

    if engine is None:
        return None
    if engine not in ENGINES:
        raise WorkflowContextError(f"there is no engine {engine!r}; engines: {', '.join(sorted(ENGINES))}")
    return tuple(file_systems_of(ENGINES[engine]))


def _print(advice: Advice, book: PriceBook, engine: str | None) -> None:
    choice, notes = advice.choice, PriceNotes()
    setting = "" if _is_told(choice) else f" ({choice.use.setting})"
    print_note(f"{advice.workload.name}: {choice.choice.key}{setting}, {advice.reason}")
    _print_budget(advice)
    typer.echo("")
    print_table(
        ("file system", "USD a month", "of which storage", "USD a run", "slowdown", "prices"),
        [
            (
                option.choice.key,
                f"{option.usd_per_month:,.2f}",
                f"{option.usd_storage_per_month:,.2f}",
                f"{option.per_run.usd:,.2f}",
                f"{option.use.slowdown:.2f}x",
                notes.letters([*option.use.per_month, *option.per_run.lines]),
            )
            for option in advice.options
        ],
    )
    notes.print(_lines(advice))
    print_note(f"prices of {book.region}; a run takes {advice.workload.run_hours:,.2f} hours where nothing is slower")
    if engine is None:
        typer.echo("\nEngines that can use them")
        for fs_type in dict.fromkeys(option.choice.fs_type for option in advice.options):
            print_note(f"- {fs_type}: {', '.join(_engines(fs_type)) or 'none'}")
    for each in advice.rejected:
        print_note(f"{each.key} is left out: {each.reason}")
    typer.echo("\nWhat would change the recommendation")
    for turn in advice.turns:
        print_note(f"- {turn.sentence()}")
    if not advice.turns:
        print_note("- nothing that was tried: no single figure, from a hundredth to a hundred times what it is")
    typer.echo("\nNotes")
    for option in advice.options:
        settings = () if _is_told(option) else (option.use.setting,)
        for note in (*settings, *option.use.notes, *option.use.cautions):
            print_note(f"- {option.choice.key}: {note}")
    _print_choice(advice, book, notes)
    typer.echo("--json names the source of each price")


def _is_told(option: RunCost) -> bool:
    """Whether the name of a file system says how it is set already, as `EFS elastic` does."""
    return option.use.setting.casefold() in option.choice.key.casefold()


def _print_budget(advice: Advice) -> None:
    if advice.within_budget is None:
        return
    kept = "within" if advice.within_budget else "above"
    print_note(f"{kept} the budget of {advice.workload.budget_usd_per_month:,.0f} USD a month")
    within = advice.fastest_within_budget
    if not advice.within_budget:
        print_note(
            f"the fastest within it is {within.choice.key}: {within.usd_per_month:,.2f} USD a month, a run takes "
            f"{within.run_hours:,.2f} hours ({within.use.slowdown:.2f}x)"
            if within is not None
            else "no file system keeps within it"
        )


def _print_choice(advice: Advice, book: PriceBook, notes: PriceNotes) -> None:
    from workflow_context.models.healthomics import healthomics_run

    choice = advice.choice
    typer.echo(f"\nWhat {choice.choice.key} rests on")
    print_lines([*choice.use.per_month, *choice.per_run.lines], notes)
    print_unpriced(choice.unpriced)
    for assumption in choice.assumptions:
        print_note(f"assumed: {assumption}")
    for figure, said in advice.workload.published.items():
        print_note(f"published {figure}: {said}")
    elsewhere = healthomics_run(choice.workload, book)
    if elsewhere is not None:
        print_note(elsewhere.sentence())


def _plot(advice: Advice, book: PriceBook, region: str, file: Path) -> None:
    from workflow_context.models.break_even import break_even
    from workflow_context.models.errors import ModelError
    from workflow_context.models.plots import plot_advice
    from workflow_context.models.workloads import load_workload, presets

    workloads = [load_workload(name) for name in presets() if name != advice.workload.name]
    points = []
    for each in (*workloads, advice.workload):
        try:
            points.append(break_even(each, book, region))
        except ModelError as error:
            typer.echo(f"{each.name} is not in the picture: {error}", err=True)
    plot_advice(advice.options, points, f"prices of {book.region}, {dates(_lines(advice))}", file)
