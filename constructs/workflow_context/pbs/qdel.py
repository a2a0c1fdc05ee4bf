"""qdel: ends jobs of the run."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace

from .batch_api import BatchApi, BatchError
from .definitions import remove_definitions
from .journal import Job, Journal
from .qstat import follow
from .qsub import find_by_name
from .script import PbsError
from .settings import Settings

_AT_ONCE = 16
_REASON = "Ended by qdel"
_MAX_WAIT = 300.0  # for jobs to end; ECS kills after 30 seconds what does not stop by itself
_PAUSE = 2.0


def qdel(arguments: list[str], api: BatchApi, settings: Settings) -> str:
    """End jobs by their ids.

    `--run` ends all of the run, `--definitions` removes what was registered for images. `--begin` makes the run that of
    this head job, and says something only when the one before did not end well.

    Raises:
        PbsError: A job is none of this run, or one that shall end does not.
    """
    journal = Journal(settings.state, settings.run)
    ids = [one for one in arguments if not one.startswith("-")]
    said = []
    if "--begin" in arguments and (told := begin(journal, api, settings)):
        said.append(told)
    if "--run" in arguments:
        said.append(f"ended {end_run(journal, api, settings)} jobs")
    if "--definitions" in arguments:
        said.append(f"removed {remove_definitions(api, settings)} job definitions")
    jobs = journal.jobs()
    for id_ in ids:
        # The id of an array stands for all of its jobs.
        mine = [job for job in jobs.values() if job.id == id_ or (id_[-2:] == "[]" and job.id.startswith(id_[:-1]))]
        if not mine:
            raise PbsError(f"Unknown Job Id {id_}")
        _end(api, mine, whole=id_[-2:] == "[]")
    return "\n".join(said)


def end_run(journal: Journal, api: BatchApi, settings: Settings) -> int:
    """End every job of the run that lives, with those of which no id was noted. Returns how many."""
    with journal.alone():
        for job in journal.sent():
            found = find_by_name(api, job.queue, job.name)
            journal.add(what="id", name=job.name, id=found) if found else journal.add(what="gone", name=job.name)
    # None of them goes to the fallback queue any more.
    follow(journal, api, replace(settings, fallback=""))
    living = [job for job in journal.jobs().values() if not job.ended]
    _end(api, living, whole=True)
    return len(living)


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


def _end(api: BatchApi, jobs: Iterable[Job], *, whole: bool) -> None:
    """End jobs; whole arrays by their own id: only that can carry the tag by which a head job may end it."""
    refused: BatchError | None = None
    living = dict.fromkeys(job.batch.split(":")[0] if whole else job.batch for job in jobs if not job.ended)
    from concurrent.futures import ThreadPoolExecutor  # takes its time to load, and qsub does without it

    # Many at once: an engine waits two seconds for it, and a head job that is stopped half a minute.
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answers = [pool.submit(api.call, "TerminateJob", {"jobId": batch, "reason": _REASON}) for batch in living]
    for answer in answers:
        try:
            answer.result()
        except BatchError as error:  # the others shall end all the same
            refused = error
    if refused:
        raise refused


def _wait(journal: Journal, api: BatchApi, settings: Settings) -> None:
    deadline = time.monotonic() + _MAX_WAIT
    while True:
        follow(journal, api, replace(settings, fallback=""))
        living = [job.id for job in journal.jobs().values() if not job.ended]
        if not living:
            return
        if time.monotonic() > deadline:
            raise PbsError(f"{living[0]} and {len(living) - 1} other jobs do not end")
        time.sleep(_PAUSE)
