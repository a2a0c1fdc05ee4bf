"""qstat: says how the jobs of the run are, and sends those that lost their machine to the fallback queue."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .batch_api import BatchApi, Record
from .job_log import why_it_failed
from .journal import Job, Journal
from .qsub import INDEX, find_by_name, submit
from .script import PbsError
from .settings import TAG, Settings

_STATES = {"RUNNING": "R", "SUCCEEDED": "C", "FAILED": "C"}
_PAGE = 100  # of DescribeJobs
_REMEMBERED_SECONDS = 1800
_ENDED = 143  # the exit code of what was ended by SIGTERM, as is all on a machine that goes
_LOST = re.compile(r"Host EC2")
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
    states = follow(journal, api, settings)
    wanted = args.ids or list(jobs)
    matching = [jobs[one] for one in wanted if args.ids or not queue or jobs[one].queue == queue]
    return "\n".join(_format_job(job, states.get(job.id, "Q")) for job in matching if args.ids or _is_recent(job))


def follow(journal: Journal, api: BatchApi, settings: Settings) -> dict[str, str]:
    """Ask AWS Batch for all jobs of the run that live: the id for the engine to the state in PBS."""
    with journal.alone():
        living = {job.batch: job for job in journal.jobs().values() if not job.ended}
        ids = list(living)
        states: dict[str, str] = {}
        for start in range(0, len(ids), _PAGE):
            asked = ids[start : start + _PAGE]
            found = {one["jobId"]: one for one in api.call("DescribeJobs", {"jobs": asked})["jobs"]}
            for batch in asked:
                # A job that AWS Batch has forgotten ended long ago.
                job = found.get(batch, {"status": "FAILED"})
                states[living[batch].id] = _update_job(living[batch], job, journal, api, settings)
        journal.note_poll()
        _write_status_files(journal.jobs().values(), settings)
        journal.jobs()
    return states


def _update_job(job: Job, found: Record, journal: Journal, api: BatchApi, settings: Settings) -> str:
    state = _STATES.get(found["status"], "Q")
    if state != "C":
        return state
    done = _exit_code(found) if found["status"] == "FAILED" else None
    if done is None and settings.fallback and _lost_its_machine(found) and found["jobQueue"] != settings.fallback:
        resubmission = _resubmission(found, settings)
        # A qstat that was ended before it noted what it had done.
        sent = any(one.name == resubmission["jobName"] for one in journal.sent())
        batch = (sent and find_by_name(api, resubmission["jobQueue"], resubmission["jobName"])) or submit(
            api, settings, journal, resubmission
        )
        journal.add(what="moved", id=job.id, to=batch, name=resubmission["jobName"])
        return "Q"
    if done is None and found["status"] == "FAILED":
        _explain_to_nextflow(found)
    journal.add(what="end", id=job.id, ok=found["status"] == "SUCCEEDED" or done == "0", at=time.time())
    return state


def _exit_code(found: Record) -> str | None:
    """What Nextflow's script noted when it was done, before its machine went: Nextflow goes on by that."""
    command = found.get("container", {}).get("command", [])
    if len(command) < 5:
        return None
    try:
        return Path(command[4], ".exitcode").read_text(encoding="utf-8").strip() or None
    except OSError:
        return None


def _explain_to_nextflow(found: Record) -> None:
    """Say of a task that left no exit code why, in its own files: Nextflow goes by them, and would wait for them long.

    A task of an array has files that only the array knows.
    """
    container = found.get("container", {})
    command = container.get("command", [])
    if len(command) < 6 or Path(command[5]).name != ".command.run" or "arrayProperties" in found:
        return
    folder = Path(command[4])
    ran = found.get("startedAt") or (folder / ".command.begin").exists()
    parts = [part for part in (found.get("statusReason"), container.get("reason")) if part]
    why = f"The job {'was ended' if ran else 'never ran'}: {', '.join(parts) or 'AWS Batch does not say why'}\n"
    code = container.get("exitCode") or (_ENDED if ran else 1)
    try:
        with (folder / ".command.log").open("a", encoding="utf-8") as file:
            file.write(why)
        # Not over one that was written and is not seen here yet.
        with (folder / ".exitcode").open("x", encoding="utf-8") as file:
            file.write(str(code))
    except OSError as error:
        sys.stderr.write(f"{why}{error}\n")


def _lost_its_machine(found: Record) -> bool:
    return bool(_LOST.match(found.get("statusReason", "")))


def _resubmission(found: Record, settings: Settings) -> Record:
    """The same job on the fallback queue; one of an array becomes a job of its own."""
    container = found["container"]
    index = found.get("arrayProperties", {}).get("index")
    mine = [{"name": INDEX, "value": str(index)}] if index is not None else []
    return {
        "jobName": f"{found['jobName'][:110]}-again-{found['jobId'][:8]}",
        "jobQueue": settings.fallback,
        "jobDefinition": found["jobDefinition"],
        "containerOverrides": {
            "command": container["command"],
            "environment": [*container.get("environment", []), *mine],
            "resourceRequirements": container.get("resourceRequirements", []),
        },
        "tags": {TAG: settings.context},
        **({"timeout": found["timeout"]} if found.get("timeout") else {}),
    }


def _status(id_: str, journal: Journal, api: BatchApi, settings: Settings) -> str:
    """Snakemake asks for each job alone: AWS Batch is asked for all of them at once, and not each time."""
    job = journal.jobs()[id_]
    if not job.ended and time.time() - journal.polled() > settings.fresh_seconds:
        follow(journal, api, settings)
        job = journal.jobs()[id_]
    if not job.ended:
        return "running"
    if job.succeeded:
        return "success"
    sys.stderr.write(f"{why_it_failed(job, api, settings.region)}\n")
    return "failed"


def _write_status_files(jobs: Iterable[Job], settings: Settings) -> None:
    """Tell `job_status.sh`, by which most questions for one job are answered without this program."""
    if settings.status_dir is None:
        return
    for job in jobs:
        note = settings.status_dir / job.id
        if job.ended and not note.exists():
            note.write_text("success\n" if job.succeeded else "failed\n", encoding="utf-8")
    polled = settings.status_dir / "polled"
    polled.with_suffix(".new").write_text(f"{time.time():.0f}\n", encoding="utf-8")
    polled.with_suffix(".new").replace(polled)


def _is_recent(job: Job) -> bool:
    return not job.ended or time.time() - job.ended < _REMEMBERED_SECONDS


def _format_job(job: Job, state: str) -> str:
    end = f"\n    exit_status = {0 if job.succeeded else 1}" if job.ended else ""
    return f"Job Id: {job.id}\n    job_state = {'C' if job.ended else state}{end}\n"
