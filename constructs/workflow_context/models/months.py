"""Months of equal runs on an EFS file system: the first, which begins with full credits, and those that follow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from .burst_credits import Demand, EfsModel, Trajectory, simulate
from .errors import ModelError

_ENOUGH = 1e-6
_MAX_STEPS = 200


@dataclass(frozen=True)
class Months:
    """How many times as long runs take.

    Attributes:
        first: On the mean of the first month, which begins with full credits.
        steady: In the months after that, with what the months before leave.
        keeps_up: Whether a run is over before the next one begins, in the long run.
    """

    first: float
    steady: float
    keeps_up: bool = True


def months(model: EfsModel, run: Sequence[Demand], runs: float, hours: float) -> Months:
    """Follow equal runs, evenly spaced, until one month is like the next.

    The balance after one run is the balance before the next, so the runs are followed one by one; as long as each
    takes the same from the balance, many are taken at once. The effort does not grow with the number of runs.

    Args:
        model: The file system.
        run: What one run demands, its time without demand included.
        runs: How many runs a month has.
        hours: The hours of a month.

    Raises:
        ModelError: A run takes no time.
    """
    if not _hours(run):
        raise ModelError("the demand of a run lasts 0 hours: give it a duration")
    return _months(model, tuple(run), runs, hours)


@lru_cache(maxsize=4096)
def _months(model: EfsModel, run: tuple[Demand, ...], runs: float, hours: float) -> Months:
    least = max(1.0, runs * _hours(run) / hours)
    if all(model.share_permitted(each.read_mibps, each.write_mibps, with_credits=False) >= least for each in run):
        return Months(1.0, 1.0)
    length = _hours(run)
    if runs * length > hours:
        return _overlapping(model, run, runs * length / hours, hours)
    if model.sustained_metered_mibps == model.burst_metered_mibps:
        slowdown, _, busy = _one(model, (*run, Demand(hours / runs - length)), length, None)
        return Months(slowdown, slowdown, busy <= hours / runs + 1e-9)
    return _spaced(model, run, max(1, round(runs)), hours / runs)


def _hours(run: Sequence[Demand]) -> float:
    return math.fsum(phase.hours for phase in run)


def _spaced(model: EfsModel, run: tuple[Demand, ...], runs: int, cycle: float) -> Months:
    length = _hours(run)
    phases = (*run, Demand(cycle - length))
    balance, done, total = model.credit_cap_mib, 0, 0.0
    slowdown, keeps_up = 1.0, True
    for _ in range(_MAX_STEPS):
        slowdown, after, ended = _one(model, phases, length, balance)
        change = after - balance
        keeps_up = ended <= cycle + 1e-9
        # As long as credits last through a run, each run takes the same from them.
        lowest = balance - after if after < balance else 0.0
        again = 1
        if slowdown <= 1 + 1e-12 and change < -_ENOUGH and after > 0:
            again = max(1, int((balance - _drawdown(model, phases, balance)) // lowest))
        counted = max(0, min(again, runs - done))
        total, done = total + counted * slowdown, done + counted
        if abs(change) * again <= _ENOUGH * max(1.0, model.credit_cap_mib) or not keeps_up:
            break
        balance = max(0.0, balance + change * again)
    if not keeps_up:
        slowdown = _one(model, phases, length, 0.0)[0]
    total += max(0, runs - done) * slowdown
    return Months(total / runs, max(slowdown, 1.0), keeps_up)


def _one(
    model: EfsModel, phases: tuple[Demand, ...], length: float, balance: float | None
) -> tuple[float, float, float]:
    """How many times as long one run takes, the balance when the next begins, and when the run is over."""
    result = simulate(model, phases, credits_mib=balance if model.uses_credits else None)
    busy = [phase for phase in phases if phase.hours > 0]
    ends = result.phase_end_hours[0]
    over = ends + length - busy[0].hours
    after = result.segments[-1].credits_end_mib if result.segments else 0.0
    return over / length, after, max(ends, over)


def _drawdown(model: EfsModel, phases: tuple[Demand, ...], balance: float) -> float:
    """How much of the balance a run needs at its lowest point."""
    result: Trajectory = simulate(model, phases, credits_mib=balance)
    return balance - min(segment.credits_end_mib for segment in result.segments)


def _overlapping(model: EfsModel, run: tuple[Demand, ...], factor: float, hours: float) -> Months:
    """Runs that fill more than the month are one steady demand."""
    length = _hours(run)
    read, write = (
        math.fsum(phase.hours * rate for phase, rate in rates) / length * factor
        for rates in (
            [(phase, phase.read_mibps) for phase in run],
            [(phase, phase.write_mibps) for phase in run],
        )
    )
    month = [Demand(hours, read, write)]
    first = simulate(model, month)
    left = first.segments[-1].credits_end_mib if model.uses_credits else None
    after = simulate(model, month, credits_mib=left)
    steady = simulate(model, month, credits_mib=0.0 if left is not None and left < model.credit_cap_mib / 2 else left)
    return Months(first.slowdown, max(after.slowdown, steady.slowdown), steady.slowdown <= 1 + 1e-9)
