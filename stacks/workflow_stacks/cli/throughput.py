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
from .output import print_facts, print_json, print_note, print_table

if TYPE_CHECKING:
    from workflow_context.models.burst_credits import Demand, EfsModel, Trajectory
    from workflow_context.models.throughput_modes import ModeResult


@model_errors
def throughput(
    stored_gib: Annotated[
        float, typer.Option(help="Data in the Standard class of the file system, in GiB.", min=0, max=1e7)
    ],
    hours: Annotated[float, typer.Option(help="How long the demand lasts, in hours.", min=0.01, max=100_000)],
    read_mibps: Annotated[float, typer.Option(help="What the tasks read together, in MiB/s.", min=0, max=1e6)] = 0.0,
    write_mibps: Annotated[float, typer.Option(help="What the tasks write together, in MiB/s.", min=0, max=1e6)] = 0.0,
    mode: Annotated[str, typer.Option(help="bursting, provisioned or elastic.")] = "bursting",
    provisioned_mibps: Annotated[float | None, typer.Option(help="Provisioned throughput, in MiB/s.")] = None,
    clients: Annotated[
        int | None, typer.Option(help="Machines at a time; each has its limit.", min=1, max=100_000)
    ] = None,
    one_zone: Annotated[bool, typer.Option("--one-zone", help="A One Zone file system.")] = False,
    credits_tib: Annotated[
        float | None, typer.Option(help="Burst credits at the start, in TiB. Default: full.")
    ] = None,
    runs_per_month: Annotated[int, typer.Option(help="How often the demand comes in a month.", min=1, max=100_000)] = 1,
    region: RegionOption = DEFAULT_REGION,
    prices: PricesOption = None,
    live: LiveOption = False,
    json: JsonOption = False,
    plot: PlotOption = None,
) -> None:
    """Simulate EFS throughput and burst credits under a load, and compare the throughput modes."""
    from workflow_context.models.burst_credits import (
        Demand,
        EfsModel,
        ThroughputMode,
        simulate,
    )
    from workflow_context.models.efs_limits import TIB_IN_MIB
    from workflow_context.models.throughput_modes import cheapest_unthrottled, compare_modes

    if mode not in tuple(ThroughputMode):
        raise typer.BadParameter(f"{mode!r} is not one of {', '.join(ThroughputMode)}", param_hint="--mode")
    book = price_book(prices, region, live=live)
    model = EfsModel(stored_gib, ThroughputMode(mode), provisioned_mibps, region, one_zone, clients)
    demand = [Demand(hours, read_mibps, write_mibps)]
    result = simulate(model, demand, credits_mib=None if credits_tib is None else credits_tib * TIB_IN_MIB)
    modes = compare_modes(model, demand, book, runs_per_month)
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
        "provisionedMibps": model.provisioned_mibps,
        "storedGib": model.stored_gib,
        "region": model.region,
        "baselineMibps": model.baseline_mibps,
        "burstMibps": model.burst_mibps,
        "creditsExhaustedAfterHours": result.credits_exhausted_after_hours,
        "achievedMibpsMean": result.achieved_mibps_mean,
        "demandedHours": result.demanded_hours,
        "finishedAfterHours": result.finished_hours,
        "slowdown": result.slowdown,
        "cheapestUnthrottledMode": None if cheapest is None else str(cheapest.model.mode),
        "cheapestUnthrottledProvisionedMibps": None if cheapest is None else cheapest.model.provisioned_mibps,
        "usdPerMonth": round(own.cost.usd, 2),
        "modes": [_mode(each) for each in modes],
        "prices": list(bases([line for each in modes for line in each.cost.lines])),
        "series": [
            {
                "startHours": segment.start_hours,
                "endHours": segment.end_hours,
                "readMibps": segment.read_mibps,
                "writeMibps": segment.write_mibps,
                "permittedMibps": None if math.isinf(segment.permitted_mibps) else segment.permitted_mibps,
                "creditsStartMib": segment.credits_start_mib,
                "creditsEndMib": segment.credits_end_mib,
                "backlogStartMib": segment.backlog_start_mib,
                "backlogEndMib": segment.backlog_end_mib,
            }
            for segment in result.segments
        ],
    }


def _mode(each: ModeResult) -> dict[str, Any]:
    return {
        "mode": str(each.model.mode),
        "provisionedMibps": each.model.provisioned_mibps,
        "throttled": each.throttled,
        "slowdown": each.months.steady,
        "slowdownFirstMonth": each.months.first,
        "keepsUp": each.months.keeps_up,
        "usdPerMonth": round(each.cost.usd, 2),
    }


def _name(each: ModeResult) -> str:
    provisioned = each.model.provisioned_mibps
    return f"{each.model.mode}{f' {provisioned:g} MiB/s' if provisioned is not None else ''}"


def _rates(writes: float, metered: float, model: EfsModel) -> str:
    """Writes alone and reads alone at a metered rate: reads count one third, up to the ceiling of the Region."""
    from workflow_context.models.efs_limits import READ_DISCOUNT

    reads = min(metered * READ_DISCOUNT, model.ceiling.read_mibps)
    return f"{writes:,.3f} MiB/s of writes, or {reads:,.3f} MiB/s of reads"


def _print(result: Trajectory, own: ModeResult, cheapest: ModeResult | None, modes: tuple[ModeResult, ...]) -> None:
    notes = PriceNotes()
    ends = result.credits_exhausted_after_hours
    ended = "never" if ends is None else f"after {ends:.2f} hours"
    facts = [
        ("mode", _name(own)),
        ("Region", result.model.region),
        ("baseline", _rates(result.model.baseline_mibps, result.model.sustained_metered_mibps, result.model)),
        ("burst", _rates(result.model.burst_mibps, result.model.burst_metered_mibps, result.model)),
        ("credits end", ended if result.model.uses_credits else "this mode has none"),
        ("achieved", f"{result.achieved_mibps_mean:,.2f} MiB/s on average"),
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
        ("mode", "first month", "every month after", "USD a month", "prices"),
        [
            (
                _name(each),
                f"{each.months.first:.2f}x",
                f"{each.months.steady:.2f}x" + ("" if each.months.keeps_up else " *"),
                f"{each.cost.usd:,.2f}",
                notes.letters(each.cost.lines),
            )
            for each in modes
        ],
    )
    notes.print([line for each in modes for line in each.cost.lines])
    if not all(each.months.keeps_up for each in modes):
        print_note("* the runs of a month do not fit into it at what the file system sustains: they queue up")
    print_note("the first month begins with full credits, as a new file system does; the others with what is left")
    typer.echo("")
    print_lines(own.cost.lines, notes)


def _plot(result: Trajectory, demand: list[Demand], file: Path) -> None:
    from workflow_context.models.plots import plot_throughput

    steps, hour = [], 0.0
    for phase in demand:
        steps.append((hour, phase.read_mibps + phase.write_mibps))
        hour += phase.hours
    plot_throughput(result, [*steps, (hour, 0.0)], file)
