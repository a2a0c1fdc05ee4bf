"""qsub, qstat and qdel: one program, told by its name or its first argument which it is."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from .batch_api import BatchApi, BatchError, ResponseLostError
from .fetch import fetch
from .qdel import qdel
from .qstat import qstat
from .qsub import qsub
from .script import PbsError
from .settings import Settings


def _fetch(rest: list[str]) -> str:
    return fetch(rest[0], Path.cwd(), os.environ["AWS_REGION"])


def _qsub(rest: list[str]) -> str:
    api, settings = _context()
    return qsub(rest, Path.cwd(), dict(os.environ), api, settings)


def _qstat(rest: list[str]) -> str:
    return qstat(rest, *_context())


def _qdel(rest: list[str]) -> str:
    return qdel(rest, *_context())


def _context() -> tuple[BatchApi, Settings]:
    settings = Settings.read(dict(os.environ))
    return BatchApi(settings.region), settings


# `fetch`, of a workflow, is for the script of the head job.
_COMMANDS = {"qsub": _qsub, "qstat": _qstat, "qdel": _qdel, "fetch": _fetch}


def main(arguments: list[str]) -> int:
    """Run a command: its name, then its arguments. Returns the exit code."""
    name, *rest = arguments or [""]
    command = _COMMANDS.get(name)
    if command is None:
        sys.stderr.write(f"the first argument is one of {', '.join(_COMMANDS)}\n")
        return 2
    try:
        output = command(rest)
    except (PbsError, BatchError, ResponseLostError, OSError) as error:
        sys.stderr.write(f"{name}: {error}\n")
        return 1
    if output:
        sys.stdout.write(f"{output}\n")
    return 0
