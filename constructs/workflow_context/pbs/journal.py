"""What a run remembers of its jobs: a file to which each command adds lines."""

from __future__ import annotations

import fcntl
import hashlib
import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Record = dict[str, Any]


@dataclass
class Job:
    """One job of a run.

    Attributes:
        id: Its id for the engine; empty while AWS Batch has not said one.
        name: Its name, which no other job has.
        queue: Where it was submitted to.
        batch: Its id for AWS Batch, which is another one after it went to the fallback queue.
        ended: When it was seen to have ended; 0 while it lives.
        succeeded: Whether it did.
    """

    id: str
    name: str
    queue: str
    batch: str = ""
    ended: float = 0
    succeeded: bool = False


class Journal:
    """The jobs of a run.

    Args:
        state: The directory for what is remembered.
        run: The name of the run.
    """

    def __init__(self, state: Path, run: str) -> None:
        safe = run if re.match(r"[A-Za-z0-9_.-]{1,80}\Z", run) else hashlib.sha256(run.encode()).hexdigest()[:32]
        folder = state / "runs"
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / f"{safe}.jsonl"
        self._polled = folder / f"{safe}.polled"
        self._lock = folder / f"{safe}.lock"
        self._head = folder / f"{safe}.head"
        self._read_to = 0
        self._jobs: dict[str, Job] = {}
        self._sent: dict[str, Job] = {}

    def add(self, **record: Any) -> None:
        """Add a line."""
        with self._file.open("a", encoding="utf-8") as file:
            fcntl.lockf(file, fcntl.LOCK_EX)
            file.write(json.dumps(record, separators=(",", ":")) + "\n")

    def jobs(self) -> dict[str, Job]:
        """The jobs by the id that the engine knows; the jobs of an array one by one."""
        self._read()
        return self._jobs

    def sent(self) -> list[Job]:
        """Jobs that were sent and of which no id was noted: whoever sent them was ended at that moment."""
        self._read()
        return list(self._sent.values())

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Do something that only one process of the run may do at a time."""
        with lock(self._lock):
            yield

    def polled(self) -> float:
        """When AWS Batch was asked last."""
        try:
            return self._polled.stat().st_mtime
        except FileNotFoundError:
            return 0.0

    def note_poll(self) -> None:
        """AWS Batch was asked."""
        self._polled.touch()

    def head(self) -> str:
        """The head job that began the run last, or nothing."""
        try:
            return self._head.read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""

    def note_head(self, id_: str) -> None:
        """A head job begins the run."""
        self._head.write_text(id_, encoding="utf-8")

    def _read(self) -> None:
        try:
            with self._file.open("rb") as file:
                file.seek(self._read_to)
                for line in file:
                    if not line.endswith(b"\n"):
                        break
                    self._read_to += len(line)
                    self._apply(json.loads(line))
        except FileNotFoundError:
            return

    def _apply(self, record: Record) -> None:
        what = record["what"]
        if what == "sent":
            self._sent[record["name"]] = Job("", record["name"], record["queue"])
        elif what == "gone":
            self._sent.pop(record["name"], None)
        elif what == "id":
            job = self._sent.pop(record["name"])
            for id_, batch in ids(record["id"], record.get("size")):
                self._jobs[id_] = Job(id_, job.name, job.queue, batch)
        elif what == "moved":
            self._sent.pop(record["name"], None)
            self._jobs[record["id"]].batch = record["to"]
        elif what == "end":
            job = self._jobs[record["id"]]
            job.ended, job.succeeded = record["at"], record["ok"]


def ids(batch: str, size: int | None) -> list[tuple[str, str]]:
    """The ids of the jobs of a submission, for the engine and for AWS Batch."""
    if size is None:
        return [(batch, batch)]
    if size == 1:  # AWS Batch has no array of one
        return [(f"{batch}[0]", batch)]
    return [(f"{batch}[{index}]", f"{batch}:{index}") for index in range(size)]


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """Hold a lock file."""
    with path.open("a", encoding="utf-8") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        yield


def wait_for_turn(state: Path, per_second: float) -> None:
    """Wait until one more request may be sent: the processes of a context take turns."""
    path = state / "turns"
    with lock(state / "turns.lock"):
        try:
            free = float(path.read_text(encoding="utf-8") or 0)
        except (FileNotFoundError, ValueError):
            free = 0.0
        now = time.time()
        turn = min(max(now, free), now + 60)  # the clock of another machine may be wrong
        path.write_text(repr(turn + 1 / per_second), encoding="utf-8")
    time.sleep(max(turn - time.time(), 0))
