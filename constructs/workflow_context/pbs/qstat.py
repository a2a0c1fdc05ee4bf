"""qstat: prints the states of the run's jobs."""

from __future__ import annotations

import re
import sys
import time
from dataclasses import dataclass

from .batch_api import BatchApi
from .job_log import why_it_failed
from .jobs import Job
from .journal import Journal
from .polling import follow
from .script import PbsError
from .settings import Settings
from .submission import flush

_REMEMBERED_SECONDS = 1800
_LEFT_SECONDS = 5.0  # what waits for longer was left by a flusher that is gone
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}(\[[0-9]*\])?\Z")


@dataclass(frozen=True)
class QstatArgs:
    """What a qstat command line asks for.

    Attributes:
        ids: Jobs by their ids; none for all of the run.
        queue: Only jobs of this queue; empty for all.
        status: Print `running`, `success` or `failed` for one job, as Snakemake reads it.
    """

    ids: tuple[str, ...] = ()
    queue: str = ""
    status: bool = False


def parse_args(arguments: list[str]) -> QstatArgs:
    """Read a command line: `-f -1 [queue|id…]`, or `--status id`.

    Raises:
        PbsError: It cannot be understood.
    """
    names = [one for one in arguments if not one.startswith("-")]
    known = tuple(one for one in names if _ID.match(one))
    queues = [one for one in names if not _ID.match(one)]
    status = "--status" in arguments
    if len(queues) > 1 or (status and len(known) != 1):
        raise PbsError("qstat takes a queue or job ids; with --status one job id")
    return QstatArgs(known, queues[0] if queues else "", status)


def qstat(arguments: list[str], api: BatchApi, settings: Settings) -> str:
    """Answer a qstat command line.

    Raises:
        PbsError: The queue or the job is none of this run.
    """
    args = parse_args(arguments)
    journal = Journal(settings.state, settings.run)
    queue = settings.queue_of(args.queue) if args.queue else ""
    jobs = journal.jobs()
    unknown = [one for one in args.ids if one not in jobs]
    if unknown:
        raise PbsError(f"Unknown Job Id {unknown[0]}")
    if args.status:
        return _status(args.ids[0], journal, api, settings)
    states = refresh(journal, api, settings)
    wanted = args.ids or list(jobs)
    matching = [jobs[one] for one in wanted if args.ids or not queue or _queue_of(jobs[one]) == queue]
    return "\n".join(_format_job(job, states.get(job.id, "Q")) for job in matching if args.ids or _is_recent(job))


def refresh(journal: Journal, api: BatchApi, settings: Settings) -> dict[str, str]:
    """Ask AWS Batch for all that live, and submit what was left waiting: the id for the engine to the state in PBS."""
    states = follow(journal, api, settings)
    now = time.time()
    if journal.unresolved() or any(not 0 <= now - job.queued < _LEFT_SECONDS for job in journal.waiting()):
        flush(journal, api, settings)
    journal.jobs()
    return states


def _status(id_: str, journal: Journal, api: BatchApi, settings: Settings) -> str:
    """Snakemake asks for each job alone: AWS Batch is asked for all of them at once, and not each time."""
    job = journal.jobs()[id_]
    if not job.ended and journal.seconds_since_poll() > settings.fresh_seconds:
        refresh(journal, api, settings)
        job = journal.jobs()[id_]
    if not job.ended:
        return "running"
    if job.succeeded:
        return "success"
    sys.stderr.write(f"{why_it_failed(job, api, settings.region, journal.tasks)}\n")
    return "failed"


def _queue_of(job: Job) -> str:
    """The queue that the engine knows."""
    return job.task.asked or job.task.queue if job.task else job.queue


def _is_recent(job: Job) -> bool:
    return not job.ended or time.time() - job.ended < _REMEMBERED_SECONDS


def _format_job(job: Job, state: str) -> str:
    end = f"\n    exit_status = {0 if job.succeeded else 1}" if job.ended else ""
    return f"Job Id: {job.id}\n    job_state = {'C' if job.ended else state}{end}\n"
