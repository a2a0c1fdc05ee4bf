"""Checks a context from within: what runs will need is tried in a head job, step by step, and left as it was.

Each step is a line of the log, `@check STEP STATE MESSAGE`; the states are `ok` and `failed`. `@task ID` is a task job.
Whoever started the job knows the steps by their names, and what to do when one fails.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
import urllib.error
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .batch_api import BatchApi, Record
from .fetch import Bucket
from .script import PbsError

SETTING = "WORKFLOW_CHECK"
"""The variable with what the job is told: JSON with the fields of `Settings`."""

_ENDED = ("SUCCEEDED", "FAILED")
_PAUSE_SECONDS = 5.0
_NFS_SECONDS = 60.0
_REASON = "The check of the context is done"


@dataclass(frozen=True)
class Settings:
    """What a check is told.

    Attributes:
        id: A word that no other check has, for names.
        place: The context's place in S3, `s3://bucket/prefix`.
        outside: An object in S3 that the context must be kept from; empty when there is none.
        outside_exists: Whether it is there, and so can be read by whoever may.
        mount: Where the file system is mounted; empty when there is none.
        changes_owners: Whether the owners of files on it can be changed.
        queue: The queue of tasks.
        task: What a task job is, as `CheckTask` of the engines says; empty when the engine does not say.
        pause: Seconds between two looks at the task.
    """

    id: str
    place: str
    outside: str = ""
    outside_exists: bool = False
    mount: str = ""
    changes_owners: bool = True
    queue: str = ""
    task: Record | None = None
    pause: float = _PAUSE_SECONDS


class Check:
    """The steps of a check.

    Args:
        settings: What it is told.
        region: The region.
        program: The folder of this program.
    """

    def __init__(self, settings: Settings, region: str, program: Path) -> None:
        self._settings = settings
        self._batch = BatchApi(region)
        self._region = region
        self._program = program
        self._folder = Path(settings.mount) / f"workflow-context-check-{settings.id}" if settings.mount else None
        self._jobs: list[str] = []
        self._registered = ""

    def run(self) -> bool:
        """Try every step, and clean up; whether all are well."""
        try:
            steps = [self._try("head-start", lambda: f"user {os.getuid()}")]
            steps += self._file_system()
            steps += self._s3()
            if self._settings.task:
                steps += self._tasks(self._settings.task)
            return all(steps)
        finally:
            self._clean_up()

    def _file_system(self) -> Iterator[bool]:
        folder = self._folder
        if folder is None:
            return
        yield self._try("head-mount", lambda: _mounted(self._settings.mount))
        yield self._try("head-write", lambda: _write_and_read(folder))
        if self._settings.changes_owners:
            yield self._try("head-owner", lambda: _keep_owner(folder))

    def _s3(self) -> Iterator[bool]:
        bucket, _, prefix = self._settings.place.removeprefix("s3://").partition("/")
        s3 = Bucket(bucket, self._region)
        key = "/".join(filter(None, (prefix, "check", self._settings.id)))
        written = self._try("s3-write", lambda: s3.put(key, b"check"))
        yield written
        if written:
            yield self._try("s3-read", lambda: _equal(s3.get(key, {}), b"check"))
            yield self._try("s3-delete", lambda: s3.delete(key))
        if self._settings.outside:
            yield self._try("s3-outside", self._outside)

    def _outside(self) -> str:
        name, _, key = self._settings.outside.removeprefix("s3://").partition("/")
        other = Bucket(name, self._region)
        _refused(lambda: other.put(f"{key}.written", b"check"), "written to")
        if self._settings.outside_exists:
            _refused(lambda: other.get(key, {}), "read")
        return ""

    def _tasks(self, task: Record) -> Iterator[bool]:
        definition = task.get("definition", "")
        if not definition:
            done = self._try("register", lambda: self._register(task))
            yield done
            if not done:
                return
            definition = self._registered
        submitted = self._try("submit", lambda: self._submit(definition, task))
        yield submitted
        if not submitted:
            return
        first, second = self._jobs
        ran = self._try("task-run", lambda: self._wait(first, "SUCCEEDED"))
        yield ran
        folder = self._folder
        if ran and folder is not None:
            yield self._try("task-files", lambda: _appears(folder / "task"))
        yield self._try("end", lambda: self._end(second))
        if self._registered:
            yield self._try("deregister", self._deregister)

    def _register(self, task: Record) -> str:
        name = f"{task['name']}{self._settings.id}"
        request = {
            "jobDefinitionName": name,
            "type": "container",
            "containerProperties": {**task["container"], "command": ["true"]},
            "platformCapabilities": ["EC2"],
            **({"tags": task["definitionTags"]} if task.get("definitionTags") else {}),
        }
        self._registered = self._batch.call("RegisterJobDefinition", request)["jobDefinitionArn"]
        return name

    def _submit(self, definition: str, task: Record) -> str:
        """Submit a job that tries what tasks need, and one that goes on until it is ended."""
        script = (self._program / "check_task.sh").read_text(encoding="utf-8")
        folder = str(self._folder) if self._folder else ""
        owner = "yes" if self._settings.changes_owners else ""
        arguments = [self._settings.mount, folder, owner, task.get("client", ""), task.get("address", "")]
        for name, command in (
            ("task", ["sh", "-c", script, "check", *arguments]),
            ("to-end", ["sleep", "3600"]),
        ):
            request: Record = {
                "jobName": f"check-{name}-{self._settings.id}",
                "jobQueue": self._settings.queue,
                "jobDefinition": definition,
                "containerOverrides": {"command": command},
            }
            if task.get("tags"):
                request.update({"tags": task["tags"], "propagateTags": True})
            self._jobs.append(self._batch.call("SubmitJob", request)["jobId"])
            _tell(f"@task {name} {self._jobs[-1]}")
        return ""

    def _wait(self, job: str, wanted: str) -> str:
        last = ""
        while True:
            [found] = self._batch.call("DescribeJobs", {"jobs": [job]})["jobs"]
            if found["status"] != last:
                last = found["status"]
                _tell(f"The task {job} is {last}")
            if last in _ENDED:
                break
            time.sleep(self._settings.pause)
        if last != wanted:
            container = found.get("container", {})
            said = [found.get("statusReason"), container.get("reason")]
            if "exitCode" in container:
                said.append(f"exit code {container['exitCode']}")
            raise PbsError("; ".join(filter(None, said)) or f"it is {last}")
        return ""

    def _end(self, job: str) -> str:
        self._batch.call("TerminateJob", {"jobId": job, "reason": _REASON})
        self._jobs.remove(job)
        return self._wait(job, "FAILED")

    def _deregister(self) -> str:
        self._batch.call("DeregisterJobDefinition", {"jobDefinition": self._registered})
        self._registered = ""
        return ""

    def _clean_up(self) -> None:
        for job in self._jobs:
            with suppress(PbsError):  # it may have ended, and the steps have told what went wrong
                self._batch.call("TerminateJob", {"jobId": job, "reason": _REASON})
        if self._registered:
            with suppress(PbsError):
                self._deregister()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _try(self, step: str, action: Callable[[], str | None]) -> bool:
        try:
            message = action() or ""
        except (OSError, PbsError, KeyError) as error:
            _say(step, "failed", _in_words(error))
            return False
        _say(step, "ok", message)
        return True


def check(program: Path) -> int:
    """Check the context of this head job; the exit code. What a signal interrupts is cleaned up.

    Args:
        program: The folder of this program.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    settings = Settings(**json.loads(os.environ[SETTING]))
    return 0 if Check(settings, os.environ["AWS_REGION"], program).run() else 1


def _say(step: str, state: str, message: str) -> None:
    _tell(f"@check {step} {state} {' '.join(message.split())}".rstrip())


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _mounted(path: str) -> str:
    """The type of what is mounted: https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html."""
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        mount, _, source = line.partition(" - ")
        if mount.split(" ")[4] == path:
            return source.split(" ")[0]
    raise OSError(f"nothing is mounted at {path}")


def _write_and_read(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o777)  # tasks may act as another user
    (folder / "head").write_text("head\n", encoding="utf-8")
    _equal((folder / "head").read_bytes(), b"head\n")


def _keep_owner(folder: Path) -> None:
    """Give a file to oneself, as `tar x` by root does with an archive of root's."""
    file = folder / "head-owner"
    file.write_text("owner\n", encoding="utf-8")
    os.chown(file, os.getuid(), os.getgid())


def _appears(file: Path) -> None:
    """Wait for a file of another machine: NFS remembers for up to a minute what was not there."""
    deadline = time.monotonic() + _NFS_SECONDS
    while time.monotonic() < deadline:
        with suppress(FileNotFoundError):
            _equal(file.read_bytes(), b"task\n")
            return
        time.sleep(1)
    raise OSError(f"{file}, which the task has written, is not there")


def _equal(found: bytes, wanted: bytes) -> None:
    if found != wanted:
        raise OSError(f"{wanted!r} was written, and {found[:40]!r} is read")


def _refused(action: Callable[[], Any], how: str) -> None:
    try:
        action()
    except PbsError as error:
        if _http(error) == 403:
            return
        raise
    raise PbsError(f"it can be {how}")


def _http(error: BaseException) -> int:
    cause = error.__cause__
    return cause.code if isinstance(cause, urllib.error.HTTPError) else 0


def _in_words(error: BaseException) -> str:
    """What is wrong, with what S3 says of it in its answer."""
    cause = error.__cause__
    if isinstance(cause, urllib.error.HTTPError):
        with suppress(OSError, ET.ParseError):
            said = ET.fromstring(cause.read()).findtext("{*}Message") or ""  # noqa: S314  of S3
            return f"{error}: {said}" if said else str(error)
    return str(error)
