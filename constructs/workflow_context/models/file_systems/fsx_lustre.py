"""Amazon FSx for Lustre, SCRATCH_2."""

from __future__ import annotations

import math
from dataclasses import dataclass

from workflow_context.models.estimates import CostLine
from workflow_context.models.prices import PriceBook
from workflow_context.models.workloads import Workload

from .base import MIB_IN_MB, Use, retained_gib

MINIMUM_GIB = 1200
STEP_GIB = 2400
READ_MBPS_PER_TIB = 200.0
WRITE_MBPS_PER_TIB = 100.0
"""Baseline of the disks of SCRATCH_2, in MB/s per TiB (FSx for Lustre User Guide, ssd-storage.html, undated)."""


@dataclass(frozen=True)
class FsxLustreChoice:
    """FSx for Lustre.

    Attributes:
        key: Its name.
        fs_type: Its `fsType`.
    """

    key: str = "FSxLustre"
    fs_type: str = "FSxLustre"

    def use(self, workload: Workload, prices: PriceBook, region: str) -> Use:
        """Put a workload on it. Its capacity stands all month, full or empty."""
        del region
        capacity = capacity_gib(workload.stored_gib + retained_gib(workload, prices))
        tib = capacity / 1024
        read, write = workload.read_mibps * MIB_IN_MB, workload.write_mibps * MIB_IN_MB
        slowdown = max(1.0, read / (READ_MBPS_PER_TIB * tib) + write / (WRITE_MBPS_PER_TIB * tib))
        standing = CostLine(
            f"FSx for Lustre SCRATCH_2, {capacity} GiB", "storage", capacity, prices["fsx_lustre_scratch2_storage"]
        )
        notes = (
            "the whole capacity is paid all month",
            "scratch: data is lost with a file server",
            "one zone, EC2 only",
        )
        return Use((), (standing,), slowdown, f"SCRATCH_2, {capacity} GiB", notes)


def capacity_gib(needed_gib: float) -> int:
    """Return the smallest capacity that holds some data: 1200, 2400, then multiples of 2400 GiB."""
    return MINIMUM_GIB if needed_gib <= MINIMUM_GIB else math.ceil(needed_gib / STEP_GIB) * STEP_GIB


MODELS = (FsxLustreChoice(),)
"""What of it is compared with other file systems."""
