"""Amazon EFS in one of its throughput modes."""

from __future__ import annotations

import math
from dataclasses import dataclass

from workflow_context.models.burst_credits import (
    Demand,
    EfsModel,
    Trajectory,
    simulate,
)
from workflow_context.models.efs_limits import (
    BASELINE_MIBPS_PER_GIB,
    PROVISIONED_MIBPS_MAX,
    ThroughputMode,
    metered,
)
from workflow_context.models.estimates import CostLine
from workflow_context.models.prices import PriceBook
from workflow_context.models.workloads import Workload

from .base import Use, gb_months, retained_gib


@dataclass(frozen=True)
class EfsThroughput:
    """Amazon EFS.

    The inputs are staged before the tasks begin, so the size that sets the throughput is the inputs plus what earlier
    runs have left; the demand of a run is spread evenly over it, and the runs evenly over the month.

    Attributes:
        mode: The throughput mode.
        provisioned_mibps: The provisioned throughput, in MiB/s. Default: the least that throttles nothing.
    """

    mode: str
    provisioned_mibps: float | None = None

    @property
    def key(self) -> str:
        """`EFS` and the mode."""
        return f"EFS {self.mode}"

    @property
    def fs_type(self) -> str:
        """EFS."""
        return "EFS"

    def use(self, workload: Workload, prices: PriceBook, region: str) -> Use:
        """Follow the month of a workload on it."""
        model = self.model(workload, prices, region)
        slowdown = mean_slowdown(model, workload, prices)
        lines = [
            CostLine("EFS storage", "storage", gb_months(workload, prices, slowdown), prices["efs_standard_storage"])
        ]
        if model.mode is ThroughputMode.ELASTIC:
            lines += [
                CostLine("EFS elastic reads", "throughput", workload.read_gib, prices["efs_elastic_read"]),
                CostLine("EFS elastic writes", "throughput", workload.write_gib, prices["efs_elastic_write"]),
            ]
        standing: tuple[CostLine, ...] = ()
        setting = self.mode
        if model.provisioned_mibps is not None:
            stored = gb_months(workload, prices, slowdown) * workload.runs_per_month
            billed = max(0.0, model.provisioned_mibps - stored * BASELINE_MIBPS_PER_GIB)
            price = prices["efs_provisioned_throughput"]
            standing = (CostLine("EFS provisioned throughput above what is included", "throughput", billed, price),)
            setting = f"provisioned {model.provisioned_mibps:g} MiB/s"
        return Use(tuple(lines), standing, slowdown, setting, self._notes(model))

    def model(self, workload: Workload, prices: PriceBook, region: str) -> EfsModel:
        """Return the file system that is modelled."""
        mode = ThroughputMode(self.mode)
        provisioned = None
        if mode is ThroughputMode.PROVISIONED:
            factor = overlap(workload, prices)
            needed = math.ceil(metered(workload.read_mibps, workload.write_mibps) * factor - 1e-9)
            provisioned = self.provisioned_mibps or float(min(PROVISIONED_MIBPS_MAX, max(1, needed)))
        size = workload.input_gib + retained_gib(workload, prices)
        return EfsModel(size, mode, provisioned, region, clients=workload.hosts)

    def _notes(self, model: EfsModel) -> tuple[str, ...]:
        if model.mode is ThroughputMode.BURSTING:
            return (f"baseline {model.baseline_mibps:.3g} MiB/s of writes at {model.stored_gib:,.0f} GiB",)
        if model.mode is ThroughputMode.PROVISIONED:
            return ("provisioned throughput is paid all month, also while nothing runs",)
        return ("every byte read or written is paid, without the one-third discount of reads",)


def overlap(workload: Workload, prices: PriceBook) -> float:
    """Return how many runs go on at a time when they fill more than the month; else 1."""
    return max(1.0, workload.runs_per_month * workload.run_hours / prices.hours_per_month)


def month(workload: Workload, prices: PriceBook) -> list[Demand]:
    """Return the demand of a month: its runs, evenly spaced; one steady demand when they overlap."""
    hours = prices.hours_per_month
    factor = overlap(workload, prices)
    if factor > 1:
        return [Demand(hours, workload.read_mibps * factor, workload.write_mibps * factor)]
    runs = max(1, round(workload.runs_per_month))
    run = Demand(workload.run_hours, workload.read_mibps, workload.write_mibps)
    return [run, Demand(max(0.0, hours / runs - workload.run_hours))] * runs


def mean_slowdown(model: EfsModel, workload: Workload, prices: PriceBook) -> float:
    """Return how many times as long a run takes, on the mean of a month that begins with full credits."""
    demand = month(workload, prices)
    first = demand[0]
    if model.share_permitted(first.read_mibps, first.write_mibps, with_credits=False) >= 1:
        return 1.0
    return _mean_of_runs(simulate(model, demand), demand)


def _mean_of_runs(result: Trajectory, demand: list[Demand]) -> float:
    begin, slowdowns, index = 0.0, [], 0
    for phase in demand:
        if phase.hours <= 0:
            continue
        if phase.read_mibps + phase.write_mibps > 0:
            slowdowns.append((result.phase_end_hours[index] - begin) / phase.hours)
        begin += phase.hours
        index += 1
    return sum(slowdowns) / len(slowdowns)


MODELS = (EfsThroughput("bursting"), EfsThroughput("elastic"), EfsThroughput("provisioned"))
"""The throughput modes."""
