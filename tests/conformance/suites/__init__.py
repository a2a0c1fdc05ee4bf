"""The suites: one file and one line here for each."""

from collections.abc import Callable, Mapping
from pathlib import Path

from conformance.cases import Suite

from .cwl import Cwl
from .nextflow import AwsBatchValidation, NextflowChecks
from .snakemake import SnakemakeTests
from .wdl import Wdl11, Wdl12

SUITES: Mapping[str, Callable[[Path], Suite]] = {
    "cwl-1.2": Cwl,
    "nextflow-awsbatch": AwsBatchValidation,
    "nextflow-checks": NextflowChecks,
    "snakemake": SnakemakeTests,
    "wdl-1.1": Wdl11,
    "wdl-1.2": Wdl12,
}
"""By the name on the command line."""
