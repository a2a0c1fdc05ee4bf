"""qdel: ends jobs of the run."""

from __future__ import annotations

import time
from collections.abc import Iterable
import time
from dataclasses import replace

from .batch_api import BatchApi, BatchError
from .definitions import remove_definitions
from .journal import Job, Journal
from .script import PbsError
from .settings import Settings
from .status import follow
from .submit import find_by_name

_AT_ONCE = 16
_PAUSE = 2.0
_REASON = "Ended by qdel"
_LONGEST_WAIT = 300.0  # for jobs to end; ECS kills after 30 seconds what does not stop by itself
_PAUSE = 2.0


def qdel(arguments: list[str], api: BatchApi, settings: Settings) -> str:
    """End jobs by their ids.

    `--run` ends all of the run, `--definitions` removes what was registered for images. `--begin` makes the run that of
    this head job, and says something only when the one before did not end well.

    With `--wait`, it returns when the jobs of the run have ended.

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
    if "--wait" in arguments:
        _wait(journal, api, settings)
    if "--definitions" in arguments:
        said.append(f"removed {remove_definitions(api, settings)} job definitions")
    jobs = journal.jobs()
    found: list[Job] = []
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


def _end(api: BatchApi, jobs: Iterable[Job], *, whole: bool) -> None:
    """End jobs; whole arrays by their own id: only that can carry the tag by which a head job may end it."""
    refused: BatchError | None = None
    for batch in dict.fromkeys(job.batch.split(":")[0] if whole else job.batch for job in jobs if not job.ended):
        try:
            api.call("TerminateJob", {"jobId": batch, "reason": _REASON})
        except BatchError as error:  # the others shall end all the same
            refused = error
    if refused:
        raise refused


def _wait(journal: Journal, api: BatchApi, settings: Settings) -> None:
    deadline = time.monotonic() + _LONGEST_WAIT
    while True:
        follow(journal, api, replace(settings, fallback=""))
        living = [job.id for job in journal.jobs().values() if not job.ended]
        if not living:
            return
        if time.monotonic() > deadline:
            raise PbsError(f"{living[0]} and {len(living) - 1} other jobs do not end")
        time.sleep(_PAUSE)
