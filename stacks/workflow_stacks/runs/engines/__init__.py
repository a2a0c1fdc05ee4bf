"""The engines whose workflows can be run: one contract (base.py), one file and one line here for each."""

from collections.abc import Mapping

from .base import RunEngine
from .cromwell import Cromwell
from .miniwdl import Miniwdl
from .nextflow import Nextflow
from .snakemake import Snakemake
from .toil import Toil

ENGINES: Mapping[str, RunEngine] = {
    "cromwell": Cromwell(),
    "miniwdl": Miniwdl(),
    "nextflow": Nextflow(),
    "snakemake": Snakemake(),
    "toil": Toil(),
}
"""By the name that a project file gives to the engine."""
