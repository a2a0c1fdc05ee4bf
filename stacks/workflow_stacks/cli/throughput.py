"""`workflow-context throughput`: how fast is EFS under this demand, and for how long?"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .estimates import (
    DEFAULT_REGION,
    LiveOption,
    PlotOption,
    PriceNotes,
    PricesOption,
    RegionOption,
    bases,
    model_errors,
    price_book,
    print_lines,
)
from .options import JsonOption
from .output import print_facts, print_json, print_table

if TYPE_CHECKING:
    from workflow_context.models.burst_credits import Demand, Trajectory
    from workflow_context.models.throughput_modes import ModeResult


@model_errors
def throughput(
    stored_gib: Annotated[float, typer.Option(help="Data in the Standard class of the file system, in GiB.")],
    hours: Annotated[float, typer.Option(help="How long the demand lasts, in hours.")],
    read_mibps: Annotated[float, typer.Option(help="What the tasks read together, in MiB/s.")] = 0.0,
    write_mibps: Annotated[float, typer.Option(help="What the tasks write together, in MiB/s.")] = 0.0,
    mode: Annotated[str, typer.Option(help="bursting, provisioned or elastic.")] = "bursting",
    provisioned_mibps: Annotated[float | None, typer.Option(help="Provisioned throughput, in MiB/s.")] = None,
    clients: Annotated[int | None, typer.Option(help="Machines at a time; each is limited by EFS.")] = None,
    one_zone: Annotated[bool, typer.Option("--one-zone", help="A One Zone file system.")] = False,
    credits_tib: Annotated[float | None, typer.Option(help="Credits at the begin, in TiB. Default: full.")] = None,
    runs_per_month: Annotated[int, typer.Option(help="How often the demand comes in a month.")] = 1,
    region: RegionOption = DEFAULT_REGION,
    prices: PricesOption = None,
    live: LiveOption = False,
    json: JsonOption = False,
    plot: PlotOption = None,
) -> None:
    """Follow EFS throughput and burst credits under a demand, and compare the throughput modes."""
    from workflow_context.models.burst_credits import (
        Demand,
        EfsModel,
        ThroughputMode,
        simulate,
    )
    from workflow_context.models.efs_limits import TIB_IN_MIB
    from workflow_context.models.throughput_modes import cheapest_unthrottled, compare_modes

    if mode not in tuple(ThroughputMode):
        raise typer.BadParameter(f"{mode!r} is none of {', '.join(ThroughputMode)}", param_hint="--mode")
    model = EfsModel(stored_gib, ThroughputMode(mode), provisioned_mibps, region, one_zone, clients)
    demand = [Demand(hours, read_mibps, write_mibps)]
    result = simulate(model, demand, credits_mib=None if credits_tib is None else credits_tib * TIB_IN_MIB)
    modes = compare_modes(model, demand, price_book(prices, region, live=live), runs_per_month)
    own = next(each for each in modes if each.model == model)
    cheapest = cheapest_unthrottled(modes)
    if plot:
        _plot(result, demand, plot)
    if json:
        print_json(description(result, own, cheapest, modes))
        return
    _print(result, own, cheapest, modes)


def description(
    result: Trajectory, own: ModeResult, cheapest: ModeResult | None, modes: tuple[ModeResult, ...]
) -> dict[str, Any]:
    """Return the result as plain data."""
    model = result.model
    return {
        "mode": str(model.mode),
        "provisioned_mibps": model.provisioned_mibps,
        "stored_gib": model.stored_gib,
        "region": model.region,
        "baseline_mibps": model.baseline_mibps,
        "burst_mibps": model.burst_mibps,
        "credits_exhausted_after_hours": result.credits_exhausted_after_hours,
        "achieved_mibps_mean": result.achieved_mibps_mean,
        "demanded_hours": result.demanded_hours,
        "finished_after_hours": result.finished_hours,
        "slowdown": result.slowdown,
        "cheapest_unthrottled_mode": None if cheapest is None else str(cheapest.model.mode),
        "cheapest_unthrottled_provisioned_mibps": None if cheapest is None else cheapest.model.provisioned_mibps,
        "usd_per_month": round(own.cost.usd, 2),
        "modes": [_mode(each) for each in modes],
        "prices": list(bases([line for each in modes for line in each.cost.lines])),
        "series": [
            {
                "start_hours": segment.start_hours,
                "end_hours": segment.end_hours,
                "read_mibps": segment.read_mibps,
                "write_mibps": segment.write_mibps,
                "permitted_mibps": None if math.isinf(segment.permitted_mibps) else segment.permitted_mibps,
                "credits_start_mib": segment.credits_start_mib,
                "credits_end_mib": segment.credits_end_mib,
                "backlog_start_mib": segment.backlog_start_mib,
                "backlog_end_mib": segment.backlog_end_mib,
            }
            for segment in result.segments
        ],
    }


def _mode(each: ModeResult) -> dict[str, Any]:
    return {
        "mode": str(each.model.mode),
        "provisioned_mibps": each.model.provisioned_mibps,
        "throttled": each.throttled,
        "slowdown": each.month.slowdown,
        "usd_per_month": round(each.cost.usd, 2),
    }


def _name(each: ModeResult) -> str:
    provisioned = each.model.provisioned_mibps
    return f"{each.model.mode}{f' {provisioned:g} MiB/s' if provisioned is not None else ''}"


def _print(result: Trajectory, own: ModeResult, cheapest: ModeResult | None, modes: tuple[ModeResult, ...]) -> None:
    notes = PriceNotes()
    ends = result.credits_exhausted_after_hours
    ended = "never" if ends is None else f"after {ends:.2f} hours"
    facts = [
        ("mode", _name(own)),
        ("baseline", f"{result.model.baseline_mibps:,.3f} MiB/s of writes, three times as much of reads"),
        ("burst", f"{result.model.burst_mibps:,.3f} MiB/s of writes, three times as much of reads"),
        ("credits end", ended if result.model.uses_credits else "this mode has none"),
        ("achieved", f"{result.achieved_mibps_mean:,.2f} MiB/s on the mean"),
        (
            "takes",
            f"{result.finished_hours:,.2f} hours instead of {result.demanded_hours:,.2f}: {result.slowdown:.2f}x",
        ),
        (
            "cheapest unthrottled",
            "none" if cheapest is None else f"{_name(cheapest)}, {cheapest.cost.usd:,.2f} USD a month",
        ),
    ]
    print_facts(facts)
    typer.echo("")
    print_table(
        ("from hour", "to hour", "read MiB/s", "write MiB/s", "credits TiB", "waiting GiB"),
        [
            (
                f"{segment.start_hours:,.2f}",
                f"{segment.end_hours:,.2f}",
                f"{segment.read_mibps:,.2f}",
                f"{segment.write_mibps:,.2f}",
                f"{segment.credits_end_mib / 2**20:.3f}",
                f"{segment.backlog_end_mib / 2**10:,.1f}",
            )
            for segment in result.segments
        ],
    )
    typer.echo("")
    print_table(
        ("mode, over a month", "slowed down", "USD a month", "prices"),
        [
            (
                _name(each),
                f"{each.month.slowdown:.2f}x",
                f"{each.cost.usd:,.2f}",
                notes.letters(each.cost.lines),
            )
            for each in modes
        ],
    )
    notes.print([line for each in modes for line in each.cost.lines])
    typer.echo("")
    print_lines(own.cost.lines, notes)


def _plot(result: Trajectory, demand: list[Demand], file: Path) -> None:
    from workflow_context.models.plots import plot_throughput

    steps, hour = [], 0.0
    for phase in demand:
        steps.append((hour, phase.read_mibps + phase.write_mibps))
        hour += phase.hours
    plot_throughput(result, [*steps, (hour, 0.0)], file)
