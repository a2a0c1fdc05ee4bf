"""Which file system for a workload: the numbers side by side, and what would change the choice.

The choice is the cheapest file system, machines included, on which a run is not slowed down by more than the
workload allows, in the months after the first. Where all are too slow, it is the one that is slowed down least. A
budget does not change the choice; where the choice is above it, the fastest file system within it is named. The points
at which another choice wins are computed by varying one figure of the workload at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from .errors import ModelError
from .file_systems import CHOICES, FileSystemModel
from .machines import Machines
from .prices import PriceBook
from .run_costs import RunCost, run_cost
from .workloads import Workload

_STEPS = 8
_HALVINGS = 12
_RANGE = 100.0


@dataclass(frozen=True)
class Rejected:
    """A file system that cannot hold the workload.

    Attributes:
        key: The file system.
        reason: Why.
    """

    key: str
    reason: str


@dataclass(frozen=True)
class Turn:
    """A point at which another file system becomes the choice.

    Attributes:
        figure: What is varied, for people.
        unit: Its unit.
        now: Its value in the workload.
        at: The value from which the other file system is the choice, going away from `now`.
        present: The choice at `now`.
        other: The file system that is then chosen.
        why: What has happened to the present choice: `dearer`, `too slow` or `too small`.
    """

    figure: str
    unit: str
    now: float
    at: float
    present: str
    other: str
    why: str

    def sentence(self) -> str:
        """Return it as a sentence."""
        way = "above" if self.at > self.now else "below"
        return (
            f"{self.figure}: {self.other} {way} {_plain(self.at)} {self.unit} (now {_plain(self.now)}), "
            f"where {self.present} is {self.why}"
        )


def _plain(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


@dataclass(frozen=True)
class Advice:
    """The file systems for a workload.

    Attributes:
        workload: The workload.
        options: What was compared, the choice first, then by cost.
        rejected: What cannot hold it.
        reason: Why the choice is the choice.
        turns: What would change it.
    """

    workload: Workload
    options: tuple[RunCost, ...]
    rejected: tuple[Rejected, ...]
    reason: str
    turns: tuple[Turn, ...]

    @property
    def choice(self) -> RunCost:
        """The file system that is advised."""
        return self.options[0]

    @property
    def within_budget(self) -> bool | None:
        """Whether the choice keeps to the workload's budget; None without a budget."""
        budget = self.workload.budget_usd_per_month
        return None if budget is None else self.choice.usd_per_month <= budget

    @property
    def fastest_within_budget(self) -> RunCost | None:
        """The file system on which a run takes least long within the budget; None without a budget or such a one."""
        budget = self.workload.budget_usd_per_month
        kept = [option for option in self.options if budget is not None and option.usd_per_month <= budget]
        return min(kept, key=lambda option: (option.use.slowdown, option.usd_per_month)) if kept else None


def advise(
    workload: Workload,
    prices: PriceBook,
    *,
    fs_types: Collection[str] | None = None,
    region: str = "us-east-1",
    choices: Sequence[FileSystemModel] = CHOICES,
    machines: Machines | None = None,
) -> Advice:
    """Weigh the file systems for a workload.

    Args:
        workload: The workload.
        prices: The unit prices.
        fs_types: The `fsType`s to choose among, for example those of an engine. Default: all.
        region: The Region.
        choices: The models to compare. Default: those of this package.
        machines: The machines of a context. Default: those that AWS Batch takes by itself.

    Raises:
        ModelError: No file system is left that can hold the workload.
    """
    chosen = [choice for choice in choices if fs_types is None or choice.fs_type in fs_types]
    options, rejected = _options(workload, prices, chosen, region, machines)
    best = options[0]
    fast = [option for option in options if _fast_enough(option)]
    if not fast:
        reason = f"all are slower than allowed; {best.choice.key} is slowed down least, {best.use.slowdown:.2f} times"
    else:
        slower = len(options) - len(fast)
        allowed = f"slow a run by at most {round((workload.max_slowdown - 1) * 100, 6):g} %"
        reason = f"the cheapest of {len(fast)} that {allowed}" if len(fast) > 1 else f"the only one to {allowed}"
        reason += f"; {slower} would slow it more" if slower else ""
    reason += "".join(f"; but {caution}" for caution in best.use.cautions)
    turns = tuple(
        _turns(workload, best.choice.key, partial(_choose, prices, chosen, region, machines, best.choice.key))
    )
    return Advice(workload, tuple(options), tuple(rejected), reason, turns)


def _options(
    workload: Workload,
    prices: PriceBook,
    choices: Sequence[FileSystemModel],
    region: str,
    machines: Machines | None,
) -> tuple[list[RunCost], list[Rejected]]:
    options, rejected = [], []
    for choice in choices:
        try:
            options.append(run_cost(choice, workload, prices, region, machines))
        except ModelError as error:
            rejected.append(Rejected(choice.key, str(error)))
    if not options:
        reasons = "; ".join(f"{each.key}: {each.reason}" for each in rejected) or "none has a cost model"
        raise ModelError(f"{workload.name} cannot be put on any of these file systems: {reasons}")
    return sorted(options, key=_rank), rejected


def _fast_enough(option: RunCost) -> bool:
    return option.use.slowdown <= option.workload.max_slowdown


def _rank(option: RunCost) -> tuple[bool, float, float]:
    fast = _fast_enough(option)
    return not fast, 0.0 if fast else option.use.slowdown, option.usd_per_month


def _choose(
    prices: PriceBook,
    choices: Sequence[FileSystemModel],
    region: str,
    machines: Machines | None,
    present: str,
    workload: Workload,
) -> tuple[str, str]:
    """The choice for a workload, and why it is not the present one; the latter is empty if it is."""
    options, _ = _options(workload, prices, choices, region, machines)
    best = options[0].choice.key
    if best == present:
        return best, ""
    still = next((option for option in options if option.choice.key == present), None)
    if still is None:
        return best, "too small"
    return best, "dearer" if _fast_enough(still) or not _fast_enough(options[0]) else "too slow"


@dataclass(frozen=True)
class _Figure:
    name: str
    unit: str
    value: Callable[[Workload], float]
    vary: Callable[[Workload, float], Workload]
    lowest: float = 0.0
    highest: float = float("inf")


def _scaled_io(workload: Workload, factor: float) -> Workload:
    staged = workload.staged_gib_per_task
    return workload.varied(
        read_gib=workload.read_gib * factor,
        write_gib=workload.write_gib * factor,
        staged_gib_per_task=None if staged is None else staged * factor,
    )


def _scaled_size(workload: Workload, factor: float) -> Workload:
    inputs, intermediates = workload.input_gib * factor, workload.intermediates_gib * factor
    return _scaled_io(workload, factor).varied(input_gib=inputs, intermediates_gib=intermediates)


_FIGURES = (
    _Figure(
        "retention after a run",
        "hours",
        lambda workload: workload.retention_hours,
        lambda workload, factor: workload.varied(retention_hours=max(1.0, workload.retention_hours) * factor),
    ),
    _Figure(
        "reads and writes in a run",
        "GiB",
        lambda workload: workload.read_gib + workload.write_gib,
        _scaled_io,
    ),
    _Figure(
        "stored data in a run, its reads and writes with it",
        "GiB",
        lambda workload: workload.stored_gib,
        _scaled_size,
    ),
    _Figure(
        "computing in a run",
        "task-hours",
        lambda workload: workload.tasks * workload.task_hours,
        lambda workload, factor: workload.varied(task_hours=workload.task_hours * factor),
    ),
    _Figure(
        "runs",
        "a month",
        lambda workload: workload.runs_per_month,
        lambda workload, factor: workload.varied(runs_per_month=workload.runs_per_month * factor),
    ),
    _Figure(
        "the slowdown that is allowed (maxSlowdown)",
        "times as long",
        lambda workload: workload.max_slowdown,
        lambda workload, factor: workload.varied(max_slowdown=max(1.0, workload.max_slowdown * factor)),
    ),
    _Figure(
        "what a task copies when files are staged through S3 (stagedGibPerTask)",
        "GiB",
        lambda workload: workload.staged_gib / workload.tasks,
        lambda workload, factor: workload.varied(staged_gib_per_task=workload.staged_gib / workload.tasks * factor),
    ),
)


def _turns(workload: Workload, present: str, choose: Callable[[Workload], tuple[str, str]]) -> Iterator[Turn]:
    """Vary each figure up and down to a hundred times and yield the nearest point at which the choice changes."""
    for figure in _FIGURES:
        for direction in (1.0, -1.0):
            found = _nearest_change(partial(_at, workload, figure, choose), direction)
            if found is not None:
                factor, other, why = found
                changed = figure.value(figure.vary(workload, factor))
                yield Turn(figure.name, figure.unit, figure.value(workload), changed, present, other, why)


def _at(
    workload: Workload, figure: _Figure, choose: Callable[[Workload], tuple[str, str]], factor: float
) -> tuple[str, str]:
    return choose(figure.vary(workload, factor))


def _nearest_change(choose: Callable[[float], tuple[str, str]], direction: float) -> tuple[float, str, str] | None:
    """The factor nearest to 1, in one direction, at which the choice is another one; None up to the range."""
    same = 1.0
    for step in range(1, _STEPS + 1):
        factor = _RANGE ** (direction * step / _STEPS)
        try:
            _, why = choose(factor)
        except ModelError:
            return None  # beyond this factor nothing holds the workload, so there is nothing to choose
        if not why:
            same = factor
            continue
        other = factor
        for _ in range(_HALVINGS):
            middle = (same * other) ** 0.5
            if choose(middle)[1]:
                other = middle
            else:
                same = middle
        return other, *choose(other)
    return None
