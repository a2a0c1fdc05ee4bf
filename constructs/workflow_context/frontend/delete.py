"""qdel: ends jobs of the run."""

from __future__ import annotations

from dataclasses import replace

from .batch_api import BatchApi
from .definitions import remove_definitions
from .journal import Journal
from .script import PbsError
from .settings import Settings
from .status import follow
from .submit import find_by_name

_REASON = "Ended by qdel"


def qdel(arguments: list[str], api: BatchApi, settings: Settings) -> str:
    """End jobs by their ids; `--run` ends all of the run, `--definitions` removes what was registered for images.

    Raises:
        PbsError: A job is none of this run.
    """
    journal = Journal(settings.state, settings.run)
    ids = [one for one in arguments if not one.startswith("-")]
    said = []
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
        for job in mine:
            if not job.ended:
                api.call("TerminateJob", {"jobId": job.batch, "reason": _REASON})
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
    for job in living:
        api.call("TerminateJob", {"jobId": job.batch, "reason": _REASON})
    return len(living)
