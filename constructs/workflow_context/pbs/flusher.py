"""Submits what waits, in a process of its own: a qsub only queues, and tasks of a burst go to AWS Batch together."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .journal import Journal
from .settings import Settings

if TYPE_CHECKING:
    from .batch_api import BatchApi

QUIET_SECONDS = 0.8
"""Nothing has come for so long: the burst is over, or it was one task."""

FIRST_SECONDS = 1.5
"""What comes without a pause waits so long at first, and twice as long each time."""

LONGEST_SECONDS = 15.0

_LOOK_SECONDS = 0.1
_IDLE_SECONDS = 5.0


@dataclass
class Gathering:
    """Says when tasks have waited for others for long enough.

    A single task waits for as long as it takes to see that none follows. In a burst the first ones go soon, and those
    behind them in ever greater numbers: by then machines are on their way anyhow.
    """

    longest: float = FIRST_SECONDS
    seen: int = 0
    changed: float = 0.0

    def is_due(self, waiting: int, oldest: float, now: float) -> bool:
        """Whether to submit.

        Args:
            waiting: How many tasks wait.
            oldest: When the first of them was queued.
            now: The time.
        """
        if waiting != self.seen:
            self.seen, self.changed = waiting, now
        if not waiting:
            return False
        if now - self.changed >= QUIET_SECONDS or oldest > now:
            self.longest = FIRST_SECONDS
            return True
        if now - oldest >= self.longest:
            self.longest = min(self.longest * 2, LONGEST_SECONDS)
            return True
        return False


def ensure_flusher(settings: Settings) -> None:
    """Start a process that submits what waits, unless there is one.

    When it cannot be started, or ends, the next qsub starts another one, and qstat submits what waits.
    """
    journal = Journal(settings.state, settings.run)
    with _locked(journal) as is_mine:
        if not is_mine:
            return
    try:
        if os.fork():
            return
    except OSError:
        return
    try:
        _detach()
        work(settings)
    finally:
        os._exit(0)


def work(settings: Settings) -> None:
    """Submit what waits until nothing has waited for some seconds."""
    from .batch_api import BatchApi  # slow to import, and a qsub does without it

    api = BatchApi(settings.region)
    journal = Journal(settings.state, settings.run)
    while True:
        with _locked(journal) as is_mine:
            if not is_mine:
                return
            _gather(journal, api, settings)
        # A qsub that came meanwhile has seen the lock, and started no other process.
        if not journal.waiting():
            return


def _gather(journal: Journal, api: BatchApi, settings: Settings) -> None:
    from .submission import flush

    gathering = Gathering()
    idle_since = time.monotonic()
    while time.monotonic() - idle_since < _IDLE_SECONDS:
        waiting = journal.waiting()
        if waiting or journal.unresolved():
            idle_since = time.monotonic()
        oldest = min((job.queued for job in waiting), default=0.0)
        if gathering.is_due(len(waiting), oldest, time.time()) or (journal.unresolved() and not waiting):
            flush(journal, api, settings)
        time.sleep(_LOOK_SECONDS)


def _detach() -> None:
    """Leave the engine: it waits until nobody holds the pipes of qsub any more."""
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    os.closerange(3, 256)


@contextmanager
def _locked(journal: Journal) -> Iterator[bool]:
    """Hold the lock of the process that submits; whether nobody else does."""
    with journal.flusher.open("a", encoding="utf-8") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True
