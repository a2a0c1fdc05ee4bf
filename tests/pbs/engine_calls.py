"""Calls of the front end, as an engine makes them."""

from pathlib import Path

from workflow_context.pbs.qsub import qsub
from workflow_context.pbs.settings import Settings


def queue(arguments: list[str], directory: Path, settings: Settings) -> str:
    """Call qsub, which has told the engine the id when it returns."""
    with qsub(arguments, directory, {}, settings) as id_:
        return id_
