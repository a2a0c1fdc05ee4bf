"""The throughput modes of EFS side by side for one demand, and the cheapest that throttles nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from .burst_credits import (
    Demand,
    EfsModel,
    Trajectory,
    simulate,
)
from .efs_limits import (
    BASELINE_MIBPS_PER_GIB,
    PROVISIONED_MIBPS_MAX,
    ThroughputMode,
    metered,
)
from .errors import ModelError
from .estimates import CostLine, Estimate
from .prices import PriceBook

_GIB_IN_MIB = 1024.0
_HOUR = 3600.0


@dataclass(frozen=True)
class ModeResult:
    """A throughput mode under a month of a demand.

    Attributes:
        model: The file system in that mode.
        month: What the month's demand gets.
        cost: What the month costs: storage and throughput.
    """

    model: EfsModel
    month: Trajectory
    cost: Estimate

    @property
    def throttled(self) -> bool:
        """Whether any demand of the month had to wait."""
        return self.month.throttled


def month_of(demand: Sequence[Demand], runs_per_month: int, hours_per_month: float) -> list[Demand]:
    """Return the demand repeated in a month, with an equal pause after each run.

    Raises:
        ModelError: The runs are longer than the month.
    """
    if runs_per_month < 1:
        raise ModelError(f"{runs_per_month} runs a month: give 1 or more")
    hours = sum(phase.hours for phase in demand)
    pause = hours_per_month / runs_per_month - hours
    if pause < 0:
        raise ModelError(
            f"{runs_per_month} runs of {hours:g} hours do not fit into a month of {hours_per_month:g} hours: "
            "give fewer runs, and the demand of those that overlap as one"
        )
    return [*demand, Demand(pause)] * runs_per_month


def efs_month_cost(model: EfsModel, demand: Sequence[Demand], prices: PriceBook) -> Estimate:
    """Price a month of a file system: its storage, and its throughput by its mode."""
    storage = prices["efs_one_zone_storage" if model.one_zone else "efs_standard_storage"]
    lines = [CostLine("EFS storage", "storage", model.stored_gib, storage)]
    if model.provisioned_mibps is not None:
        billed = max(0.0, model.provisioned_mibps - model.stored_gib * BASELINE_MIBPS_PER_GIB)
        price = prices["efs_provisioned_throughput"]
        lines.append(CostLine("EFS provisioned throughput above what is included", "throughput", billed, price))
    if model.mode is ThroughputMode.ELASTIC:
        read, write = (
            sum(phase.hours * _HOUR * rate / _GIB_IN_MIB for phase, rate in rates)
            for rates in (
                [(phase, phase.read_mibps) for phase in demand],
                [(phase, phase.write_mibps) for phase in demand],
            )
        )
        lines.append(CostLine("EFS elastic reads", "throughput", read, prices["efs_elastic_read"]))
        lines.append(CostLine("EFS elastic writes", "throughput", write, prices["efs_elastic_write"]))
    return Estimate(tuple(lines))


def compare_modes(
    model: EfsModel, demand: Sequence[Demand], prices: PriceBook, runs: int = 1
) -> tuple[ModeResult, ...]:
    """Try every throughput mode for a month that begins with full credits.

    Args:
        model: The file system; its own provisioned throughput is tried as well as the least that throttles nothing.
        demand: What one run demands.
        prices: The unit prices.
        runs: How many runs a month has.
    """
    whole = month_of(demand, runs, prices.hours_per_month)
    peak = max((metered(phase.read_mibps, phase.write_mibps) for phase in demand), default=0.0)
    enough = float(min(PROVISIONED_MIBPS_MAX, max(1, math.ceil(peak - 1e-9))))
    models = [
        replace(model, mode=ThroughputMode.BURSTING, provisioned_mibps=None),
        replace(model, mode=ThroughputMode.ELASTIC, provisioned_mibps=None),
        replace(model, mode=ThroughputMode.PROVISIONED, provisioned_mibps=enough),
    ]
    if model not in models:
        models.append(model)
    return tuple(ModeResult(each, simulate(each, whole), efs_month_cost(each, whole, prices)) for each in models)


def cheapest_unthrottled(results: Sequence[ModeResult]) -> ModeResult | None:
    """Return the cheapest result in which nothing had to wait, or None if all throttle."""
    free = [result for result in results if not result.throttled]
    return min(free, key=lambda result: result.cost.usd) if free else None
