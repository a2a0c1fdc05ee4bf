"""Follows the jobs of a run in AWS Batch, and queues those again that lost their Spot machine."""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Iterable

from .batch_api import BatchApi, Record
from .jobs import Job
from .journal import Journal
from .nextflow import exit_code_of, explain_to_nextflow
from .progress import Progress, may_be_late
from .settings import Settings
from .submission import end_late

JOBS_PER_REQUEST = 100
"""https://docs.aws.amazon.com/batch/latest/APIReference/API_DescribeJobs.html"""

_STATES = {"RUNNING": "R", "SUCCEEDED": "C", "FAILED": "C"}
_LOST_MACHINE = re.compile(r"Host EC2")
# DescribeJobs leaves out a job now and then, most of all one that has just been submitted.
_ABSENT_SECONDS = 300.0
KEPT_SECONDS = 86400.0
"""For a day at least AWS Batch shows a job that has ended."""

_IN_PARALLEL = 8
_ORPHANED = "The journal of the run was damaged, and does not tell its job of AWS Batch any more"


def follow(journal: Journal, api: BatchApi, settings: Settings) -> dict[str, str]:
    """Ask AWS Batch for all jobs of the run that live: the id for the engine to the state in PBS."""
    with journal.alone():
        living = [job for job in journal.jobs().values() if job.batch and not job.ended]
        states: dict[str, str] = {}
        progress = Progress(journal.tasks)
        for page, found in _describe(api, living):
            records: list[Record] = []
            for job in page:
                update = _update_one_of_many if job.together > 1 else _update_job
                states[job.id] = update(job, found.get(job.batch), settings, records, progress)
            journal.add(*records)
        orphans = [job.id for job in journal.orphans()]
        if orphans:
            journal.add({"what": "end", "ids": orphans, "ok": False, "at": time.time(), "reason": _ORPHANED})
        end_late(journal, api)
        journal.note_poll()
        _write_status_files(journal.jobs().values(), settings)
    return states


def _describe(api: BatchApi, jobs: list[Job]) -> Iterable[tuple[list[Job], dict[str, Record]]]:
    """Groups of jobs, and what AWS Batch says of them by their ids."""
    of_batch: dict[str, list[Job]] = defaultdict(list)
    for job in jobs:
        of_batch[job.batch].append(job)

    def ask(page: list[str]) -> tuple[list[Job], dict[str, Record]]:
        found = api.call("DescribeJobs", {"jobs": page})["jobs"]
        return [job for batch in page for job in of_batch[batch]], {one["jobId"]: one for one in found}

    ids = list(of_batch)
    pages = [ids[start : start + JOBS_PER_REQUEST] for start in range(0, len(ids), JOBS_PER_REQUEST)]
    if len(pages) < 2:
        yield from map(ask, pages)
        return
    from concurrent.futures import ThreadPoolExecutor  # slow to import

    with ThreadPoolExecutor(_IN_PARALLEL) as pool:
        yield from pool.map(ask, pages)


def _update_one_of_many(
    job: Job, found: Record | None, settings: Settings, records: list[Record], progress: Progress
) -> str:
    """Note what has changed of a task that has no job of its own; its state in PBS."""
    code = progress.exit_code(job)
    if code:
        records.append({"what": "end", "ids": [job.id], "ok": code == "0", "at": time.time()})
        return "C"
    if found is None:
        return _update_absent_job(job, records)
    if job.absent_since:
        records.append({"what": "absent", "ids": [job.id], "at": 0})
    state = _STATES.get(found["status"], "Q")
    if state != "C":
        return "R" if progress.has_begun(job) else "Q"
    if may_be_late(found) and found["status"] == "SUCCEEDED":
        return "R"
    fallback = settings.fallback_of(job.queue)
    if fallback and _lost_its_machine(found):
        records.append({"what": "again", "ids": [job.id], "queue": fallback})
        return "Q"
    was_ended = found.get("isTerminated") or found.get("isCancelled")
    if not was_ended and progress.has_done_any(job) and not progress.has_begun(job):
        records.append({"what": "again", "ids": [job.id], "queue": job.queue})  # another one took the job along
        return "Q"
    explain_to_nextflow(job, found)
    records.append({"what": "end", "ids": [job.id], "ok": False, "at": time.time()})
    return "C"


def _update_job(job: Job, found: Record | None, settings: Settings, records: list[Record], _progress: Progress) -> str:
    """Note what has changed of a job; its state in PBS."""
    if found is None:
        return _update_absent_job(job, records)
    if job.absent_since:
        records.append({"what": "absent", "ids": [job.id], "at": 0})
    state = _STATES.get(found["status"], "Q")
    if state != "C":
        return state
    done = exit_code_of(job) if found["status"] == "FAILED" else ""
    failed = found["status"] == "FAILED" and not done
    fallback = settings.fallback_of(job.queue)
    if failed and fallback and _lost_its_machine(found) and job.task:
        records.append({"what": "again", "ids": [job.id], "queue": fallback})
        return "Q"
    if failed:
        explain_to_nextflow(job, found)
    records.append({"what": "end", "ids": [job.id], "ok": not failed and done in ("", "0"), "at": time.time()})
    return state


def _update_absent_job(job: Job, records: list[Record]) -> str:
    now = time.time()
    if now - job.submitted < KEPT_SECONDS:
        if not job.absent_since:
            records.append({"what": "absent", "ids": [job.id], "at": now})
            return "Q"
        if 0 <= now - job.absent_since < _ABSENT_SECONDS:
            return "Q"
    done = exit_code_of(job)
    reason = "" if done == "0" else "AWS Batch does not show it any more"
    if not done:
        explain_to_nextflow(job, {"statusReason": reason, "startedAt": job.submitted})
    records.append({"what": "end", "ids": [job.id], "ok": done == "0", "at": now, "reason": reason, "assumed": True})
    return "C"


def _lost_its_machine(found: Record) -> bool:
    return bool(_LOST_MACHINE.match(found.get("statusReason") or ""))


def _write_status_files(jobs: Iterable[Job], settings: Settings) -> None:
    """Tell `job_status.sh`, by which most requests for one job are answered without this program."""
    if settings.status_dir is None:
        return
    for job in jobs:
        note = settings.status_dir / job.id
        if job.ended and not note.exists():
            note.write_text("success\n" if job.succeeded else "failed\n", encoding="utf-8")
    polled = settings.status_dir / "polled"
    polled.with_suffix(".new").write_text(f"{time.time():.0f}\n", encoding="utf-8")
    polled.with_suffix(".new").replace(polled)
