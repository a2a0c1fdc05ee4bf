"""qsub: queues a script, which is submitted as a job of AWS Batch with what else waits at that moment."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .claims import claim
from .jobs import Task, job_ids
from .journal import Journal
from .resources import (
    architecture_of,
    gpus_of,
    io_units,
    memory_of,
    requirements,
    seconds,
    tasks_together,
)
from .script import PbsError, Request, read_request, script_of
from .settings import Settings

INDEX = "WORKFLOW_ARRAY_INDEX"
"""The variable with the index of a job of an array that runs by itself."""


@contextmanager
def qsub(arguments: list[str], directory: Path, environment: dict[str, str], settings: Settings) -> Iterator[str]:
    """Queue a script and give its id, with which the engine must have been told it when the block ends.

    A qsub that is killed before that is repeated by the engine, and then gives the same id.

    Raises:
        PbsError: It asks for what there is not.
        OSError: It could not be queued.
    """
    try:
        text = (directory / script_of(arguments)).read_text(encoding="utf-8", errors="replace")
    except (OSError, ValueError) as error:
        raise PbsError(f"the script cannot be read: {error}") from error
    task = task_of(read_request(arguments, text, directory, environment), settings)
    journal = Journal(settings.state, settings.run)
    mine = claim(journal, arguments, directory)
    if not (mine.is_repeated and job_ids(mine.id, task.array)[0] in journal.jobs()):
        journal.add({"what": "queued", "id": mine.id, "at": time.time(), "task": task.record()})
    yield f"{mine.id}[]" if task.array else mine.id
    mine.release()


def task_of(request: Request, settings: Settings) -> Task:
    """What AWS Batch will be asked for.

    Raises:
        PbsError: It cannot be asked for that.
    """
    error = "&" if request.joined else request.error or ""
    asked = settings.queue_of(request.queue)
    queue = settings.queue_for(
        request.queue,
        gpus=gpus_of(request.limits, request.gpus),
        memory_mib=memory_of(request.limits),
        architecture=architecture_of(request.limits),
    )
    return Task(
        name=re.sub(r"[^A-Za-z0-9_-]", "_", request.name).lstrip("_-")[:100] or "job",
        queue=queue,
        image=request.image,
        arguments=[request.directory, request.script, request.output or "", error],
        resources=requirements(request.limits, request.gpus, settings.overhead_mib),
        environment=dict(sorted(request.variables.items())),
        timeout=seconds(request.limits) or 0,
        array=request.array or 0,
        io_units=min(io_units(request.limits, settings.io_units_per_vcpu), settings.io_units),
        together=1 if request.array else tasks_together(request.limits, settings.tasks_per_job),
        asked=asked if asked != queue else "",
    )
