"""Why a workflow failed: the task that failed by itself, and those that were ended because of it."""

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

Record = Mapping[str, Any]
Read = Callable[[str], bytes | None]

MAX_COMMAND = 300
TAIL_LINES = 20
TAIL_BYTES = 20_000
# What the program `qsub` of head jobs submits: bash -c … qsub DIRECTORY SCRIPT OUTPUT ERROR.
_QSUB, _DIRECTORY, _SCRIPT, _OUTPUT, _ERROR = 3, 4, 5, 6, 7
# Nextflow's script runs another one, which has the command of the process, and keeps what that says.
_NEXTFLOW, _NEXTFLOW_COMMAND, _NEXTFLOW_LOGS = ".command.run", ".command.sh", (".command.err", ".command.log")
_LOST = ("Host EC2",)


def failed_by_itself(tasks: Iterable[Record]) -> list[Record]:
    """The tasks that failed and were not told to end, the first one first; not those that a later attempt made good."""
    everything = list(tasks)
    done = {task["jobName"] for task in everything if task["status"] == "SUCCEEDED"}
    failed = [task for task in everything if task["status"] == "FAILED" and not was_ended(task)]
    own = [task for task in failed if task["jobName"] not in done and not _lost_its_machine(task)]
    return sorted(own or failed, key=lambda task: int(task.get("stoppedAt", 0)))


def was_ended(task: Record) -> bool:
    """Whether somebody ended or cancelled it, or it waited for another one that failed."""
    if task.get("isTerminated") or task.get("isCancelled"):
        return not str(task.get("statusReason", "")).startswith("MISCONFIGURATION")
    return task.get("statusReason") == "Dependent Job failed"


def report(job: Record, kind: str, ended: int, log: Sequence[str], read: Read) -> list[str]:
    """Tell of the job to blame.

    Args:
        job: It, as DescribeJobs returns it.
        kind: What it is: `head job` or `task`.
        ended: How many others were ended because of it.
        log: The end of its log in CloudWatch.
        read: Reads a file by the path that jobs have for it; None when there is none.
    """
    container = job["container"]
    code = container.get("exitCode")
    said = [f"exit code {code}" if code is not None else "", job.get("statusReason", ""), container.get("reason", "")]
    command, errors = _of_script(container["command"], read)
    others = f"{ended} other task{'s were' if ended != 1 else ' was'} ended because of it." if ended else ""
    return [
        f"The {kind} {job['jobName']} failed: {', '.join(filter(None, said))}",
        *([others] if others else []),
        "Its command:",
        *(f"  {line}" for line in command),
        *(["The end of its standard error:", *(f"  {line}" for line in errors)] if errors else []),
        *(["The end of its log:", *(f"  {line}" for line in log)] if log and list(log) != errors else []),
        *([] if errors or log else ["It wrote nothing, neither to its standard error nor to its log."]),
    ]


def _lost_its_machine(task: Record) -> bool:
    return str(task.get("statusReason", "")).startswith(_LOST)


def _of_script(command: Sequence[str], read: Read) -> tuple[list[str], list[str]]:
    """What a job runs and what it said, from the files of a script that was submitted by `qsub`."""
    if len(command) <= _ERROR or command[_QSUB] != "qsub":
        return [_short(shlex.join(command))], []
    folder, script = PurePosixPath(command[_DIRECTORY]), PurePosixPath(command[_DIRECTORY], command[_SCRIPT])
    if script.name == _NEXTFLOW:
        shown, logs = script.with_name(_NEXTFLOW_COMMAND), [script.with_name(name) for name in _NEXTFLOW_LOGS]
    else:
        named = [command[_ERROR], command[_OUTPUT]] if command[_ERROR] != "&" else [command[_OUTPUT]]
        shown, logs = script, [folder / name for name in named if name]
    text = _lines(read(str(shown)))
    tails = (_lines(read(str(log)))[-TAIL_LINES:] for log in logs)
    return [_short(line) for line in text[:TAIL_LINES]] or [str(shown)], next(filter(None, tails), [])


def _lines(content: bytes | None) -> list[str]:
    text = (content or b"")[-TAIL_BYTES:].decode(errors="replace")
    return [line for line in text.splitlines() if line.strip()]


def _short(text: str) -> str:
    return text if len(text) <= MAX_COMMAND else f"{text[:MAX_COMMAND]} …"
