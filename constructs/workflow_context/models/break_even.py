"""EFS or ObjectiveFS by cost alone: the two cost models of the Latch documentation, and where they meet.

EFS is paid by the data: GB-months, and with Elastic throughput each GB read and written. ObjectiveFS is paid by the
machines: mount-hours, and memory for each task; its data lies in S3. So there is one line on which both cost the same:
what the data costs more on EFS equals what the mounts and the memory cost.
"""

from __future__ import annotations

from dataclasses import dataclass

from .estimates import total
from .file_systems import Use
from .file_systems.efs import EfsThroughput
from .file_systems.objectivefs import ObjectiveFsChoice
from .prices import PriceBook
from .workloads import Workload


@dataclass(frozen=True)
class BreakEven:
    """A workload between EFS (Elastic throughput) and ObjectiveFS, for one run, without machines.

    Attributes:
        workload: The workload.
        efs_usd: EFS: storage and throughput, in USD.
        objectivefs_data_usd: ObjectiveFS: storage and requests, in USD.
        objectivefs_mounts_usd: ObjectiveFS: mounts and the memory of the tasks, in USD.
    """

    workload: Workload
    efs_usd: float
    objectivefs_data_usd: float
    objectivefs_mounts_usd: float

    @property
    def efs_premium_usd(self) -> float:
        """What the data costs more on EFS, in USD a run."""
        return self.efs_usd - self.objectivefs_data_usd

    @property
    def objectivefs_is_cheaper(self) -> bool:
        """Whether ObjectiveFS costs less."""
        return self.objectivefs_mounts_usd < self.efs_premium_usd

    @property
    def mount_hours_at_break_even(self) -> float:
        """How many mount-hours a run may have before EFS is cheaper, the memory for tasks included."""
        if self.objectivefs_mounts_usd <= 0:
            return float("inf")
        return self.workload.mount_hours * self.efs_premium_usd / self.objectivefs_mounts_usd


def break_even(workload: Workload, prices: PriceBook, region: str = "us-east-1", mode: str = "elastic") -> BreakEven:
    """Compare EFS and ObjectiveFS for one run of a workload and its retention.

    Args:
        workload: The workload.
        prices: The unit prices.
        region: The Region.
        mode: The throughput mode of EFS. Elastic is the one that the Latch documentation prices.
    """
    efs = EfsThroughput(mode).use(workload, prices, region)
    objectivefs = ObjectiveFsChoice(by_the_hour=True).use(workload, prices, region)
    standing = total(efs.per_month) / workload.runs_per_month
    return BreakEven(
        workload, total(efs.per_run) + standing, _kind(objectivefs, mounts=False), _kind(objectivefs, mounts=True)
    )


def _kind(use: Use, *, mounts: bool) -> float:
    return total(line for line in use.per_run if (line.kind == "mounts") is mounts)
