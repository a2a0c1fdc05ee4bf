"""`workflow-context recommend`: which file system for this workload, and what would change that?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workflow_stacks.errors import WorkflowContextError

from .estimates import (
    DEFAULT_REGION,
    LiveOption,
    PlotOption,
    PriceNotes,
    PricesOption,
    RegionOption,
    bases,
    dates,
    model_errors,
    price_book,
    print_lines,
)
from .options import JsonOption
from .output import print_json, print_note, print_table

if TYPE_CHECKING:
    from workflow_context.models.advice import Advice
    from workflow_context.models.estimates import CostLine
    from workflow_context.models.prices import PriceBook


@model_errors
def recommend(
    workload: Annotated[str, typer.Option(metavar="FILE|PRESET", help="The workload.")],
    engine: Annotated[str | None, typer.Option(help="Choose among the file systems of this engine only.")] = None,
    region: RegionOption = DEFAULT_REGION,
    prices: PricesOption = None,
    live: LiveOption = False,
    json: JsonOption = False,
    plot: PlotOption = None,
) -> None:
    """Weigh the file systems for a workload, side by side, and say what would change the choice."""
    from workflow_context.models.advice import advise
    from workflow_context.models.workloads import load_workload
    from workflow_stacks.project.file_systems.registry import cost_models

    book = price_book(prices, region, live=live)
    advice = advise(load_workload(workload), book, fs_types=_storages(engine), region=region, choices=cost_models())
    if plot:
        _plot(advice, book, region, plot)
    if json:
        print_json(description(advice))
    else:
        _print(advice)


def description(advice: Advice) -> dict[str, Any]:
    """Return the advice as plain data."""
    return {
        "workload": advice.workload.model_dump(by_alias=True),
        "assumed": list(advice.workload.assumed),
        "recommended": advice.choice.choice.key,
        "fsType": advice.choice.choice.fs_type,
        "reason": advice.reason,
        "within_budget": advice.within_budget,
        "options": [
            {
                "file_system": option.choice.key,
                "fsType": option.choice.fs_type,
                "setting": option.use.setting,
                "usd_per_month": round(option.usd_per_month, 2),
                "file_system_usd_per_month": round(option.usd_storage_per_month, 2),
                "usd_per_run": round(option.per_run.usd, 4),
                "run_hours": option.run_hours,
                "slowdown": option.use.slowdown,
                "notes": list(option.use.notes),
            }
            for option in advice.options
        ],
        "rejected": [{"file_system": each.key, "reason": each.reason} for each in advice.rejected],
        "break_points": [
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


def _storages(engine: str | None) -> tuple[str, ...] | None:
    from workflow_context.catalog import ENGINES
    from workflow_stacks.project.file_systems.registry import file_systems_of

    if engine is None:
        return None
    if engine not in ENGINES:
        raise WorkflowContextError(f"there is no engine {engine!r}; engines: {', '.join(sorted(ENGINES))}")
    return file_systems_of(ENGINES[engine])


def _print(advice: Advice) -> None:
    choice, notes = advice.choice, PriceNotes()
    print_note(f"{advice.workload.name}: {choice.choice.key} ({choice.use.setting}), {advice.reason}")
    if advice.within_budget is not None:
        kept = "within" if advice.within_budget else "above"
        typer.echo(f"{kept} the budget of {advice.workload.budget_usd_per_month:,.0f} USD a month")
    typer.echo("")
    print_table(
        (
            "file system",
            "setting",
            "USD a month",
            "of it storage",
            "USD a run",
            "hours a run",
            "times as long",
            "prices",
        ),
        [
            (
                option.choice.key,
                option.use.setting,
                f"{option.usd_per_month:,.2f}",
                f"{option.usd_storage_per_month:,.2f}",
                f"{option.per_run.usd:,.2f}",
                f"{option.run_hours:,.2f}",
                f"{option.use.slowdown:.2f}x",
                notes.letters([*option.use.per_month, *option.per_run.lines]),
            )
            for option in advice.options
        ],
    )
    notes.print(_lines(advice))
    for each in advice.rejected:
        print_note(f"{each.key} is left out: {each.reason}")
    typer.echo("\nWhat would change this")
    for turn in advice.turns:
        print_note(f"- {turn.sentence()}")
    if not advice.turns:
        print_note("- nothing that was tried: no single figure, from a hundredth to a hundred times what it is")
    typer.echo("\nTo know besides")
    for option in advice.options:
        for note in option.use.notes:
            print_note(f"- {option.choice.key}: {note}")
    typer.echo(f"\nWhat {choice.choice.key} rests on")
    print_lines([*choice.use.per_month, *choice.per_run.lines], notes)
    for assumption in choice.assumptions:
        print_note(f"assumed: {assumption}")
    typer.echo("--json names the source of each price")


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
    plot_advice(advice.options, points, dates(_lines(advice)), file)
