"""Pictures of the models, by matplotlib: the optional extra `plot`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .break_even import BreakEven
from .efs_limits import TIB_IN_MIB
from .errors import ModelError
from .estimates import CostLine
from .run_costs import RunCost
from .trajectory import Trajectory

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BLUE, _ORANGE, _GREEN, _GREY, _RED, _PURPLE = "#0072b2", "#e69f00", "#009e73", "#9a9a9a", "#d55e00", "#cc79a7"
_KINDS = {
    "storage": ("storage", _BLUE),
    "throughput": ("throughput and data access", _ORANGE),
    "requests": ("requests", _PURPLE),
    "mounts": ("mounts and task memory", _GREEN),
    "compute": ("machines", "#cfcfcf"),
    "network": ("network", _RED),
    "other": ("keys, alarms, dashboards", "#56b4e9"),
}
_EXTENSIONS = (".png", ".svg", ".pdf")


def _figure(file: Path, width: float, height: float) -> Any:
    if file.suffix.lower() not in _EXTENSIONS:
        raise ModelError(f"{file}: a picture is one of {', '.join(_EXTENSIONS)}")
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ModelError("pictures need matplotlib: pip install 'cdk-workflow-context[plots]'") from error
    with rc_context({"font.size": 10}):
        return Figure(figsize=(width, height), layout="constrained")


def _save(figure: Any, file: Path) -> None:
    from matplotlib import rc_context

    # Without a date and with a fixed salt the same numbers give the same SVG.
    with rc_context({"svg.hashsalt": "workflow-context", "svg.fonttype": "path"}):
        try:
            figure.savefig(file, dpi=150, metadata={"Date": None} if file.suffix.lower() == ".svg" else None)
        except OSError as error:
            raise ModelError(f"{file}: cannot be written: {error.strerror}") from error


def _clean(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, color="#e6e6e6", linewidth=0.8)
    axes.set_axisbelow(True)


def plot_throughput(result: Trajectory, demand_mibps: Sequence[tuple[float, float]], file: Path) -> None:
    """Draw demand and achieved throughput over time, and below them the credit balance.

    Args:
        result: What the demand gets.
        demand_mibps: Hours and MiB/s of the demand at each of its steps, the last step back to 0 included.
        file: Where to: PNG, SVG or PDF by its extension.
    """
    credits_matter = result.model.uses_credits
    figure = _figure(file, 8.0, 5.2 if credits_matter else 3.6)
    panels = figure.subplots(2 if credits_matter else 1, 1, sharex=True, squeeze=False)[:, 0]
    upper = panels[0]
    hours = [segment.start_hours for segment in result.segments] + [result.finished_hours]
    achieved = [segment.read_mibps + segment.write_mibps for segment in result.segments]
    upper.stairs(achieved, hours, fill=True, color=_BLUE, alpha=0.85, label="achieved")
    steps = [hour for hour, _ in demand_mibps]
    upper.stairs(
        [rate for _, rate in demand_mibps[:-1]], steps, color=_RED, linewidth=1.6, linestyle="--", label="demanded"
    )
    upper.set_ylabel("reads and writes (MiB/s)")
    upper.set_ylim(bottom=0)
    upper.set_title(_throughput_title(result), loc="left", fontsize=11)
    upper.legend(frameon=False, loc="upper right")
    if credits_matter:
        lower = panels[1]
        at = [result.segments[0].start_hours] + [segment.end_hours for segment in result.segments]
        balance = [result.segments[0].credits_start_mib] + [segment.credits_end_mib for segment in result.segments]
        lower.plot(at, [mib / TIB_IN_MIB for mib in balance], color=_GREEN, linewidth=2)
        lower.fill_between(at, [mib / TIB_IN_MIB for mib in balance], color=_GREEN, alpha=0.15)
        lower.set_ylabel("burst credits (TiB)")
        lower.set_ylim(0, result.model.credit_cap_mib / TIB_IN_MIB * 1.12)
        ends = result.credits_exhausted_after_hours
        if ends is not None:
            for panel in panels:
                panel.axvline(ends, color=_GREY, linewidth=1)
            lower.annotate(
                f"credits end after {ends:.3g} h", (ends, 0), (6, 12), textcoords="offset points", color="#404040"
            )
    panels[-1].set_xlabel("time (hours)")
    panels[-1].set_xlim(0, max(result.finished_hours, steps[-1]))
    for panel in panels:
        _clean(panel)
    _save(figure, file)


def _throughput_title(result: Trajectory) -> str:
    model = result.model
    mode = f"{model.mode}" + (f" {model.provisioned_mibps:g} MiB/s" if model.provisioned_mibps else "")
    what = f"EFS {mode}, {model.stored_gib:,.4g} GiB stored"
    if result.throttled:
        return f"{what}: {result.finished_hours:.3g} h instead of {result.demanded_hours:.3g} h"
    return f"{what}: nothing waits"


def plot_costs(bars: Sequence[tuple[str, Sequence[CostLine]]], title: str, prices_as_of: str, file: Path) -> None:
    """Draw costs by kind as one horizontal bar for each name.

    Args:
        bars: The name of each bar and its lines, in USD a month.
        title: What is shown.
        prices_as_of: The date of the prices.
        file: Where to.
    """
    figure = _figure(file, 8.0, 1.9 + 0.5 * len(bars))
    axes = figure.subplots()
    _bars(axes, bars)
    axes.set_title(title, loc="left", fontsize=11)
    if axes.get_legend_handles_labels()[0]:
        figure.legend(frameon=False, loc="outside lower left", ncols=4, fontsize=9)
    _date(figure, prices_as_of)
    _save(figure, file)


def _date(figure: Any, prices_as_of: str) -> None:
    figure.supxlabel(f"prices of {prices_as_of}", x=0.99, ha="right", fontsize=9, color="#606060")


def _bars(axes: Axes, bars: Sequence[tuple[str, Sequence[CostLine]]]) -> None:
    left = [0.0] * len(bars)
    for kind, (label, color) in _KINDS.items():
        values = [sum(line.usd for line in lines if line.kind == kind) for _, lines in bars]
        if not any(values):
            continue
        axes.barh(range(len(bars)), values, left=left, color=color, label=label, height=0.62)
        left = [so_far + value for so_far, value in zip(left, values, strict=True)]
    for row, total in enumerate(left):
        axes.annotate(f"{total:,.0f}", (total, row), (4, 0), textcoords="offset points", va="center")
    axes.set_yticks(range(len(bars)), [name for name, _ in bars])
    axes.invert_yaxis()
    axes.set_xlim(0, max([*left, 1.0]) * 1.12)
    axes.set_xlabel("USD a month")
    _clean(axes)
    axes.grid(visible=False, axis="y")


def plot_advice(options: Sequence[RunCost], points: Sequence[BreakEven], prices_as_of: str, file: Path) -> None:
    """Draw the file systems side by side, and where workloads lie about the break-even line of EFS and ObjectiveFS.

    Args:
        options: The priced file systems, the choice first.
        points: Workloads to place; that of the options is marked.
        prices_as_of: The date of the prices.
        file: Where to.
    """
    figure = _figure(file, 13.5, 5.8)
    left, right = figure.subplots(1, 2, width_ratios=[1.15, 1])
    workload = options[0].workload
    bars = []
    for option in options:
        lines = [*option.use.per_month]
        for line in (*option.use.per_run, *option.compute):
            runs = workload.runs_per_month
            lines.append(CostLine(line.item, line.kind, line.quantity * runs, line.price))
        slow = f", {option.use.slowdown:.2g}x time" if option.use.slowdown >= 1.05 else ""
        bars.append((f"{option.choice.key}{slow}", lines))
    _bars(left, bars)
    left.set_title(f"{workload.name}: {workload.runs_per_month:g} runs a month", loc="left", fontsize=11)
    _break_even_axes(right, points, workload.name)
    right.set_title("One run: EFS elastic or ObjectiveFS", loc="left", fontsize=11)
    figure.legend(frameon=False, loc="outside lower left", ncols=6, fontsize=9)
    _date(figure, prices_as_of)
    _save(figure, file)


def _break_even_axes(axes: Axes, points: Sequence[BreakEven], marked: str) -> None:
    premiums = [max(point.efs_premium_usd, 0.01) for point in points]
    mounts = [point.objectivefs_mounts_usd for point in points]
    low, high = min(premiums + mounts) / 5, max(premiums + mounts) * 30
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(low, high)
    axes.set_ylim(low, high)
    axes.fill_between([low, high], [low, low], [low, high], color=_GREEN, alpha=0.10, linewidth=0)
    axes.fill_between([low, high], [low, high], [high, high], color=_BLUE, alpha=0.08, linewidth=0)
    axes.plot([low, high], [low, high], color="#404040", linewidth=1.5)
    axes.annotate("break-even", (high, high), (-14, -22), textcoords="offset points", rotation=45, ha="right", va="top")
    axes.text(0.97, 0.04, "ObjectiveFS costs less", transform=axes.transAxes, ha="right", color=_GREEN, weight="bold")
    axes.text(0.03, 0.94, "EFS costs less", transform=axes.transAxes, color=_BLUE, weight="bold")
    for point, x, y in sorted(zip(points, premiums, mounts, strict=True), key=lambda entry: entry[1]):
        own = point.workload.name == marked
        axes.plot(x, y, marker="o", markersize=9 if own else 6, color=_RED if own else "#404040", linestyle="none")
        weight = "bold" if own else "normal"
        # Away from the line: to the right of what lies below it, above what lies above it.
        below = y < x
        axes.annotate(
            point.workload.name,
            (x, y),
            (9, -4) if below else (0, 9),
            textcoords="offset points",
            ha="left" if below else "center",
            va="center" if below else "bottom",
            fontsize=8.5,
            weight=weight,
        )
    axes.set_xlabel("what the data costs more on EFS than in S3 (USD a run, retention included)")
    axes.set_ylabel("what ObjectiveFS mounts and task memory cost (USD a run)")
    axes.spines[["top", "right"]].set_visible(False)
