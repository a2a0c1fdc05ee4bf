"""What a right EFS configuration may surprise with once it is deployed: its bill, its credits, its one zone.

The figures come from the models, which are imported when a configuration asks for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from workflow_stacks.project.findings import Problem

if TYPE_CHECKING:
    from .efs import EfsConfiguration

_HIGH_THROUGHPUT = 1024  # MiB/s: what AWS grants by default in most Regions ("Amazon EFS quotas")
_LARGE_REGIONS = ("us-east-1", "us-east-2", "us-west-2", "eu-west-1")
_WORTH_SAYING_USD = 100.0
_NEARLY_EMPTY_GIB = 10
_LONG_RUN_HOURS = 24
"""Credits that outlast a day of full use are no surprise: runs that use every vCPU for longer are rare."""


def warnings_of(configuration: EfsConfiguration, max_vcpus: int) -> Iterator[Problem]:
    """Yield warnings about a file system whose configuration is right.

    Args:
        configuration: The configuration.
        max_vcpus: How many vCPUs the tasks may use at the same time.
    """
    if configuration.is_imported:
        return
    if configuration.provisioned_throughput is not None:
        yield from _quota(configuration.provisioned_throughput)
        yield from _bill(configuration.provisioned_throughput)
    if configuration.throughput_mode == "bursting":
        is_written = "throughput_mode" in configuration.model_fields_set
        yield from _credits(max_vcpus, "" if is_written else " (bursting throughput is the default)")
    if configuration.availability_zone is not None:
        yield from _one_zone(configuration.availability_zone)


def _quota(mibps: int) -> Iterator[Problem]:
    if mibps > _HIGH_THROUGHPUT:
        yield Problem(
            ("provisionedThroughput",),
            f"{mibps} MiB/s is more than AWS grants in most Regions: {_HIGH_THROUGHPUT:,} MiB/s; in "
            f"{', '.join(_LARGE_REGIONS)} it grants 3,413 without asking",
            remedy=f"elsewhere, ask AWS for a higher quota before you deploy, or stay at {_HIGH_THROUGHPUT}",
            level="warning",
            check="efs-provisioned-quota",
        )


def _bill(mibps: int) -> Iterator[Problem]:
    usd, basis = _usd_per_month(mibps)
    if usd >= _WORTH_SAYING_USD:
        yield Problem(
            ("provisionedThroughput",),
            f"{mibps} MiB/s cost about {usd:,.0f} USD a month, used or not ({basis})",
            remedy="'throughputMode: elastic' is paid by the GiB moved, and costs nothing while nothing runs; "
            "compare with 'workflow-context throughput'",
            level="warning",
            check="efs-provisioned-bill",
        )


def _credits(max_vcpus: int, why: str) -> Iterator[Problem]:
    ends = _end_of_credits(max_vcpus)
    if ends is None:
        return
    read, write = ends.read_mibps, ends.write_mibps
    yield Problem(
        ("throughputMode",),
        f"at full load ({max_vcpus} vCPUs) a nearly empty file system runs out of burst credits in about "
        f"{ends.hours:.0f} hours; its throughput then drops to {ends.baseline_mibps:g} MiB/s{why}",
        remedy="with 'filesystem: {fsType: EFS, configuration: {throughputMode: elastic}}' there are no credits to "
        f"run out of; it costs {ends.elastic_usd:,.0f} USD for a day of that. Assumed: "
        f"{read / max_vcpus:.2f} MiB/s read and {write / max_vcpus:.2f} written for each vCPU. Look closer: "
        f"workflow-context throughput --stored-gib {_NEARLY_EMPTY_GIB} --hours {_LONG_RUN_HOURS} "
        f"--read-mibps {read:.0f} --write-mibps {write:.0f}",
        level="warning",
        check="efs-burst-credits",
    )


def _one_zone(zone: str) -> Iterator[Problem]:
    yield Problem(
        ("availabilityZone",),
        f"tasks run in {zone} only, where the data is: there is less Spot and on-demand capacity than in all zones",
        remedy="leave availabilityZone out for Regional storage, or list several instanceTypes",
        level="warning",
        check="efs-one-zone",
    )


@cache
def _usd_per_month(mibps: int) -> tuple[float, str]:
    """What provisioned throughput costs a month on an empty file system, in USD, and what that rests on."""
    from workflow_context.models.burst_credits import EfsModel, ThroughputMode
    from workflow_context.models.prices import default_prices
    from workflow_context.models.throughput_modes import efs_month_cost

    prices = default_prices()
    month = efs_month_cost(EfsModel(0, ThroughputMode.PROVISIONED, mibps), (), prices)
    price = next(line.price for line in month.lines if line.kind == "throughput")
    return month.usd, f"{prices.region}, price of {price.as_of}, {price.confidence}"


@dataclass(frozen=True)
class _EndOfCredits:
    hours: float
    baseline_mibps: float
    read_mibps: float
    write_mibps: float
    elastic_usd: float


@cache
def _end_of_credits(max_vcpus: int) -> _EndOfCredits | None:
    """When the credits of a nearly empty file system end, and at what demand; None when they outlast a long run."""
    from workflow_context.models.burst_credits import EfsModel, ThroughputMode, simulate
    from workflow_context.models.default_demand import typical_demand
    from workflow_context.models.prices import default_prices
    from workflow_context.models.throughput_modes import efs_month_cost

    model, demand = EfsModel(_NEARLY_EMPTY_GIB), typical_demand(max_vcpus, _LONG_RUN_HOURS)
    hours = simulate(model, [demand]).credits_exhausted_after_hours
    if hours is None or hours > _LONG_RUN_HOURS:
        return None
    elastic = efs_month_cost(EfsModel(0, ThroughputMode.ELASTIC), [demand], default_prices())
    return _EndOfCredits(hours, model.baseline_mibps, demand.read_mibps, demand.write_mibps, elastic.usd)
