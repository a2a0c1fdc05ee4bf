"""Amazon FSx for Lustre."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from workflow_context.limits import LUSTRE_MIN_GIB, LUSTRE_STEP_GIB
from workflow_context.models.cfn import Stacks
from workflow_context.models.errors import ModelError
from workflow_context.models.estimates import priced
from workflow_context.models.prices import PriceBook
from workflow_context.models.workloads import Workload

from .base import MIB_IN_MB, FileSystemDefaults, FileSystemModel, Use, retained_gib, slowed, split

SCRATCH_READ_MBPS = 200.0
SCRATCH_WRITE_MBPS = 100.0
"""Baseline of the disks of SCRATCH_2, in MB/s per TiB (FSx for Lustre User Guide, ssd-storage.html, undated)."""

PRICE_NAMES = {
    ("SCRATCH_2", None): "fsx_lustre_scratch2_storage",
    ("PERSISTENT_2", 125): "fsx_lustre_persistent2_125_storage",
}
"""What a GB-month costs, by deployment type and MB/s per TiB."""


def price_name(deployment_type: str, per_unit_throughput: float | None) -> str:
    """Return the name of the price of a deployment type, which may be one that no book has."""
    unit = None if per_unit_throughput is None else int(per_unit_throughput)
    default = f"fsx_lustre_{deployment_type.lower().replace('_', '')}{f'_{unit}' if unit else ''}_storage"
    return PRICE_NAMES.get((deployment_type, unit), default)


@dataclass(frozen=True)
class FsxLustreChoice(FileSystemDefaults):
    """FSx for Lustre.

    Attributes:
        deployment_type: `SCRATCH_2` or `PERSISTENT_2`.
        per_unit_throughput: MB/s per TiB of a persistent file system.
        capacity_gib: Its capacity. Default: the least that holds the data and throttles nothing.
    """

    deployment_type: str = "SCRATCH_2"
    per_unit_throughput: float | None = None
    capacity_gib: float | None = None
    head_on_ec2: ClassVar[bool] = True

    @property
    def key(self) -> str:
        """Its name."""
        return "FSxLustre"

    @property
    def fs_type(self) -> str:
        """Its `fsType`."""
        return "FSxLustre"

    @classmethod
    def of_context(cls, stacks: Stacks, configuration: Mapping[str, Any]) -> list[FileSystemModel]:
        """Return the file systems of the templates."""
        del configuration
        return [
            cls(
                str(resource.get("LustreConfiguration", "DeploymentType") or "SCRATCH_1"),
                resource.number("LustreConfiguration", "PerUnitStorageThroughput"),
                resource.number("StorageCapacity"),
            )
            for resource in stacks.of_type("AWS::FSx::FileSystem")
        ] or [cls()]

    def use(self, workload: Workload, prices: PriceBook, region: str) -> Use:
        """Put a workload on it. Its capacity stands all month, full or empty."""
        del region
        needed = workload.stored_gib + retained_gib(workload, prices)
        read, write = (rate * MIB_IN_MB * workload.peak_factor for rate in (workload.read_mibps, workload.write_mibps))
        read_limit, write_limit = self._mbps_per_tib()
        tib_for_speed = read / read_limit + write / write_limit
        capacity = self.capacity_gib or float(capacity_gib(max(needed, tib_for_speed * 1024)))
        if needed > capacity:
            raise ModelError(
                f"{workload.name} does not fit: it stores {needed:,.0f} GiB, earlier runs included, and the file "
                f"system holds {capacity:,.0f} GiB; set storageCapacityGib to {capacity_gib(needed)}, or keep "
                "files less long"
            )
        slowdown = slowed(tib_for_speed / (capacity / 1024), workload)
        setting = f"{self.deployment_type}{f' {self.per_unit_throughput:g}' if self.per_unit_throughput else ''}"
        setting += f", {capacity:,.0f} GiB"
        name = price_name(self.deployment_type, self.per_unit_throughput)
        standing, unpriced = split([priced(prices, name, f"FSx for Lustre {setting}", "storage", capacity)])
        if unpriced and self.capacity_gib is None:
            prices[name]  # a file system without a price is no choice to weigh
        notes = [
            "the whole capacity is paid all month",
            "one zone, EC2 only",
            "the quota of the account for its capacity is not checked",
        ]
        times = capacity / max(needed, LUSTRE_MIN_GIB)
        doubt = f"its capacity is {times:,.0f} times what the data needs, for its throughput; ask for that quota first"
        if self.deployment_type.startswith("SCRATCH"):
            notes.insert(1, "scratch: data is lost with a file server")
        return Use(
            (), standing, slowdown, setting, tuple(notes), unpriced=unpriced, cautions=(doubt,) if times > 4 else ()
        )

    def _mbps_per_tib(self) -> tuple[float, float]:
        if self.per_unit_throughput:
            return self.per_unit_throughput, self.per_unit_throughput
        return SCRATCH_READ_MBPS, SCRATCH_WRITE_MBPS


def capacity_gib(needed_gib: float) -> int:
    """Return the smallest capacity that holds some data: 1200, 2400, then multiples of 2400 GiB."""
    return (
        LUSTRE_MIN_GIB
        if needed_gib <= LUSTRE_MIN_GIB
        else math.ceil(needed_gib / LUSTRE_STEP_GIB - 1e-9) * LUSTRE_STEP_GIB
    )


MODELS = (FsxLustreChoice(),)
"""What of it is compared with other file systems."""
