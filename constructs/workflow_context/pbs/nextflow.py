"""What Nextflow reads of a task in the task's own directory, beside what qstat prints."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from .jobs import Job

_ENDED = 143  # the exit code of what was ended by SIGTERM, as is all on a machine that goes


def exit_code_of(job: Job) -> str:
    """The exit code that a task noted before its machine went, by which Nextflow goes on; empty when there is none."""
    if job.task is None:
        return ""
    try:
        return Path(job.task.arguments[0], ".exitcode").read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return ""


def explain_to_nextflow(job: Job, found: dict[str, Any]) -> None:
    """Say of a task that left no exit code why, in its own files: Nextflow goes by them, and would wait for them long.

    A task of an array of Nextflow has files that only the array knows.

    Args:
        job: The task.
        found: What AWS Batch says of it.
    """
    if job.task is None or job.index is not None or Path(job.task.arguments[1]).name != ".command.run":
        return
    container = found.get("container", {})
    folder = Path(job.task.arguments[0])
    ran = found.get("startedAt") or (folder / ".command.begin").exists()
    reasons = [part for part in (found.get("statusReason"), container.get("reason")) if part]
    why = f"The job {'was ended' if ran else 'never ran'}: {', '.join(reasons) or 'AWS Batch does not say why'}\n"
    code = container.get("exitCode") or (_ENDED if ran else 1)
    try:
        with (folder / ".command.log").open("a", encoding="utf-8") as file:
            file.write(why)
        # Not over one that was written and is not seen here yet.
        with (folder / ".exitcode").open("x", encoding="utf-8") as file:
            file.write(str(code))
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{why}{error}\n")
