"""ObjectiveFS: a FUSE file system on every machine, its data in S3."""

from __future__ import annotations

from dataclasses import dataclass

from workflow_context.models.estimates import CostLine
from workflow_context.models.objectivefs_memory import extra_task_memory_gb
from workflow_context.models.prices import PriceBook
from workflow_context.models.workloads import Workload

from .base import (
    GB_IN_GIB,
    MIB_IN_MB,
    Use,
    gb_months,
    request_lines,
    retained_gib,
)

READ_MBPS_PER_MOUNT = 122.23
WRITE_MBPS_PER_MOUNT = 125.07
"""Sequential reads and writes of one mount, in MB/s, as Latch measured them on a warm cache (undated)."""


@dataclass(frozen=True)
class ObjectiveFsChoice:
    """ObjectiveFS.

    Attributes:
        key: Its name.
        fs_type: Its `fsType`.
    """

    key: str = "OFS"
    fs_type: str = "OFS"

    def use(self, workload: Workload, prices: PriceBook, region: str) -> Use:
        """Put a workload on it.

        Each machine is one mount, at the price for a mount-hour. Every task asks for more memory, by the size.
        """
        del region
        slowdown = self._slowdown(workload)
        size_tb = (workload.stored_gib + retained_gib(workload, prices)) / GB_IN_GIB / 1000
        memory = extra_task_memory_gb(size_tb)
        task_hours = workload.tasks * workload.task_hours + workload.run_hours
        plan = prices["objectivefs_team_plan_month"].value / prices["objectivefs_mount_hour"].value
        lines = (
            CostLine(
                "S3 storage of ObjectiveFS",
                "storage",
                gb_months(workload, prices, slowdown),
                prices["s3_standard_storage_first_50tb"],
            ),
            *request_lines(workload.read_gib, workload.write_gib, prices),
            CostLine("mounts", "mounts", workload.mount_hours * slowdown, prices["objectivefs_mount_hour"]),
            CostLine(
                f"{memory} GB more memory for each task",
                "mounts",
                memory * GB_IN_GIB * task_hours * slowdown,
                prices["task_memory_gib_hour"],
            ),
        )
        vendor = prices["objectivefs_team_plan_month"].value
        used = workload.mount_hours * workload.runs_per_month
        plan_note = (
            f"a vendor plan of about {vendor:g} USD a month would be cheaper than mount-hours from {plan:,.0f} "
            f"mount-hours a month; this workload has {used:,.0f}"
        )
        notes = (
            plan_note,
            "locks are distributed: throughput varies more when many tasks write to the same directories",
            "EC2 only, the head job too; needs a licence",
        )
        return Use(lines, (), slowdown, f"{workload.hosts} mounts at a time", notes, memory)

    def _slowdown(self, workload: Workload) -> float:
        read, write = workload.read_mibps * MIB_IN_MB, workload.write_mibps * MIB_IN_MB
        share = (read / READ_MBPS_PER_MOUNT + write / WRITE_MBPS_PER_MOUNT) / workload.hosts
        return max(1.0, share)


MODELS = (ObjectiveFsChoice(),)
"""What of it is compared with other file systems."""
