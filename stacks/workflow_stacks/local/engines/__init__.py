"""Which engines run on the local cloud: one contract (base.py), one file and one line here for each."""

from collections.abc import Mapping

from .base import LocalEngine
from .miniwdl import Miniwdl

ENGINES: Mapping[str, LocalEngine] = {"miniwdl": Miniwdl()}
"""By the name that a project file gives to the engine."""


def image_files(image: str) -> Mapping[str, str]:
    """Files that a known image would bring: path to text."""
    for engine in ENGINES.values():
        if image.rpartition(":")[0] == engine.image or image == engine.image:
            return engine.image_files()
    return {}
