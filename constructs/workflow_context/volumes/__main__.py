"""The job that deletes the storage of runs: MODE (`delete`, `dry-run` or `measure`) and NAME (`all`, or of one)."""

from __future__ import annotations

import os
import time
from pathlib import Path

from .aws import Aws
from .ended import Rule
from .expire import Expiry, say

END = "@end"
"""The last line of the log: whoever reads it knows that no more comes."""


def main(arguments: list[str]) -> int:
    """Make one pass. Returns the exit code."""
    mode, name = arguments
    if mode not in ("delete", "dry-run", "measure"):
        say(f"the mode is delete, dry-run or measure, not {mode!r}")
        return 2
    settings = os.environ
    expiry = Expiry(
        Path(settings["STORAGE_ROOT"]),
        Rule(
            settings["RUNS"],
            tuple(filter(None, settings["END_MARKERS"].split(","))),
            tuple(filter(None, settings["FAILURE_MARKERS"].split(","))),
        ),
        Aws(
            settings["BUCKET"],
            settings["PREFIX"],
            settings.get("FILE_SYSTEM", ""),
            settings["AWS_REGION"],
            settings.get("USE_API", ""),
        ),
        time.time(),
        say,
        dry_run=mode == "dry-run",
        only="" if name == "all" else name,
    )
    well = expiry.measure() if mode == "measure" else expiry.run()
    say(END)
    return 0 if well else 1
