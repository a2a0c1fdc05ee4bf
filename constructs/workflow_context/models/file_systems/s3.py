"""Amazon S3 without a file system: the engine stages files to and from the disk of each machine."""

from __future__ import annotations

from dataclasses import dataclass

from workflow_context.models.estimates import CostLine
from workflow_context.models.prices import PriceBook
from workflow_context.models.workloads import Workload

from .base import (
    MIB_IN_MB,
    Use,
    gb_months,
    request_lines,
)

DISK_MBPS = 125.0
"""What a gp3 volume does without extra charge, in MB/s; staged files are written to it and read from it."""


@dataclass(frozen=True)
class S3Choice:
    """Amazon S3, staged.

    Attributes:
        key: Its name.
        fs_type: Its `fsType`.
    """

    key: str = "S3"
    fs_type: str = "S3"

    def use(self, workload: Workload, prices: PriceBook, region: str) -> Use:
        """Put a workload on it.

        What a task reads it first copies to disk, and what it writes it copies up afterwards, both at the speed of a
        gp3 volume that it shares with the tasks beside it; meanwhile the task waits.
        """
        del region
        staged_gib = (workload.read_gib + workload.write_gib) / workload.tasks
        copy_hours = staged_gib * 1024 * MIB_IN_MB * workload.tasks_per_host / DISK_MBPS / 3600
        slowdown = 1 + copy_hours / workload.task_hours
        scratch = staged_gib * workload.tasks * workload.task_hours * slowdown / prices.hours_per_month
        lines = (
            CostLine(
                "S3 storage",
                "storage",
                gb_months(workload, prices, slowdown),
                prices["s3_standard_storage_first_50tb"],
            ),
            *request_lines(workload.read_gib, workload.write_gib, prices),
            CostLine("disk of the machines for staged files", "storage", scratch, prices["ebs_gp3_storage"]),
        )
        minutes = copy_hours * 60
        return Use(
            lines, (), slowdown, "staged by the engine", (f"each task copies files for about {minutes:,.1f} minutes",)
        )


MODELS = (S3Choice(),)
"""What of it is compared with other file systems."""
