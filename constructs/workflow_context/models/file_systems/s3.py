"""Amazon S3 without a file system: the engine stages files to and from the disk of each machine."""

from __future__ import annotations

from dataclasses import dataclass

from workflow_context.models.estimates import CostLine, priced
from workflow_context.models.prices import PriceBook
from workflow_context.models.workloads import Workload

from .base import MIB_IN_MB, FileSystemDefaults, Use, gb_months, request_lines, split

DISK_MBPS = 125.0
"""What a gp3 volume does without extra charge, in MB/s; staged files are written to it and read from it."""


@dataclass(frozen=True)
class S3Choice(FileSystemDefaults):
    """Amazon S3, staged."""

    @property
    def key(self) -> str:
        """Its name."""
        return "S3"

    @property
    def fs_type(self) -> str:
        """Its `fsType`."""
        return "S3"

    def use(self, workload: Workload, prices: PriceBook, region: str) -> Use:
        """Put a workload on it.

        A task first copies its inputs to disk, the whole of them, and what it writes it copies up afterwards, both at
        the speed of a gp3 volume that it shares with the tasks beside it; meanwhile the task waits. Inputs are in a
        bucket already: they are neither written nor stored again.
        """
        del region
        written = max(0.0, workload.write_gib - workload.input_gib)
        copied_gib = (workload.staged_gib + written) / workload.tasks
        beside = workload.tasks_per_host or 1
        copy_hours = copied_gib * 1024 * MIB_IN_MB * beside / DISK_MBPS / 3600
        slowdown = 1 + copy_hours / workload.task_hours
        scratch = copied_gib * workload.tasks * workload.task_hours * slowdown / prices.hours_per_month
        lines, unpriced = split(
            (
                CostLine(
                    "S3 storage",
                    "storage",
                    gb_months(workload, prices, slowdown, gib=workload.intermediates_gib),
                    prices["s3_standard_storage_first_50tb"],
                ),
                *request_lines(workload.staged_gib, written, workload, prices),
                priced(prices, "ebs_gp3_storage", "disk of the machines for staged files", "storage", scratch),
            )
        )
        each = workload.staged_gib / workload.tasks
        note = (
            f"each task copies {each:,.1f} GiB of inputs (stagedGibPerTask) and {written / workload.tasks:,.1f} GiB "
            f"of outputs, for about {copy_hours * 60:,.1f} minutes"
        )
        return Use(lines, (), slowdown, "staged by the engine", (note,), unpriced=unpriced)


MODELS = (S3Choice(),)
"""What of it is compared with other file systems."""
