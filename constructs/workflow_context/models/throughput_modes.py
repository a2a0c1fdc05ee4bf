"""The throughput modes of EFS side by side for one demand, and the cheapest that throttles nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from .burst_credits import Demand, EfsModel
from .efs_limits import BASELINE_MIBPS_PER_GIB, PROVISIONED_MIBPS_MAX, ThroughputMode, metered
from .errors import ModelError
from .estimates import CostLine, Estimate
from .months import Months, months
from .prices import PriceBook

_GIB_IN_MIB = 1024.0
_HOUR = 3600.0
_UNNOTICED = 1 + 1e-9


@dataclass(frozen=True)
class ModeResult:
    """A throughput mode under months of a demand.

    Attributes:
        model: The file system in that mode.
        months: What the demand gets in the first month, and in those after it.
        cost: What a month costs: storage and throughput.
    """

    model: EfsModel
    months: Months
    cost: Estimate

    @property
    def throttled(self) -> bool:
        """Whether any demand has to wait, in the first month or later."""
        return max(self.months.first, self.months.steady) > _UNNOTICED


def efs_month_cost(model: EfsModel, demand: Sequence[Demand], prices: PriceBook, runs: float = 1) -> Estimate:
    """Price a month of a file system: its storage, and its throughput by its mode.

    Args:
        model: The file system.
        demand: What a run demands.
        prices: The unit prices.
        runs: How many runs a month has.
    """
    storage = prices["efs_one_zone_storage" if model.one_zone else "efs_standard_storage"]
    lines = [CostLine("EFS storage", "storage", model.stored_gib, storage)]
    if model.provisioned_mibps is not None:
        billed = max(0.0, model.provisioned_mibps - model.stored_gib * BASELINE_MIBPS_PER_GIB)
        price = prices["efs_provisioned_throughput"]
        lines.append(CostLine("EFS provisioned throughput above what is included", "throughput", billed, price))
    if model.mode is ThroughputMode.ELASTIC:
        read, write = (
            sum(phase.hours * _HOUR * rate / _GIB_IN_MIB for phase, rate in rates) * runs
            for rates in (
                [(phase, phase.read_mibps) for phase in demand],
                [(phase, phase.write_mibps) for phase in demand],
            )
        )
        lines.append(CostLine("EFS elastic reads", "throughput", read, prices["efs_elastic_read"]))
        lines.append(CostLine("EFS elastic writes", "throughput", write, prices["efs_elastic_write"]))
    return Estimate(tuple(lines))


def compare_modes(
    model: EfsModel, demand: Sequence[Demand], prices: PriceBook, runs: float = 1
) -> tuple[ModeResult, ...]:
    """Try every throughput mode for months that are alike, the first of which begins with full credits.

    A mode without a price in the Region is left out.

    Args:
        model: The file system; its own provisioned throughput is tried as well as the least that throttles nothing.
        demand: What one run demands.
        prices: The unit prices.
        runs: How many runs a month has; those that do not fit into it overlap.
    """
    hours = prices.hours_per_month
    together = max(1.0, runs * math.fsum(phase.hours for phase in demand) / hours)
    peak = max((metered(phase.read_mibps, phase.write_mibps) for phase in demand), default=0.0) * together
    enough = float(min(PROVISIONED_MIBPS_MAX, max(1, math.ceil(peak - 1e-9))))
    models = [
        replace(model, mode=ThroughputMode.BURSTING, provisioned_mibps=None),
        replace(model, mode=ThroughputMode.ELASTIC, provisioned_mibps=None),
        replace(model, mode=ThroughputMode.PROVISIONED, provisioned_mibps=enough),
    ]
    if model not in models:
        models.append(model)
    found = []
    for each in models:
        try:
            cost = efs_month_cost(each, demand, prices, runs)
        except ModelError:
            if each == model:
                raise
            continue
        found.append(ModeResult(each, months(each, demand, runs, hours), cost))
    return tuple(found)


def cheapest_unthrottled(results: Sequence[ModeResult]) -> ModeResult | None:
    """Return the cheapest result in which nothing has to wait, or None if all throttle."""
    free = [result for result in results if not result.throttled]
    return min(free, key=lambda result: result.cost.usd) if free else None
