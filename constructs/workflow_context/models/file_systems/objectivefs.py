"""ObjectiveFS: a FUSE file system on every machine, its data in S3."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from workflow_context.models.cfn import Stacks
from workflow_context.models.errors import ModelError
from workflow_context.models.estimates import CostLine, Unpriced
from workflow_context.models.objectivefs_memory import extra_task_memory_gb
from workflow_context.models.prices import PriceBook
from workflow_context.models.published import LATCH_BENCHMARKS
from workflow_context.models.workloads import Workload

from .base import (
    GB_IN_GIB,
    MIB_IN_MB,
    FileSystemDefaults,
    FileSystemModel,
    Use,
    gb_months,
    request_lines,
    retained_gib,
    slowed,
    split,
)

READ_MBPS_PER_MOUNT = LATCH_BENCHMARKS["sequentialRead"].objectivefs
WRITE_MBPS_PER_MOUNT = LATCH_BENCHMARKS["sequentialWrite"].objectivefs
"""Sequential reads and writes of one mount, in MB/s, as Latch measured them on a warm cache (undated)."""

READ_SHARE_WITH_OTHERS = LATCH_BENCHMARKS["stagingIn"].ratio
WRITE_SHARE_WITH_OTHERS = LATCH_BENCHMARKS["stagingOut"].ratio
"""What is left when several machines use it at a time: Latch staged to and from ObjectiveFS at 188.40 and 208.74 MB/s,
to and from EFS at 212.31 and 246.64, and names its distributed locks as the reason."""


@dataclass(frozen=True)
class ObjectiveFsChoice(FileSystemDefaults):
    """ObjectiveFS.

    Attributes:
        expected_size_tb: The size for which tasks get memory. Default: what the workload stores.
        by_the_hour: Whether mounts are paid by the hour in any case, as Latch's users pay them.
    """

    expected_size_tb: float | None = None
    by_the_hour: bool = False
    head_on_ec2: ClassVar[bool] = True

    @property
    def key(self) -> str:
        """Its name."""
        return "OFS"

    @property
    def fs_type(self) -> str:
        """Its `fsType`."""
        return "OFS"

    @classmethod
    def of_context(cls, stacks: Stacks, configuration: Mapping[str, Any]) -> list[FileSystemModel]:
        """Return it with the expected size of the project file: no template tells that."""
        del stacks
        return [cls(configuration.get("expectedSizeTb"))]

    def use(self, workload: Workload, prices: PriceBook, region: str) -> Use:
        """Put a workload on it.

        Each machine is one mount. Every task asks for more memory, by the size. Mounts are paid by the hour, or by a
        plan of the vendor where that costs less a month.
        """
        del region
        slowdown = self._slowdown(workload)
        size_tb = (workload.stored_gib + retained_gib(workload, prices)) / GB_IN_GIB / 1000
        if self.expected_size_tb is not None and size_tb > max(self.expected_size_tb, 1):
            raise ModelError(
                f"{workload.name} does not fit: it stores {size_tb:,.1f} TB, earlier runs included, and tasks get "
                f"memory for {self.expected_size_tb:g} TB; raise expectedSizeTb or keep files less long"
            )
        memory = extra_task_memory_gb(size_tb if self.expected_size_tb is None else self.expected_size_tb)
        task_hours = workload.tasks * workload.task_hours + workload.run_hours
        lines, unpriced = split(
            (
                CostLine(
                    "S3 storage of ObjectiveFS",
                    "storage",
                    gb_months(workload, prices, slowdown),
                    prices["s3_standard_storage_first_50tb"],
                ),
                *request_lines(workload.read_gib, workload.write_gib, workload, prices),
                CostLine(
                    f"{memory} GB more memory for each task",
                    "mounts",
                    memory * GB_IN_GIB * task_hours * slowdown,
                    prices["task_memory_gib_hour"],
                ),
            )
        )
        mounts = CostLine("mounts", "mounts", workload.mount_hours * slowdown, prices["objectivefs_mount_hour"])
        plan = CostLine("vendor's plan", "mounts", 1, prices["objectivefs_team_plan_month"])
        by_plan = not self.by_the_hour and plan.usd < mounts.usd * workload.runs_per_month
        notes = (
            _licence_note(workload, prices, by_plan=by_plan),
            "its throughput was measured on a warm cache; a file that no task of the machine has read yet is slower",
            "EC2 only, the head job too; needs a licence",
        )
        doubt = (
            f"no measurement of ObjectiveFS with {workload.hosts} mounts at a time is published; its locks are "
            "distributed, and throughput varies more when many tasks write to the same directories"
        )
        return Use(
            lines if by_plan else (*lines, mounts),
            (plan,) if by_plan else (),
            slowdown,
            f"{workload.hosts} mounts at a time",
            notes,
            memory,
            unpriced=unpriced,
            cautions=(doubt,) if workload.hosts > 1 else (),
        )

    def idle_unpriced(self, prices: PriceBook) -> tuple[Unpriced, ...]:
        """Return the licence: a subscription of the vendor, used or not."""
        plan = prices.get("objectivefs_team_plan_month")
        about = f"about {plan.value:g} USD a month ({plan.as_of})" if plan else "its price is not known"
        return (
            Unpriced(
                "ObjectiveFS licence",
                f"a subscription of the vendor, {about}; its data lies in a bucket: give --bucket-gib",
            ),
        )

    def _slowdown(self, workload: Workload) -> float:
        alone = workload.hosts == 1
        read = READ_MBPS_PER_MOUNT * (1.0 if alone else READ_SHARE_WITH_OTHERS) * workload.hosts
        write = WRITE_MBPS_PER_MOUNT * (1.0 if alone else WRITE_SHARE_WITH_OTHERS) * workload.hosts
        peak = MIB_IN_MB * workload.peak_factor
        return slowed(workload.read_mibps * peak / read + workload.write_mibps * peak / write, workload)


def _licence_note(workload: Workload, prices: PriceBook, *, by_plan: bool) -> str:
    vendor, hour = prices["objectivefs_team_plan_month"].value, prices["objectivefs_mount_hour"].value
    used = workload.mount_hours * workload.runs_per_month
    if by_plan:
        return (
            f"licence: a plan of the vendor at about {vendor:g} USD a month; {used:,.0f} mount-hours a month at the "
            f"{hour:g} USD that Latch asks its users would be {used * hour:,.0f} USD; how many mounts a plan includes "
            "is not published"
        )
    return (
        f"licence: {hour:g} USD for a mount-hour, which Latch asks its users; the vendor sells plans, about {vendor:g} "
        f"USD a month, which cost less from {vendor / hour:,.0f} mount-hours a month; this workload has {used:,.0f}"
    )


MODELS = (ObjectiveFsChoice(),)
"""What of it is compared with other file systems."""
