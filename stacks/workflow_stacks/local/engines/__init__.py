"""What stands in for the images of engines: one contract (base.py), one file and one line here for each."""

import re
from collections.abc import Mapping

from .base import LocalEngine
from .cromwell import Cromwell
from .miniwdl import Miniwdl
from .nextflow import Nextflow
from .snakemake import Snakemake
from .toil import Toil

ENGINES: Mapping[str, LocalEngine] = {
    "cromwell": Cromwell(),
    "miniwdl": Miniwdl(),
    "nextflow": Nextflow(),
    "snakemake": Snakemake(),
    "toil": Toil(),
}
"""By the name that a project file gives to the engine."""


def engine_of(image: str) -> LocalEngine | None:
    """The engine that an image is of."""
    name = re.split("[:@]", image)[0]
    return next((engine for engine in ENGINES.values() if name in engine.images), None)
