"""qdel: ends jobs of the run."""

from __future__ import annotations

import time
from collections.abc import Iterable

from .batch_api import BatchApi
from .commands import keep_from_beginning
from .definitions import remove_definitions
from .jobs import Job
from .journal import Journal
from .polling import KEPT_SECONDS, follow
from .script import PbsError
from .settings import Settings
from .submission import end_late, find_by_name, remove_tasks, resolve
from .termination import terminate

_MAX_WAIT = 420.0  # for jobs to end, and for those to be forgotten that AWS Batch does not show
_PAUSE = 2.0
_ENDED_WAITING = "It was ended by qdel before it was submitted"


def qdel(arguments: list[str], api: BatchApi, settings: Settings) -> str:
    """End jobs by their ids.

    `--run` ends all of the run, `--definitions` removes what was registered for images. `--begin` makes the run that of
    this head job, and says something only when the one before did not end well.

    Raises:
        PbsError: A job is none of this run, or one that shall end does not.
    """
    journal = Journal(settings.state, settings.run)
    ids = [one for one in arguments if not one.startswith("-")]
    messages = []
    if "--begin" in arguments and (message := begin(journal, api, settings)):
        messages.append(message)
    if "--run" in arguments:
        messages.append(f"ended {end_run(journal, api, settings)} jobs")
    if "--definitions" in arguments:
        messages.append(f"removed {remove_definitions(api, settings)} job definitions")
    if ids:
        jobs = journal.jobs()
        selected = _jobs_of(ids, jobs)
        with journal.alone():
            _end_waiting(journal, api, selected)
            jobs = journal.jobs()
            for job in selected:
                if (":" in job.batch or job.together > 1) and not job.ended:
                    keep_from_beginning(journal.tasks / job.submission, job.place)
            _end(api, selected, jobs.values())
    return "\n".join(messages)


def end_run(journal: Journal, api: BatchApi, settings: Settings) -> int:
    """End every job of the run that lives, with those whose submission was never confirmed. Returns how many."""
    with journal.alone():
        waiting = _end_waiting(journal, api, list(journal.jobs().values()))
    # None of them goes to the fallback queue any more.
    follow(journal, api, settings.without_fallback())
    with journal.alone():
        jobs = journal.jobs().values()
        living = [job for job in jobs if not job.ended]
        # AWS Batch may show again what it did not show, and by another id than the one that was noted.
        absent = [job for job in jobs if job.absent_since and job.batch and time.time() - job.submitted < KEPT_SECONDS]
        named = {job.submission: find_by_name(api, job.queue, job.submission) for job in absent if job.queue}
        _end(api, living, jobs, more=[*(job.batch for job in absent), *filter(None, named.values())])
        end_late(journal, api)
    remove_tasks(journal)
    return waiting + len(living)


def begin(journal: Journal, api: BatchApi, settings: Settings) -> str:
    """End what a head job that is gone left of the run, and wait until it has ended: then nothing is done twice.

    Raises:
        PbsError: Another head job is at work on the run.
    """
    with journal.alone():
        last = journal.head()
        ended = "FAILED"
        if last and last != settings.head:
            found = api.call("DescribeJobs", {"jobs": [last]})["jobs"]
            ended = found[0]["status"] if found else ended
            if ended not in ("SUCCEEDED", "FAILED"):
                raise PbsError(f"head job {last} is at work on this run ({ended}): wait for its end, or end it")
        journal.note_head(settings.head)
    left = end_run(journal, api, settings)
    _wait(journal, api, settings)
    return f"ended {left} jobs that head job {last} left" if last and (left or ended == "FAILED") else ""


def _jobs_of(ids: list[str], jobs: dict[str, Job]) -> list[Job]:
    """Jobs by their ids; the id of an array stands for all of its jobs."""
    found: list[Job] = []
    for id_ in ids:
        mine = [job for job in jobs.values() if job.id.startswith(id_[:-1])] if id_.endswith("[]") else []
        if id_ in jobs:
            mine = [jobs[id_]]
        if not mine:
            raise PbsError(f"Unknown Job Id {id_}")
        found += mine
    return found


def _end_waiting(journal: Journal, api: BatchApi, selected: list[Job]) -> int:
    """End what has not been submitted, so that it never is, and find out what has been. Returns how many waited.

    The caller is `alone`.
    """
    resolve(journal, api)
    journal.jobs()
    ids = [job.id for job in selected if not (job.batch or job.ended)]
    if ids:
        journal.add({"what": "end", "ids": ids, "ok": False, "at": time.time(), "reason": _ENDED_WAITING})
    return len(ids)


def _end(api: BatchApi, selected: Iterable[Job], jobs: Iterable[Job], more: Iterable[str] = ()) -> None:
    """End jobs; a whole array by its own id, which is the one that carries the context's tag."""
    selected = list(selected)
    chosen = {job.id for job in selected}
    shared = {job.batch for job in jobs if job.batch and not job.ended and job.id not in chosen}
    ending = dict.fromkeys(job.batch for job in selected if job.batch and not job.ended and job.batch not in shared)
    going_on = {job.batch.split(":")[0] for job in jobs if job.batch and not job.ended and job.batch not in ending}
    ids = [batch if (array := batch.split(":")[0]) in going_on else array for batch in ending]
    ids += more
    if ids:
        terminate(api, ids)


def _wait(journal: Journal, api: BatchApi, settings: Settings) -> None:
    deadline = time.monotonic() + _MAX_WAIT
    while True:
        follow(journal, api, settings.without_fallback())
        living = [job.id for job in journal.jobs().values() if not job.ended]
        if not living:
            return
        if time.monotonic() > deadline:
            raise PbsError(f"{living[0]} and {len(living) - 1} other jobs do not end")
        time.sleep(_PAUSE)
