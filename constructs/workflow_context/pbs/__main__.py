"""qsub, qstat and qdel: one program, told by its first argument which it is."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from .script import PbsError
from .settings import Settings


def _qsub(arguments: list[str]) -> None:
    from .flusher import ensure_flusher
    from .qsub import qsub

    settings = Settings.read(dict(os.environ))
    with qsub(arguments, Path.cwd(), dict(os.environ), settings) as id_:
        _print(id_)
    ensure_flusher(settings)


def _qstat(arguments: list[str]) -> None:
    from .batch_api import BatchApi
    from .qstat import qstat

    settings = Settings.read(dict(os.environ))
    _print(qstat(arguments, BatchApi(settings.region), settings))


def _qdel(arguments: list[str]) -> None:
    from .batch_api import BatchApi
    from .qdel import qdel

    settings = Settings.read(dict(os.environ))
    _print(qdel(arguments, BatchApi(settings.region), settings))


def _fetch(arguments: list[str]) -> None:
    from .fetch import fetch

    _print(fetch(arguments[0], Path.cwd(), os.environ["AWS_REGION"]))


def _localize(arguments: list[str]) -> None:
    from .localize import localize

    _print(localize(arguments[0], Path(arguments[1]), os.environ["AWS_REGION"]))


def _run_apart(arguments: list[str]) -> None:
    from .apart import run_apart

    outputs, *command = arguments
    sys.exit(run_apart(command, outputs, Path(sys.argv[0])))


def _check(arguments: list[str]) -> None:
    from .check import check

    del arguments
    sys.exit(check(Path(sys.argv[0])))


def _credentials(arguments: list[str]) -> None:
    from .credentials import for_sdk

    _print(for_sdk(*arguments))


def _begin_run(arguments: list[str]) -> None:
    from .run_end import begin_run

    begin_run(arguments[0], os.environ["AWS_REGION"])


def _end_run(arguments: list[str]) -> None:
    from .run_end import end_run

    record, code, told = arguments
    end_run(record, int(code), told=told == "yes", region=os.environ["AWS_REGION"])


# Those after `qdel` are for the scripts of head jobs. Each imports what it needs:
# most calls are of qsub, which needs least, and an engine makes thousands of them.
_COMMANDS = {
    "qsub": _qsub,
    "qstat": _qstat,
    "qdel": _qdel,
    "fetch": _fetch,
    "localize": _localize,
    "run-apart": _run_apart,
    "credentials": _credentials,
    "check": _check,
    "begin-run": _begin_run,
    "end-run": _end_run,
}


def _print(text: str) -> None:
    if text:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


def main(arguments: list[str]) -> int:
    """Run a command: its name, then its arguments. Returns the exit code."""
    name, *rest = arguments or [""]
    command = _COMMANDS.get(name)
    if command is None:
        sys.stderr.write(f"the first argument is one of {', '.join(_COMMANDS)}\n")
        return 2
    try:
        command(rest)
    except (PbsError, OSError) as error:
        sys.stderr.write(f"{name}: {error}\n")
        return 1
    return 0
