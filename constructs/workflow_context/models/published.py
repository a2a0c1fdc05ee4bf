"""What others have published about file systems and runs, to stand beside the estimates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

LATCH = "Latch documentation, 'Nextflow shared storage' (undated)"
AGC = "Amazon Genomics CLI documentation, 'EFS Workflow Filesystem' (2022-03-11)"


@dataclass(frozen=True)
class Benchmark:
    """A throughput that Latch measured, in MB/s.

    Attributes:
        title: What was measured.
        efs: On Amazon EFS.
        objectivefs: On ObjectiveFS, with a warm cache.
    """

    title: str
    efs: float
    objectivefs: float

    @property
    def ratio(self) -> float:
        """ObjectiveFS in parts of EFS, at most 1."""
        return min(1.0, self.objectivefs / self.efs)


LATCH_BENCHMARKS: Mapping[str, Benchmark] = MappingProxyType(
    {
        "sequentialRead": Benchmark("sequential read, a file of 1 GB", 92.55, 122.23),
        "sequentialWrite": Benchmark("sequential write, a file of 1 GB", 124.20, 125.07),
        "randomRead": Benchmark("random read, chunks of 1 MB", 58.39, 77.79),
        "randomWrite": Benchmark("random write, chunks of 1 MB", 73.69, 87.90),
        "stagingIn": Benchmark("staging into the work directory", 212.31, 188.40),
        "stagingOut": Benchmark("writing results from the work directory", 246.64, 208.74),
    }
)
"""The twelve figures of the Latch documentation: one mount, copies of a file, and staging in a workflow."""

LATCH_CHOICE: Mapping[str, int] = MappingProxyType({"cost": 4, "performance": 5, "execution time": 3})
"""Its table of choice: the plus signs of EFS and of ObjectiveFS together.

The copy that was read runs the two columns into one, so how many belong to which is not known; the text around the
table calls EFS expensive and of stable high throughput, and ObjectiveFS cheaper and fast on a warm cache.
"""
