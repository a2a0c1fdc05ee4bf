"""Pictures of the models, by matplotlib: the optional extra `plot`."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
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
    "other": ("logs, keys, alarms, dashboards", "#56b4e9"),
}
_MAX_LABEL = 24
_MAX_TITLE = 64
_TOO_SLOW = 0.35
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


@dataclass(frozen=True)
class Bar:
    """A bar of costs.

    Attributes:
        label: What it stands for.
        lines: What it costs, a month.
        chosen: Whether it is the advice.
        faded: Whether it is no choice, such as a file system that is too slow.
    """

    label: str
    lines: Sequence[CostLine]
    chosen: bool = False
    faded: bool = False


def _wrapped(label: str) -> str:
    """A label on two lines at most, each short enough for the space beside an axis."""
    lines = textwrap.wrap(label, _MAX_LABEL, break_long_words=True)
    if len(lines) > 2:
        lines = [lines[0], f"{lines[1][: _MAX_LABEL - 1].rstrip(' ,')}…"]
    return "\n".join(lines)


def _title(text: str, most: int = _MAX_TITLE) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


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
    _legend_above(figure)
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


def _legend_above(figure: Any) -> None:
    """A legend outside of the axes, so that it lies on nothing."""
    figure.legend(frameon=False, loc="outside lower center", ncols=2, fontsize=9)


def plot_costs(bars: Sequence[Bar], title: str, prices: str, file: Path) -> None:
    """Draw costs by kind as one horizontal bar for each name.

    Args:
        bars: The bars, in USD a month.
        title: What is shown.
        prices: The Region and the dates of the prices.
        file: Where to.
    """
    figure = _figure(file, 8.0, 2.3 + 0.55 * len(bars))
    axes = figure.subplots()
    _bars(axes, bars)
    axes.set_title(_title(title), loc="left", fontsize=11)
    _footer(figure, axes, prices)
    _save(figure, file)


def _footer(figure: Any, axes: Axes, prices: str) -> None:
    """The legend below the axes, and below it, in a line of its own, what the prices are."""
    handles, labels = axes.get_legend_handles_labels()
    title = "\n".join(textwrap.wrap(prices, 100))
    if handles:
        legend = figure.legend(
            handles, labels, frameon=False, loc="outside lower left", ncols=4, fontsize=9, title=title, title_fontsize=8
        )
        legend.get_title().set_color("#606060")
    else:
        figure.supxlabel(title, x=0.01, ha="left", fontsize=8, color="#606060")


def _bars(axes: Axes, bars: Sequence[Bar]) -> None:
    left = [0.0] * len(bars)
    for kind, (label, color) in _KINDS.items():
        values = [sum(line.usd for line in bar.lines if line.kind == kind) for bar in bars]
        if not any(values):
            continue
        drawn = axes.barh(range(len(bars)), values, left=left, color=color, label=label, height=0.62)
        for patch, bar in zip(drawn, bars, strict=True):
            patch.set_alpha(_TOO_SLOW if bar.faded else 1.0)
        left = [so_far + value for so_far, value in zip(left, values, strict=True)]
    for row, (total, bar) in enumerate(zip(left, bars, strict=True)):
        said = f"{total:,.0f}{'  too slow' if bar.faded else '  the advice' if bar.chosen else ''}"
        weight = "bold" if bar.chosen else "normal"
        axes.annotate(said, (total, row), (4, 0), textcoords="offset points", va="center", weight=weight, fontsize=9)
    axes.set_yticks(range(len(bars)), [_wrapped(bar.label) for bar in bars], fontsize=9)
    axes.invert_yaxis()
    axes.set_xlim(0, max([*left, 1.0]) * 1.3)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.xaxis.set_major_locator(_locator())
    axes.set_xlabel("USD a month")
    _clean(axes)
    axes.grid(visible=False, axis="y")


def _locator() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(5)


def _times(slowdown: float) -> str:
    return f"{slowdown:,.0f}x time" if slowdown >= 10 else f"{slowdown:.2g}x time"


def plot_advice(options: Sequence[RunCost], points: Sequence[BreakEven], prices: str, file: Path) -> None:
    """Draw the file systems side by side, and where workloads lie about the break-even line of EFS and ObjectiveFS.

    Args:
        options: The priced file systems, the choice first.
        points: Workloads to place; that of the options is marked.
        prices: The Region and the dates of the prices.
        file: Where to.
    """
    figure = _figure(file, 13.5, 6.6)
    left, right = figure.subplots(1, 2, width_ratios=[1.15, 1])
    workload = options[0].workload
    bars = []
    for position, option in enumerate(options):
        runs = workload.runs_per_month
        lines = [*option.use.per_month]
        each_run = (*option.use.per_run, *option.compute, *option.around)
        lines += [replace(line, quantity=line.quantity * runs) for line in each_run]
        slow = f", {_times(option.use.slowdown)}" if option.use.slowdown >= 1.05 else ""
        too_slow = option.use.slowdown > workload.max_slowdown
        label = f"{option.choice.key}{slow}"
        bars.append(Bar(label, tuple(lines), chosen=position == 0, faded=too_slow and position > 0))
    _bars(left, bars)
    left.set_title(_title(f"{workload.name}: {workload.runs_per_month:g} runs a month", 48), loc="left", fontsize=11)
    numbered = _break_even_axes(right, points, workload.name)
    right.set_title("One run: EFS elastic or ObjectiveFS", loc="left", fontsize=11)
    right.legend(
        handles=numbered,
        frameon=False,
        loc="upper left",
        bbox_to_anchor=(1.0, 1.0),
        fontsize=8,
        handlelength=0,
        handletextpad=0,
    )
    _footer(figure, left, prices)
    _save(figure, file)


def _break_even_axes(axes: Axes, points: Sequence[BreakEven], marked: str) -> list[Any]:
    """Draw the line and a numbered point for each workload; return what a legend needs to name the numbers."""
    from matplotlib.lines import Line2D

    premiums = [max(point.efs_premium_usd, 0.01) for point in points]
    mounts = [max(point.objectivefs_mounts_usd, 0.01) for point in points]
    low, high = min(premiums + mounts) / 5, max(premiums + mounts) * 8
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(low, high)
    axes.set_ylim(low, high)
    axes.fill_between([low, high], [low, low], [low, high], color=_GREEN, alpha=0.10, linewidth=0)
    axes.fill_between([low, high], [low, high], [high, high], color=_BLUE, alpha=0.08, linewidth=0)
    axes.plot([low, high], [low, high], color="#404040", linewidth=1.5)
    axes.text(0.97, 0.03, "ObjectiveFS costs less", transform=axes.transAxes, ha="right", color=_GREEN, weight="bold")
    axes.text(0.03, 0.95, "EFS costs less", transform=axes.transAxes, color=_BLUE, weight="bold")
    named = []
    order = sorted(zip(points, premiums, mounts, strict=True), key=lambda entry: entry[1])
    for number, (point, x, y) in enumerate(order, 1):
        own = point.workload.name == marked
        color = _RED if own else "#404040"
        axes.plot(x, y, marker="o", markersize=13, color=color, markeredgecolor="white", linestyle="none")
        axes.annotate(str(number), (x, y), color="white", ha="center", va="center_baseline", fontsize=8, weight="bold")
        name = textwrap.fill(point.workload.name, _MAX_LABEL + 6, subsequent_indent="    ", break_long_words=True)
        named.append(Line2D([], [], linestyle="none", label=f"{number}  {name}{' (this workload)' if own else ''}"))
    axes.set_xlabel("what the data costs more on EFS than in S3\n(USD a run, retention included)")
    axes.set_ylabel("what ObjectiveFS mounts and task memory cost\n(USD a run)")
    axes.spines[["top", "right"]].set_visible(False)
    return named
