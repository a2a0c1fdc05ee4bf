"""What every file system tells about a workload on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from workflow_context.models.estimates import CostLine
from workflow_context.models.prices import PriceBook
from workflow_context.models.workloads import Workload

GB_IN_GIB = 1e9 / 2**30
"""AWS and vendors measure throughput in MB; one GB is this many GiB."""
MIB_IN_MB = 2**20 / 1e6
REQUEST_MIB = 8.0
"""What one S3 request moves, in MiB: the part size of the AWS CLI."""


@dataclass(frozen=True)
class Use:
    """A workload on a file system.

    Attributes:
        per_run: What storage costs for a run, its retention included.
        per_month: What stands there all month, whether or not anything runs.
        slowdown: How many times as long a run takes as without any limit of the file system.
        setting: The setting that was priced, for example `provisioned 128 MiB/s`.
        notes: What else decides, in sentences.
        extra_task_memory_gb: Memory that each task needs on top, in GB.
    """

    per_run: tuple[CostLine, ...]
    per_month: tuple[CostLine, ...]
    slowdown: float
    setting: str
    notes: tuple[str, ...] = ()
    extra_task_memory_gb: int = 0


class FileSystemModel(Protocol):
    """A way to hold the files of a workflow.

    Attributes:
        key: Its name on the command line and in JSON, for example `EFS elastic`.
        fs_type: Its `fsType` in the project file.
    """

    @property
    def key(self) -> str:
        """Its name."""
        ...

    @property
    def fs_type(self) -> str:
        """Its `fsType` in the project file."""
        ...

    def use(self, workload: Workload, prices: PriceBook, region: str) -> Use:
        """Put a workload on it.

        Raises:
            ModelError: It cannot hold the workload.
        """
        ...


def retained_gib(workload: Workload, prices: PriceBook) -> float:
    """Return what earlier runs have left on the file system, in GiB, on the average of a month."""
    return workload.stored_gib * workload.runs_per_month * workload.retention_hours / prices.hours_per_month


def gb_months(workload: Workload, prices: PriceBook, slowdown: float = 1.0, *, retention: float | None = None) -> float:
    """Return what one run stores, in GB-months: during the run and while it is retained."""
    kept = workload.retention_hours if retention is None else retention
    return workload.stored_gib * (workload.run_hours * slowdown + kept) / prices.hours_per_month


def request_lines(read_gib: float, write_gib: float, prices: PriceBook) -> tuple[CostLine, ...]:
    """Return the S3 requests for data that is read and written, at 8 MiB a request."""
    gets, puts = (gib * 1024 / REQUEST_MIB / 1000 for gib in (read_gib, write_gib))
    return (
        CostLine("S3 GET requests", "requests", gets, prices["s3_get_and_other_1k"]),
        CostLine("S3 PUT requests", "requests", puts, prices["s3_put_copy_post_list_1k"]),
    )
