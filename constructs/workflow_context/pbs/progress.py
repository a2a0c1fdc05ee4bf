"""How far a job is that does several tasks one after another: the files that it writes beside them."""

from __future__ import annotations

import os
import time
from pathlib import Path

from .commands import BEGAN, DONE, LOG
from .jobs import Job

LATE_SECONDS = 120.0
"""How long what a job wrote may take to be seen here: a client of NFS remembers what a directory holds."""

_LOG_LINES = 30


class Progress:
    """What is to be seen of the tasks of each submission; it is looked at once.

    Args:
        tasks: The directory of the run's submissions.
    """

    def __init__(self, tasks: Path) -> None:
        self._tasks = tasks
        self._seen: dict[str, frozenset[str]] = {}

    def exit_code(self, job: Job) -> str:
        """The exit code of a task that was done, or nothing."""
        name = f"{DONE}{job.place}"
        return _read(self._tasks / job.submission / name).strip() if name in self._files(job) else ""

    def has_begun(self, job: Job) -> bool:
        """Whether a task began."""
        return f"{BEGAN}{job.place}" in self._files(job)

    def has_done_any(self, job: Job) -> bool:
        """Whether any task began that is in the same job."""
        first = job.place // job.together * job.together
        files = self._files(job)
        return any(f"{BEGAN}{place}" in files for place in range(first, first + job.together))

    def _files(self, job: Job) -> frozenset[str]:
        if job.submission not in self._seen:
            self._seen[job.submission] = _fresh_names(self._tasks / job.submission)
        return self._seen[job.submission]


def log_of(tasks: Path, job: Job) -> list[str]:
    """The last lines that a task said which had no job of its own."""
    return _read(tasks / job.submission / f"{LOG}{job.place}").splitlines()[-_LOG_LINES:]


def may_be_late(found: dict[str, object]) -> bool:
    """Whether a job ended so recently that what it wrote need not be seen yet."""
    stopped = found.get("stoppedAt")
    return isinstance(stopped, (int, float)) and time.time() - stopped / 1000 < LATE_SECONDS


def _fresh_names(folder: Path) -> frozenset[str]:
    # To change a directory makes the client of a network file system ask the server for what it holds.
    mark = folder / f".look-{os.getpid()}"
    try:
        mark.touch()
        mark.unlink()
        return frozenset(os.listdir(folder))  # noqa: PTH208  names alone, of thousands
    except OSError:
        return frozenset()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
