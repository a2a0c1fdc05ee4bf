"""Amazon S3 Files: a bucket as a file system."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from workflow_context.models.cfn import Stacks
from workflow_context.models.efs_limits import ThroughputMode, ceiling
from workflow_context.models.estimates import CostLine
from workflow_context.models.prices import PriceBook
from workflow_context.models.workloads import Workload

from .base import GB_IN_GIB, FileSystemDefaults, FileSystemModel, Use, gb_months, request_lines, slowed, split

EXPIRATION_DAYS = 7.0
"""How long data stays resident after its last use: the default of this package, the most AWS advises for batch jobs."""

READ_MIBPS_PER_CLIENT = 3 * 1024.0
EXPORT_MBPS = 2700.0
"""One client's reads, and what a file system exports to its bucket (S3 Files performance page, after 2026-04).

The page gives 1 to 5 GiB/s of writes by Region. The copies that were read do not say which Region has which; the model
takes the write ceiling of EFS with Elastic throughput there, which has the same two values.
"""


@dataclass(frozen=True)
class S3FilesChoice(FileSystemDefaults):
    """Amazon S3 Files.

    Attributes:
        expiration_days: How long data stays resident after its last use.
    """

    expiration_days: float = EXPIRATION_DAYS
    head_on_ec2: ClassVar[bool] = False

    @property
    def key(self) -> str:
        """Its name."""
        return "S3Files"

    @property
    def fs_type(self) -> str:
        """Its `fsType`."""
        return "S3Files"

    @classmethod
    def of_context(cls, stacks: Stacks, configuration: Mapping[str, Any]) -> list[FileSystemModel]:
        """Return the file systems of the templates with their expiration."""
        del configuration
        return [
            cls(float(rules[0]["DaysAfterLastAccess"]))
            for resource in stacks.of_type("AWS::S3Files::FileSystem")
            if (rules := resource.items("SynchronizationConfiguration", "ExpirationDataRules"))
        ] or [cls()]

    def use(self, workload: Workload, prices: PriceBook, region: str) -> Use:
        """Put a workload on it.

        Genomics files are large: reads of 1 MiB and more come straight from S3 for the price of a request. What is
        written is resident until it expires, and is read once more to be exported to the bucket. Inputs are in the
        bucket already and are not written.
        """
        written = max(0.0, workload.write_gib - workload.input_gib)
        limit = ceiling(ThroughputMode.ELASTIC, region).write_mibps
        write_mibps = workload.write_mibps * (written / workload.write_gib if workload.write_gib else 0.0)
        share = max(
            write_mibps * workload.peak_factor / limit,
            workload.read_mibps * workload.peak_factor / (READ_MIBPS_PER_CLIENT * workload.hosts),
        )
        slowdown = slowed(share, workload)
        hours = workload.run_hours * slowdown + min(workload.retention_hours, self.expiration_days * 24)
        resident = workload.intermediates_gib * hours / prices.hours_per_month
        kept = gb_months(workload, prices, slowdown, gib=workload.intermediates_gib)
        lines, unpriced = split(
            (
                CostLine("S3 Files resident data", "storage", resident, prices["s3files_storage"]),
                CostLine("S3 storage", "storage", kept, prices["s3_standard_storage_first_50tb"]),
                CostLine("S3 Files writes", "throughput", written, prices["s3files_write"]),
                CostLine("S3 Files export to the bucket", "throughput", written, prices["s3files_read"]),
                *request_lines(workload.read_gib, written, workload, prices),
            )
        )
        export_hours = written / GB_IN_GIB / (EXPORT_MBPS * 3.6)
        notes = (
            f"writes are limited to {limit:,.0f} MiB/s for the file system, reads to 3,072 MiB/s for each machine",
            f"the bucket has all that was written {export_hours * 60:,.0f} minutes of export later, at 2,700 MB/s",
            "no hard links; a rename of a directory is a copy of each object in the bucket",
            f"reads are taken to be of 1 MiB or more; smaller ones cost {prices['s3files_read'].value:g} USD per GB",
            "old versions of files that are written over stay in its bucket until a rule removes them; not priced",
        )
        return Use(lines, (), slowdown, f"resident {self.expiration_days:g} days", notes, unpriced=unpriced)


MODELS = (S3FilesChoice(),)
"""What of it is compared with other file systems."""
