"""The job that deletes the storage of runs: MODE, `delete` or `dry-run`; the rest is in the environment."""

from __future__ import annotations

import os
import time
from pathlib import Path

from .aws import Aws
from .ended import Rule
from .expire import Expiry, say


def main(arguments: list[str]) -> int:
    """Make one pass. Returns the exit code."""
    [mode] = arguments
    if mode not in ("delete", "dry-run"):
        say(f"the mode is delete or dry-run, not {mode!r}")
        return 2
    settings = os.environ
    expiry = Expiry(
        Path(settings["STORAGE_ROOT"]),
        Rule(
            settings["RUNS"],
            tuple(filter(None, settings["END_MARKERS"].split(","))),
            tuple(filter(None, settings["FAILURE_MARKERS"].split(","))),
        ),
        Aws(settings["BUCKET"], settings["PREFIX"], settings.get("FILE_SYSTEM", ""), settings["AWS_REGION"]),
        time.time(),
        say,
        dry_run=mode == "dry-run",
    )
    return 0 if expiry.run() else 1
