"""Submits what waits: tasks that are alike as one array job, and each task once, whatever becomes of the answers.

What is about to be sent is noted first, under a name that no other job has. When the outcome of a request is not known,
the job is looked up by that name before anything is sent again.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
from collections import defaultdict
from collections.abc import Iterator

from .batch_api import BatchApi, BatchError, Record, ResponseLostError
from .commands import array_command, command_of, together_command, write_tasks
from .definitions import definition_for
from .jobs import Job, Submission
from .journal import Journal, wait_for_turn
from .nextflow import explain_to_nextflow
from .qsub import INDEX
from .settings import Settings
from .termination import terminate

MAX_ARRAY = 10_000
"""https://docs.aws.amazon.com/batch/latest/userguide/array_jobs.html"""

# A registry that gave no image gives it later; a machine that was lost is for the fallback queue.
IMAGES_ONLY = {
    "attempts": 3,
    "evaluateOnExit": [
        {"onReason": "CannotPullContainerError*", "action": "RETRY"},
        {"onReason": "DockerTimeoutError*", "action": "RETRY"},
        {"onReason": "*", "action": "EXIT"},
    ],
}
_LOOK_AFTER = (2.0, 4.0, 8.0, 16.0)  # a job that was taken may be seen late
_VISIBLE_SECONDS = 60.0  # what is not to be seen then was not taken, as far as one look tells
_LATE_SECONDS = 600.0
_TRIES = 4
_LONGEST = 10.0  # qstat and qdel wait meanwhile


def flush(journal: Journal, api: BatchApi, settings: Settings) -> bool:
    """Submit what waits, or so much of it as can be sent in some seconds. Returns whether that was all.

    Raises:
        BatchError: AWS Batch is too busy. What was not sent waits.
        ResponseLostError: AWS Batch cannot be reached. What was not sent waits.
    """
    deadline = time.monotonic() + _LONGEST
    with journal.alone():
        for left in reversed(range(_TRIES)):
            resolve(journal, api)
            for group in _groups(journal.waiting()):
                if time.monotonic() > deadline:
                    return False
                try:
                    _submit(journal, api, settings, group)
                except ResponseLostError:
                    if not left:
                        raise
                    break
            else:
                return True
    return False


def resolve(journal: Journal, api: BatchApi) -> None:
    """Find out what became of submissions whose outcome was never noted. The caller is `alone`.

    Raises:
        ResponseLostError: AWS Batch cannot be reached.
    """
    for submission in journal.unresolved():
        found = _look(api, submission)
        if found:
            journal.add(_taken(submission, found))
        else:
            journal.add({"what": "gone", "name": submission.name, "lost": True})


def find_by_name(api: BatchApi, queue: str, name: str) -> str:
    """The id of the job of a name, or nothing."""
    found = api.call("ListJobs", {"jobQueue": queue, "filters": [{"name": "JOB_NAME", "values": [name]}]})
    return next((str(one["jobId"]) for one in found["jobSummaryList"]), "")


def end_late(journal: Journal, api: BatchApi) -> None:
    """End jobs that AWS Batch shows only now, although they were sent again: nothing is done twice.

    The caller is `alone`.
    """
    found = {one.name: find_by_name(api, one.queue, one.name) for one in journal.lost()}
    ids = [batch for batch in found.values() if batch]
    if ids:
        terminate(api, ids)
    old = {one.name for one in journal.lost() if time.time() - one.at > _LATE_SECONDS}
    journal.add(*({"what": "settled", "name": name} for name, batch in found.items() if batch or name in old))


def remove_tasks(journal: Journal) -> None:
    """Remove what jobs of arrays were to do, when none of them is left."""
    shutil.rmtree(journal.tasks, ignore_errors=True)


def _look(api: BatchApi, submission: Submission) -> str:
    visible = time.time() - submission.at > _VISIBLE_SECONDS
    for pause in (0.0,) if visible else _LOOK_AFTER:
        time.sleep(pause)
        found = find_by_name(api, submission.queue, submission.name)
        if found:
            return found
    return ""


def _groups(jobs: list[Job]) -> Iterator[list[Job]]:
    """What goes with one request each: an array of PBS, or tasks that are alike."""
    groups: dict[tuple[str, ...], list[Job]] = defaultdict(list)
    for job in jobs:
        if job.task is None:
            continue
        if job.index is None:
            key: tuple[str, ...] = (job.queue, job.task.shape)
        elif job.queue == job.task.queue:
            key = (job.queue, job.id.partition("[")[0])
        else:  # one of an array that lost its machine goes on by itself
            key = (job.queue, job.id)
        groups[key].append(job)
    for group in groups.values():
        for start in range(0, len(group), MAX_ARRAY):
            yield group[start : start + MAX_ARRAY]


def _submit(journal: Journal, api: BatchApi, settings: Settings, group: list[Job]) -> None:
    first = group[0].task
    assert first is not None  # noqa: S101  see `_groups`
    name = f"{_name_of(group)}-{secrets.token_hex(8)}"
    jobs = -(-len(group) // first.together)
    together = -(-len(group) // jobs)  # all jobs do about as much
    submission = Submission(name, group[0].queue, tuple(job.id for job in group), time.time(), together)
    try:
        definition = definition_for(api, settings, first.image)
        request = _request(journal, settings, group, submission)
        journal.add({"what": "sent", **_record(submission)}, synced=True)
        try:
            batch = _send(api, settings, {**request, "jobDefinition": definition})
        except BatchError as error:
            if error.code != "ClientException" or not first.image:
                raise
            # Another run may have tidied up the job definition meanwhile.
            definition = definition_for(api, settings, first.image, anew=True)
            batch = _send(api, settings, {**request, "jobDefinition": definition})
    except BatchError as error:
        journal.add({"what": "gone", "name": name})
        if error.is_throttling:
            raise
        _refuse(journal, group, str(error))
        return
    journal.add(_taken(submission, batch))


def _send(api: BatchApi, settings: Settings, request: Record) -> str:
    wait_for_turn(settings.state, settings.submissions_per_second)
    return str(api.call("SubmitJob", request, once=True)["jobId"])


def _request(journal: Journal, settings: Settings, group: list[Job], submission: Submission) -> Record:
    """What SubmitJob is asked, but for the job definition."""
    job, size = group[0], -(-len(group) // submission.together)
    task = job.task
    assert task is not None  # noqa: S101  see `_groups`
    environment = dict(task.environment)
    command, timeout = command_of(task), task.timeout * submission.together
    if job.index is None and len(group) > 1:
        folder = journal.tasks / submission.name
        write_tasks(folder, [one.task for one in group if one.task])
        command = (
            together_command(folder, submission.together, len(group), task.timeout)
            if submission.together > 1
            else array_command(folder)
        )
    elif job.index is not None and size == 1:
        environment[INDEX] = str(job.index)
    overrides: Record = {"command": command}
    if task.resources:
        overrides["resourceRequirements"] = task.resources
    if environment:
        overrides["environment"] = [{"name": one, "value": value} for one, value in sorted(environment.items())]
    return {
        "jobName": submission.name,
        "jobQueue": submission.queue,
        "containerOverrides": overrides,
        "tags": settings.job_tags,
        **({"timeout": {"attemptDurationSeconds": timeout}} if timeout else {}),
        **({"arrayProperties": {"size": size}} if size > 1 else {}),
        **_consumed(settings, task.io_units),
        # With a fallback queue, the job that lost its machine goes there; without one AWS Batch tries again.
        **({"retryStrategy": IMAGES_ONLY} if settings.fallback_of(submission.queue) else {}),
    }


def _consumed(settings: Settings, units: int) -> Record:
    """What each job takes of the throughput of the file system, where the context bounds it."""
    if not units:
        return {}
    one = {"consumableResource": settings.io_resource, "quantity": units}
    return {"consumableResourcePropertiesOverride": {"consumableResourceList": [one]}}


def _name_of(group: list[Job]) -> str:
    names = [job.name for job in group]
    common = os.path.commonprefix(names)  # noqa: RUF071  letters, not paths
    return common if common in names else re.sub(r"[_-]*[0-9]*\Z", "", common) or "tasks"


def _refuse(journal: Journal, group: list[Job], reason: str) -> None:
    for job in group:
        explain_to_nextflow(job, {"statusReason": reason})
    ids = [job.id for job in group]
    journal.add({"what": "end", "ids": ids, "ok": False, "at": time.time(), "reason": reason})


def _record(submission: Submission) -> Record:
    return dict(vars(submission))


def _taken(submission: Submission, batch: str) -> Record:
    return {"what": "taken", **_record(submission), "batch": batch}
