"""What every file system tells about a workload on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from workflow_context.models.cfn import Stacks
from workflow_context.models.estimates import CostLine, Unpriced, priced
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
        slowdown: How many times as long a run takes as without any limit of the file system, month after month.
        setting: The setting that was priced, for example `provisioned 128 MiB/s`.
        notes: What else decides, in sentences.
        extra_task_memory_gb: Memory that each task needs on top, in GB.
        first_slowdown: The same in the first month of a new file system; None where it is no other.
        unpriced: What costs and has no price.
        cautions: Why the verdict on speed is to be doubted, in sentences.
    """

    per_run: tuple[CostLine, ...]
    per_month: tuple[CostLine, ...]
    slowdown: float
    setting: str
    notes: tuple[str, ...] = ()
    extra_task_memory_gb: int = 0
    first_slowdown: float | None = None
    unpriced: tuple[Unpriced, ...] = ()
    cautions: tuple[str, ...] = ()


class FileSystemModel(Protocol):
    """A way to hold the files of a workflow.

    Attributes:
        head_on_ec2: Whether the head job has to run on EC2, because Fargate cannot mount it.
    """

    head_on_ec2: ClassVar[bool]

    @property
    def key(self) -> str:
        """Its name on the command line and in JSON, for example `EFS elastic`."""
        ...

    @property
    def fs_type(self) -> str:
        """Its `fsType` in the project file."""
        ...

    @classmethod
    def of_context(cls, stacks: Stacks, configuration: Mapping[str, Any]) -> list[FileSystemModel]:
        """Return how a context has it, by its templates and, where they are silent, by its project file.

        An imported file system tells nothing: then every setting is returned that it may have.
        """
        ...

    def idle_unpriced(self, prices: PriceBook) -> tuple[Unpriced, ...]:
        """Return what it costs while idle that no template shows."""
        ...

    def use(self, workload: Workload, prices: PriceBook, region: str) -> Use:
        """Put a workload on it.

        Raises:
            ModelError: It cannot hold the workload.
        """
        ...


class FileSystemDefaults:
    """What holds for most file systems: Fargate mounts them, and templates show all that they cost while idle.

    A kind of another package begins with it, and has `key`, `fs_type` and `use` of its own.
    """

    head_on_ec2: ClassVar[bool] = False

    @classmethod
    def of_context(cls, stacks: Stacks, configuration: Mapping[str, Any]) -> list[Any]:
        """Return it with its defaults: nothing of the context changes what it costs."""
        del stacks, configuration
        return [cls()]

    def idle_unpriced(self, prices: PriceBook) -> tuple[Unpriced, ...]:
        """Return nothing."""
        del prices
        return ()


def split(found: Iterable[CostLine | Unpriced]) -> tuple[tuple[CostLine, ...], tuple[Unpriced, ...]]:
    """Return the lines, and what has no price."""
    lines: list[CostLine] = []
    unpriced: list[Unpriced] = []
    for each in found:
        if isinstance(each, CostLine):
            lines.append(each)
        else:
            unpriced.append(each)
    return tuple(lines), tuple(unpriced)


def retained_gib(workload: Workload, prices: PriceBook, *, at_most_hours: float | None = None) -> float:
    """Return what earlier runs have left on the file system, in GiB, on the average of a month."""
    kept = workload.retention_hours if at_most_hours is None else min(workload.retention_hours, at_most_hours)
    return workload.stored_gib * workload.runs_per_month * kept / prices.hours_per_month


def gb_months(
    workload: Workload,
    prices: PriceBook,
    slowdown: float = 1.0,
    *,
    retention: float | None = None,
    gib: float | None = None,
) -> float:
    """Return what one run stores, in GB-months: during the run and while it is retained.

    Args:
        workload: The workload.
        prices: The unit prices.
        slowdown: How many times as long a run takes.
        retention: How long it is retained, in hours. Default: as the workload says.
        gib: How much of it, in GiB. Default: all that the run stores.
    """
    kept = workload.retention_hours if retention is None else retention
    stored = workload.stored_gib if gib is None else gib
    return stored * (workload.run_hours * slowdown + kept) / prices.hours_per_month


def slowed(share: float, workload: Workload) -> float:
    """Return how many times as long a run takes when its peak is this multiple of what is permitted."""
    return 1 + (max(1.0, share) - 1) / workload.peak_factor


def request_lines(
    read_gib: float, write_gib: float, workload: Workload, prices: PriceBook
) -> tuple[CostLine | Unpriced, ...]:
    """Return the S3 requests for data that is read and written: 8 MiB each, and at least one for each file."""
    gets, puts = (max(gib * 1024 / REQUEST_MIB, workload.files) / 1000 for gib in (read_gib, write_gib))
    return (
        priced(prices, "s3_get_and_other_1k", "S3 GET requests", "requests", gets),
        priced(prices, "s3_put_copy_post_list_1k", "S3 PUT requests", "requests", puts),
    )
