"""What a run remembers of its jobs: a file to which each command adds lines.

A record counts when its line is complete. A line that a full disk or a lost machine has left incomplete is cut off by
the next writer, and a line that cannot be read is skipped: each job is named in several lines, so that none is lost
with one of them.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .jobs import Job, Submission, Task, batch_ids, job_ids

Record = dict[str, Any]

_BLOCK = 65536
_BELIEVED_SECONDS = 10.0  # of waiting for a turn


class Journal:
    """The jobs of a run.

    Args:
        state: The directory for what is remembered.
        run: The name of the run.

    Attributes:
        tasks: A directory in which jobs of arrays find what they are to do.
        claims: A directory for the submissions that are under way; see `claims.py`.
        flusher: A file that is locked while something submits what waits; see `flusher.py`.
    """

    def __init__(self, state: Path, run: str) -> None:
        safe = run if re.match(r"[A-Za-z0-9_.-]{1,80}\Z", run) else hashlib.sha256(run.encode()).hexdigest()[:32]
        folder = state / "runs"
        folder.mkdir(parents=True, exist_ok=True)
        self.tasks = folder / f"{safe}.tasks"
        self.claims = folder / f"{safe}.claims"
        self.flusher = folder / f"{safe}.flusher"
        self._file = folder / f"{safe}.jsonl"
        self._polled = folder / f"{safe}.polled"
        self._lock = folder / f"{safe}.lock"
        self._head = folder / f"{safe}.head"
        self._read_to = 0
        self._jobs: dict[str, Job] = {}
        self._unresolved: dict[str, Submission] = {}
        self._lost: dict[str, Submission] = {}

    def add(self, *records: Record, synced: bool = False) -> None:
        """Add lines, all or none of them.

        Args:
            records: The lines.
            synced: They must outlive this machine, for what follows does.

        Raises:
            OSError: They could not be written, and are not there.
        """
        if not records:
            return
        # A line break before and after each: damage to the end of one line does not take the next one with it.
        text = "".join(f"\n{json.dumps(record, separators=(',', ':'))}\n" for record in records).encode()
        with self._file.open("a+b", buffering=0) as file:
            fcntl.lockf(file, fcntl.LOCK_EX)
            end = _end_of_lines(file.fileno())
            try:
                written = 0
                while written < len(text):
                    written += os.write(file.fileno(), text[written:])
                if synced:
                    os.fsync(file.fileno())
            except OSError:
                os.ftruncate(file.fileno(), end)
                raise

    def jobs(self) -> dict[str, Job]:
        """The jobs by the id that the engine knows; the jobs of an array one by one."""
        self._read()
        return self._jobs

    def waiting(self) -> list[Job]:
        """The jobs that have not been submitted yet, the first one first."""
        return [job for job in self.jobs().values() if job.is_waiting]

    def orphans(self) -> list[Job]:
        """The jobs whose submission is known no more: its lines were written over."""
        jobs = self.jobs().values()
        return [
            one
            for one in jobs
            if one.submission not in self._unresolved and not (one.ended or one.batch or one.is_waiting)
        ]

    def unresolved(self) -> list[Submission]:
        """Submissions whose outcome was never noted; for whoever is `alone`, of a process that is gone."""
        self._read()
        return list(self._unresolved.values())

    def lost(self) -> list[Submission]:
        """Submissions that AWS Batch did not show, and whose jobs were submitted again: it may have been late."""
        self._read()
        return list(self._lost.values())

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Do something that only one process of the run may do at a time."""
        with lock(self._lock):
            yield

    def seconds_since_poll(self) -> float:
        """How long ago AWS Batch was asked last, by the clock of head jobs."""
        try:
            ago = time.time() - float(self._polled.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return float("inf")
        return ago if ago >= 0 else float("inf")  # the clock was set back since

    def note_poll(self) -> None:
        """AWS Batch was asked."""
        self._polled.write_text(repr(time.time()), encoding="utf-8")

    def head(self) -> str:
        """The head job that began the run last, or nothing."""
        try:
            return self._head.read_text(encoding="utf-8", errors="replace")
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
                    if line.isspace():
                        continue  # every record has an empty line before it: see `add`
                    try:
                        self._apply(json.loads(line))
                    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                        continue  # torn, or written over: see above
        except FileNotFoundError:
            return

    def _apply(self, record: Record) -> None:
        getattr(self, f"_apply_{record['what']}")(record)

    def _apply_queued(self, record: Record) -> None:
        task = Task(**record["task"])
        ids = job_ids(str(record["id"]), task.array)
        for index, id_ in enumerate(ids):
            job = self._jobs.setdefault(id_, Job(id_, queue=str(task.queue)))
            job.task, job.queued = task, float(record["at"])
            job.index = index if task.array else None

    def _apply_sent(self, record: Record) -> None:
        submission = _submission(record)
        self._unresolved[submission.name] = submission
        for id_ in submission.ids:
            job = self._jobs.setdefault(id_, Job(id_))
            job.submission, job.batch, job.queue = submission.name, "", submission.queue

    def _apply_taken(self, record: Record) -> None:
        submission = _submission(record)
        batch = str(record["batch"])
        sent = self._unresolved.pop(submission.name, submission)
        # They name the same jobs, unless one of the lines was written over.
        size = max(len(sent.ids), len(submission.ids))
        for one in (sent, submission):
            if len(one.ids) == size:
                names = batch_ids(batch, size, one.together)
                for place, (id_, name) in enumerate(zip(one.ids, names)):  # noqa: B905  Python 3.9
                    job = self._jobs.setdefault(id_, Job(id_))
                    job.submission, job.batch, job.queue = submission.name, name, submission.queue
                    job.place, job.together = place, one.together
                    job.submitted, job.absent_since = submission.at, 0.0

    def _apply_gone(self, record: Record) -> None:
        submission = self._unresolved.pop(record["name"], None)
        if submission is None:
            return
        if record.get("lost"):
            self._lost[submission.name] = submission
        for id_ in submission.ids:
            job = self._jobs[id_]
            if job.submission == submission.name:
                job.submission = job.batch = ""

    def _apply_settled(self, record: Record) -> None:
        self._lost.pop(record["name"], None)

    def _apply_again(self, record: Record) -> None:
        for job in self._those(record):
            job.submission = job.batch = ""
            job.queue = str(record["queue"])

    def _apply_end(self, record: Record) -> None:
        at, succeeded, reason = float(record["at"]), bool(record["ok"]), str(record.get("reason", ""))
        for job in self._those(record):
            job.ended, job.succeeded, job.reason = at, succeeded, reason

    def _apply_absent(self, record: Record) -> None:
        at = float(record["at"])
        for job in self._those(record):
            job.absent_since = at

    def _those(self, record: Record) -> list[Job]:
        return [self._jobs[id_] for id_ in record["ids"] if id_ in self._jobs]


def _submission(record: Record) -> Submission:
    ids = tuple(str(id_) for id_ in record["ids"])
    return Submission(
        str(record["name"]), str(record["queue"]), ids, float(record["at"]), int(record.get("together", 1))
    )


def _end_of_lines(file: int) -> int:
    """Where the last complete line ends; what stands behind it is cut off."""
    end = size = os.fstat(file).st_size
    while end:
        start = max(end - _BLOCK, 0)
        last = os.pread(file, end - start, start).rfind(b"\n")
        if last >= 0:
            end = start + last + 1
            break
        end = start
    if end < size:
        os.ftruncate(file, end)
    return end


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
        turn = free if now < free < now + _BELIEVED_SECONDS else now  # the clock of another machine may be wrong
        path.write_text(repr(turn + 1 / per_second), encoding="utf-8")
    time.sleep(max(turn - time.time(), 0))
