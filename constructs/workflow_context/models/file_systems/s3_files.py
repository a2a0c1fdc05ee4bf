"""Amazon S3 Files: a bucket as a file system."""

from __future__ import annotations

from dataclasses import dataclass

from workflow_context.models.estimates import CostLine
from workflow_context.models.prices import PriceBook
from workflow_context.models.workloads import Workload

from .base import Use, gb_months, request_lines

EXPIRATION_HOURS = 7 * 24.0
"""How long data stays resident after its last use: the default of this package, the most AWS advises for batch jobs."""


@dataclass(frozen=True)
class S3FilesChoice:
    """Amazon S3 Files.

    Attributes:
        key: Its name.
        fs_type: Its `fsType`.
    """

    key: str = "S3Files"
    fs_type: str = "S3Files"

    def use(self, workload: Workload, prices: PriceBook, region: str) -> Use:
        """Put a workload on it.

        Genomics files are large: reads of 1 MiB and more come straight from S3 for the price of a request. What is
        written is resident until it expires, and is read once more to be exported to the bucket. Inputs are in the
        bucket already and are not written.
        """
        del region
        hours = workload.run_hours + min(workload.retention_hours, EXPIRATION_HOURS)
        written = max(0.0, workload.write_gib - workload.input_gib)
        resident = workload.intermediates_gib * hours / prices.hours_per_month
        lines = (
            CostLine("S3 Files resident data", "storage", resident, prices["s3files_storage"]),
            CostLine("S3 storage", "storage", gb_months(workload, prices), prices["s3_standard_storage_first_50tb"]),
            CostLine("S3 Files writes", "throughput", written, prices["s3files_write"]),
            CostLine("S3 Files export to the bucket", "throughput", written, prices["s3files_read"]),
            *request_lines(workload.read_gib, written, prices),
        )
        notes = (
            "no hard links; a rename of a directory is a copy of each object in the bucket",
            f"reads are taken to be of 1 MiB or more; smaller ones cost {prices['s3files_read'].value:g} USD per GB",
        )
        return Use(lines, (), 1.0, f"resident {EXPIRATION_HOURS / 24:g} days", notes)


MODELS = (S3FilesChoice(),)
"""What of it is compared with other file systems."""
