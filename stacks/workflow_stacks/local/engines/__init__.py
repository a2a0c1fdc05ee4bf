"""Which engines run on the local cloud: one contract (base.py), one file and one line here for each."""

import re
from collections.abc import Mapping

from .base import LocalEngine
from .miniwdl import Miniwdl
from .nextflow import Nextflow
from .snakemake import Snakemake

ENGINES: Mapping[str, LocalEngine] = {"miniwdl": Miniwdl(), "nextflow": Nextflow(), "snakemake": Snakemake()}
"""By the name that a project file gives to the engine."""


def image_files(image: str) -> Mapping[str, str]:
    """Files that a known image would bring: path to text."""
    for engine in ENGINES.values():
        if re.split("[:@]", image)[0] in engine.images:
            return engine.image_files()
    return {}
