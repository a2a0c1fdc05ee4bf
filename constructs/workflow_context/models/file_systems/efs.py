"""Amazon EFS in one of its throughput modes."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from workflow_context.models.burst_credits import Demand, EfsModel
from workflow_context.models.cfn import Resource, Stacks
from workflow_context.models.efs_limits import BASELINE_MIBPS_PER_GIB, PROVISIONED_MIBPS_MAX, ThroughputMode, metered
from workflow_context.models.errors import ModelError
from workflow_context.models.estimates import CostLine, Unpriced, priced
from workflow_context.models.months import Months, months
from workflow_context.models.prices import PriceBook
from workflow_context.models.workloads import Workload

from .base import FileSystemDefaults, FileSystemModel, Use, gb_months, retained_gib, split

_DAY = 24.0
_MODES = ("bursting", "elastic", "provisioned")


@dataclass(frozen=True)
class EfsThroughput(FileSystemDefaults):
    """Amazon EFS.

    The inputs are staged before the tasks begin, so the size that sets the throughput is the inputs plus what earlier
    runs have left; the demand of a run comes at its peak, and the runs evenly over the month.

    Attributes:
        mode: The throughput mode.
        provisioned_mibps: The provisioned throughput, in MiB/s. Default: the least that throttles nothing.
        one_zone: Whether it is a One Zone file system.
        transition_to_ia_days: After how many days without a read or write files move to Infrequent Access; None for
            never. What lies there earns no throughput.
    """

    mode: str
    provisioned_mibps: float | None = None
    one_zone: bool = False
    transition_to_ia_days: int | None = None
    head_on_ec2: ClassVar[bool] = False

    @property
    def key(self) -> str:
        """`EFS` and the mode."""
        zone = " One Zone" if self.one_zone else ""
        days = self.transition_to_ia_days
        return f"EFS{zone} {self.mode}{'' if days is None else f', IA after {days} days'}"

    @property
    def fs_type(self) -> str:
        """EFS."""
        return "EFS"

    @classmethod
    def of_context(cls, stacks: Stacks, configuration: Mapping[str, Any]) -> list[FileSystemModel]:
        """Return the modes of the file systems in the templates, or every mode for an imported one."""
        del configuration
        found = [_of_resource(resource) for resource in stacks.of_type("AWS::EFS::FileSystem")]
        return [*found] if found else [cls(mode) for mode in _MODES]

    def use(self, workload: Workload, prices: PriceBook, region: str) -> Use:
        """Follow the months of a workload on it."""
        if self.transition_to_ia_days is not None and workload.retention_hours <= self.transition_to_ia_days * _DAY:
            kept = f"files are kept for {workload.retention_hours:g} hours after a run"
            if self in _WEIGHED_WITH_IA:
                raise ModelError(f"{kept}: none gets old enough for Infrequent Access")
        model = self.model(workload, prices, region)
        course = months(model, run_demand(workload), workload.runs_per_month, prices.hours_per_month)
        lines, unpriced = split(self._lines(model, workload, prices, course.steady))
        standing: tuple[CostLine, ...] = ()
        setting = self.mode
        if model.provisioned_mibps is not None:
            stored = gb_months(workload, prices, course.steady) * workload.runs_per_month
            billed = max(0.0, model.provisioned_mibps - stored * BASELINE_MIBPS_PER_GIB)
            price = prices["efs_provisioned_throughput"]
            standing = (CostLine("EFS provisioned throughput above what is included", "throughput", billed, price),)
            setting = f"provisioned {model.provisioned_mibps:g} MiB/s"
        return Use(
            lines,
            standing,
            course.steady,
            setting,
            tuple(self._notes(model, workload, course)),
            first_slowdown=course.first if abs(course.first - course.steady) > 0.005 else None,
            unpriced=unpriced,
        )

    def _lines(
        self, model: EfsModel, workload: Workload, prices: PriceBook, slowdown: float
    ) -> Iterator[CostLine | Unpriced]:
        storage = prices["efs_one_zone_storage" if self.one_zone else "efs_standard_storage"]
        standard, infrequent = workload.retention_hours, 0.0
        if self.transition_to_ia_days is not None:
            standard = min(standard, self.transition_to_ia_days * _DAY)
            infrequent = workload.retention_hours - standard
        yield CostLine("EFS storage", "storage", gb_months(workload, prices, slowdown, retention=standard), storage)
        if infrequent:
            amount = workload.stored_gib * infrequent / prices.hours_per_month
            yield priced(prices, self._infrequent_price(model), "EFS Infrequent Access", "storage", amount)
            yield Unpriced(
                "EFS tiering into Infrequent Access", "AWS charges each GB that moves; no public copy names the price"
            )
        if model.mode is ThroughputMode.ELASTIC:
            yield CostLine("EFS elastic reads", "throughput", workload.read_gib, prices["efs_elastic_read"])
            yield CostLine("EFS elastic writes", "throughput", workload.write_gib, prices["efs_elastic_write"])

    def _infrequent_price(self, model: EfsModel) -> str:
        if self.one_zone:
            return "efs_one_zone_ia_storage"
        elastic = model.mode is ThroughputMode.ELASTIC
        return "efs_ia_storage_elastic" if elastic else "efs_ia_storage_bursting_or_provisioned"

    def model(self, workload: Workload, prices: PriceBook, region: str) -> EfsModel:
        """Return the file system that is modelled."""
        mode = ThroughputMode(self.mode)
        provisioned = None
        if mode is ThroughputMode.PROVISIONED:
            factor = overlap(workload, prices) * workload.peak_factor
            needed = math.ceil(metered(workload.read_mibps, workload.write_mibps) * factor - 1e-9)
            provisioned = self.provisioned_mibps or float(min(PROVISIONED_MIBPS_MAX, max(1, needed)))
        days = self.transition_to_ia_days
        warm = retained_gib(workload, prices, at_most_hours=None if days is None else days * _DAY)
        return EfsModel(workload.input_gib + warm, mode, provisioned, region, self.one_zone, workload.hosts)

    def _notes(self, model: EfsModel, workload: Workload, course: Months) -> Iterator[str]:
        if model.mode is ThroughputMode.BURSTING:
            yield f"baseline {model.baseline_mibps:.3g} MiB/s of writes at {model.stored_gib:,.0f} GiB"
            if course.first < course.steady - 0.005:
                yield (
                    f"the first month lives on the credits that a new file system gets once: a run takes "
                    f"{course.first:.2f} times as long then, {course.steady:.2f} times ever after"
                )
            if not course.keeps_up:
                yield f"{workload.runs_per_month:g} runs do not fit into a month at its baseline: they queue up"
        elif model.mode is ThroughputMode.PROVISIONED:
            yield "provisioned throughput is paid all month, also while nothing runs"
        else:
            yield "every byte read or written is paid, without the one-third discount of reads"
        if self.transition_to_ia_days is not None:
            yield "a relaunch that reads files in Infrequent Access pays 0.01 USD per GB for them, not in the estimate"


_WEIGHED_WITH_IA = (
    EfsThroughput("bursting", transition_to_ia_days=7),
    EfsThroughput("elastic", transition_to_ia_days=7),
)


def _of_resource(resource: Resource) -> EfsThroughput:
    days = [
        int(found[1])
        for policy in resource.items("LifecyclePolicies") or ()
        if (found := re.fullmatch(r"AFTER_(\d+)_DAYS?", str(policy.get("TransitionToIA", ""))))
    ]
    return EfsThroughput(
        str(resource.get("ThroughputMode") or "bursting"),
        resource.number("ProvisionedThroughputInMibps"),
        "AvailabilityZoneName" in resource.properties,
        days[0] if days else None,
    )


def overlap(workload: Workload, prices: PriceBook) -> float:
    """Return how many runs go on at a time when they fill more than the month; else 1."""
    return max(1.0, workload.runs_per_month * workload.run_hours / prices.hours_per_month)


def run_demand(workload: Workload) -> list[Demand]:
    """Return the demand of a run: all of it at the peak, then none."""
    busy = workload.run_hours / workload.peak_factor
    peak = workload.peak_factor
    return [
        Demand(busy, workload.read_mibps * peak, workload.write_mibps * peak),
        Demand(workload.run_hours - busy),
    ]


MODELS = (EfsThroughput("bursting"), EfsThroughput("elastic"), EfsThroughput("provisioned"), *_WEIGHED_WITH_IA)
"""The throughput modes, and two of them with Infrequent Access."""
