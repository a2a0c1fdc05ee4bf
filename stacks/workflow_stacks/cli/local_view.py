"""How a running workflow is shown: live on a terminal, a line for each change elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workflow_stacks.local.runs.watch import Watch

Look = Callable[["Watch", Any], None]

STATES = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED")
SIZE_EVERY_SECONDS = 2.0


@contextmanager
def view() -> Iterator[Look]:
    """Give a function that shows what it is called with, on stderr."""
    if not sys.stderr.isatty():
        yield _Lines().look
        return
    from rich.console import Console
    from rich.live import Live

    with Live(console=Console(stderr=True), transient=True, refresh_per_second=4) as live:
        sizes = _Sizes()

        def look(jobs: Watch, folder: Any) -> None:
            live.update(_table(jobs, sizes.of(folder)))

        yield look


class _Lines:
    def __init__(self) -> None:
        self._start = time.monotonic()
        self._said = ""
        self._stuck: set[str] = set()

    def look(self, jobs: Watch, folder: Any) -> None:
        for stuck in jobs.stuck():
            if stuck not in self._stuck:
                self._stuck.add(stuck)
                self._write(stuck)
        text = f"head job {jobs.head['status']}; tasks: {_states(jobs) or 'none yet'}"
        if text == self._said:
            return
        self._said = text
        size = folder.used_bytes() if jobs.ended and folder else None
        on = f"; {_mib(size)} on the file system" if size is not None else ""
        self._write(f"{text}{on}")

    def _write(self, text: str) -> None:
        sys.stderr.write(f"{time.monotonic() - self._start:6.1f} s  {text}\n")
        sys.stderr.flush()


class _Sizes:
    """The size of the file system, looked up now and then: it is a walk through all of it."""

    def __init__(self) -> None:
        self._size: int | None = None
        self._next = 0.0

    def of(self, folder: Any) -> int | None:
        if time.monotonic() >= self._next:
            self._size = folder.used_bytes() if folder else None
            self._next = time.monotonic() + SIZE_EVERY_SECONDS
        return self._size


def _table(jobs: Watch, size: int | None) -> Any:
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    table.add_row("head job", jobs.head["status"])
    table.add_row("tasks", _states(jobs) or "none yet")
    for stuck in jobs.stuck():
        table.add_row("stuck", stuck)
    if size is not None:
        table.add_row("file system", _mib(size))
    table.add_row("elapsed", f"{time.time() - jobs.head['createdAt'] / 1000:.0f} s")
    return table


def _states(jobs: Watch) -> str:
    counted = jobs.states
    return ", ".join(f"{counted[state]} {state}" for state in STATES if counted[state])


def _mib(size: int) -> str:
    return f"{size / 2**20:.2f} MiB"
