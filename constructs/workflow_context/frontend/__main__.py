"""qsub, qstat and qdel: one program, told by its name or its first argument which it is."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from .batch_api import AnswerLostError, BatchApi, BatchError
from .delete import qdel
from .fetch import fetch
from .script import PbsError
from .settings import Settings
from .status import qstat
from .submit import qsub

_NAMES = ("qsub", "qstat", "qdel")


def main(arguments: list[str]) -> int:
    """Run a command: its name, then its arguments. Returns the exit code."""
    name, *rest = arguments or [""]
    if name not in (*_NAMES, "fetch"):
        sys.stderr.write(f"the first argument is one of {', '.join(_NAMES)}\n")
        return 2
    try:
        environment = dict(os.environ)
        if name == "fetch":  # of a Snakefile, for the script of the head job
            sys.stdout.write(f"{fetch(rest[0], Path.cwd(), environment['AWS_REGION'])}\n")
            return 0
        settings = Settings.read(environment)
        api = BatchApi(settings.region)
        if name == "qsub":
            said = qsub(rest, Path.cwd(), environment, api, settings)
        else:
            said = (qstat if name == "qstat" else qdel)(rest, api, settings)
    except (PbsError, BatchError, AnswerLostError, OSError) as error:
        sys.stderr.write(f"{name}: {error}\n")
        return 1
    if said:
        sys.stdout.write(f"{said}\n")
    return 0
