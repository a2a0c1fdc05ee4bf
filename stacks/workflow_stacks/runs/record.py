"""The record of a run: one JSON object in the context's place in S3, and a note beside it of how the run ended.

The head job itself notes the end (`workflow_context.pbs.run_end`); of a head job that was killed, whoever asks first.
Keys tell what a list needs: when the run was submitted, its id, its workflow, and how it ended. The newest come first.
So runs are listed from their keys, a page at a time, and only the records that are shown are read.
"""

from __future__ import annotations

import enum
import json
import re
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields
from typing import Any, Self

from workflow_stacks.errors import WorkflowContextError

_NEVER = 9_999_999_999
"""Later than any time in seconds: what is subtracted from it sorts the other way round."""
_READERS = 16


class RunNotFoundError(WorkflowContextError):
    """There is no such run, or what was given names several."""


class RunState(enum.StrEnum):
    """How a run is going: as AWS Batch says of its head job, until it has ended."""

    SUBMITTED = "SUBMITTED"
    PENDING = "PENDING"
    RUNNABLE = "RUNNABLE"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    STOPPED = "STOPPED"
    """Ended by `workflow-context stop`."""
    UNKNOWN = "UNKNOWN"
    """AWS Batch has forgotten the head job, and nobody saw it end."""

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self in (RunState.SUCCEEDED, RunState.FAILED, RunState.STOPPED, RunState.UNKNOWN)


class _Written:
    """What is kept as a JSON object whose keys are the names of the fields in camel case."""

    def as_json(self) -> dict[str, Any]:
        """The object."""
        return {_camel(one.name): getattr(self, one.name) for one in fields(self)}  # type: ignore[arg-type]

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read an object; what a later release wrote and this one does not know is passed over."""
        names = {_camel(one.name): one.name for one in fields(cls)}  # type: ignore[arg-type]
        return cls(**{names[key]: value for key, value in json.loads(text).items() if key in names})


@dataclass(frozen=True, kw_only=True)
class RunRecord(_Written):
    """What is known of a run when it is submitted.

    Attributes:
        run_id: Its id.
        workflow: The name of the workflow.
        source: What the user named: a name of the project, a path or an address.
        project: The project.
        context: The context.
        user: The `user` of the deployment, if it has one.
        engine: The engine.
        language: The language of the workflow.
        language_version: The version of the language, where the user said it.
        image: The container image of the head job, which tells the engine's version.
        submitted_at: Seconds since 1970.
        submitted_by: The ARN of who submitted it.
        head_jobs: The ids of its head jobs in AWS Batch; one more for each resume.
        head_queue: The queue of head jobs.
        task_queues: The queues of task jobs.
        inputs: The inputs, files by their addresses.
        parameters: Parameters of the head job definition.
        outputs: Where its outputs are: an s3:// folder, or a folder of the file system.
        outputs_named_in: The JSON file in which the engine names them; empty when all files of the folder are outputs.
        storage: The storage of its own that it works on; empty for the directory of the context.
        resumes: The id of the run that this one resumes.
        tags: Tags of the head job.
    """

    run_id: str
    workflow: str
    source: str
    project: str
    context: str
    user: str = ""
    engine: str
    language: str
    language_version: str = ""
    image: str = ""
    submitted_at: float
    submitted_by: str = ""
    head_jobs: tuple[str, ...] = ()
    head_queue: str
    task_queues: tuple[str, ...] = ()
    inputs: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    outputs: str
    outputs_named_in: str = ""
    storage: str = ""
    resumes: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("head_jobs", "task_queues"):  # JSON has no tuples
            object.__setattr__(self, name, tuple(getattr(self, name)))


@dataclass(frozen=True, kw_only=True)
class RunEnd(_Written):
    """How a run ended.

    Attributes:
        state: The last state.
        ended_at: Seconds since 1970.
        exit_code: The exit code of its head job, if it had one.
        reason: Why, as AWS Batch says.
        outputs: The outputs of a run that succeeded: name to value, files by their addresses; None when they were not
            noted.
    """

    state: RunState
    ended_at: float
    exit_code: int | None = None
    reason: str = ""
    outputs: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "state", RunState(self.state))


@dataclass(frozen=True, order=True)
class RunKey:
    """What the keys tell of a run. They sort the newest first.

    Attributes:
        order: The digits that sort it.
        run_id: The id of the run.
        workflow: The name of its workflow, as far as keys can hold it.
        ended: How it ended; None while it is going, or when nobody saw it end.
    """

    order: str
    run_id: str
    workflow: str
    ended: RunState | None = field(default=None, compare=False)

    @property
    def submitted_at(self) -> int:
        """When it was submitted, in seconds since 1970."""
        return _NEVER - int(self.order)

    def is_of(self, workflow: str) -> bool:
        """Whether it may be a run of a workflow: names are kept as far as keys can hold them."""
        return self.workflow == _plain(workflow)


def new_run_id(now: float | None = None) -> str:
    """A new id: the time in UTC, and a few random letters."""
    moment = time.gmtime(now if now is not None else time.time())
    return f"{time.strftime('%Y%m%d-%H%M%S', moment)}-{secrets.token_hex(2)}"


class RunStore:
    """The records of the runs of one context.

    Args:
        s3: The boto3 client.
        place: The place of the context in S3: `s3://bucket/prefix`.
    """

    def __init__(self, s3: Any, place: str) -> None:
        self._s3 = s3
        self._bucket, _, prefix = place.removeprefix("s3://").rstrip("/").partition("/")
        self._prefix = f"{prefix}/" if prefix else ""

    def address(self, record: RunRecord) -> str:
        """The address of a record: what its head job is told, to note the end beside it."""
        return f"s3://{self._bucket}/{self._prefix}runs/records/{_key(record)}.json"

    def save(self, record: RunRecord) -> None:
        """Write a record, in place of the one with its id."""
        self._put(f"records/{_key(record)}.json", json.dumps(record.as_json(), indent=1))

    def delete(self, record: RunRecord) -> None:
        """Forget a run that never began."""
        self._s3.delete_object(Bucket=self._bucket, Key=f"{self._prefix}runs/records/{_key(record)}.json")

    def end(self, record: RunRecord) -> RunEnd | None:
        """How a run ended, as it is noted; None when nobody noted an end."""
        states = self._noted(record)
        return RunEnd.from_json(self._get(f"ended/{_key(record)}.{states[0]}.json")) if states else None

    def save_end(self, record: RunRecord, end: RunEnd) -> None:
        """Note how a run ended, in place of what is noted of another state."""
        self._put(f"ended/{_key(record)}.{end.state}.json", json.dumps(end.as_json()))
        self._forget(record, *(state for state in self._noted(record) if state is not end.state))

    def forget_end(self, record: RunRecord) -> None:
        """A run that was resumed is going again."""
        self._forget(record, *self._noted(record))

    def list(self) -> Iterator[RunKey]:
        """All runs, the newest first, a thousand in a request, as far as they are looked at."""
        ended = self._names("ended/")
        note = next(ended, None)
        for name in self._names("records/"):
            order, run_id, workflow, _ = name.split(".")
            state = None
            # Both lists are in the same order.
            while note is not None and note.split(".")[:2] <= [order, run_id]:
                if note.split(".")[:2] == [order, run_id] and state is None:
                    state = RunState(note.split(".")[3])
                note = next(ended, None)
            yield RunKey(order, run_id, workflow, state)

    def find(self, given: str) -> RunKey:
        """Find the run that an id, a unique beginning of one, or the name of a workflow (its latest run) means.

        Raises:
            RunNotFoundError: There is none, or there are several.
        """
        begun: list[RunKey] = []
        latest: RunKey | None = None
        for key in self.list():
            if key.run_id == given:
                return key
            if key.run_id.startswith(given):
                begun.append(key)
            if latest is None and key.is_of(given):
                latest = key
        if len(begun) > 1:
            some = ", ".join(key.run_id for key in begun[:5])
            raise RunNotFoundError(f"{len(begun)} runs have an id that begins with '{given}': {some}")
        if begun or latest:
            return begun[0] if begun else latest  # type: ignore[return-value]  # one of them is there
        raise RunNotFoundError(f"there is no run '{given}', and none of a workflow of this name")

    def read(self, keys: Sequence[RunKey]) -> Sequence[RunRecord]:
        """Read the records of some runs, several at a time."""

        def one(key: RunKey) -> RunRecord:
            return RunRecord.from_json(self._get(f"records/{key.order}.{key.run_id}.{key.workflow}.json"))

        with ThreadPoolExecutor(_READERS) as readers:
            return list(readers.map(one, keys))

    def read_end(self, key: RunKey) -> RunEnd | None:
        """Read how a run ended; None while it is going."""
        if key.ended is None:
            return None
        text = self._get(f"ended/{key.order}.{key.run_id}.{key.workflow}.{key.ended}.json")
        return RunEnd.from_json(text)

    def read_ends(self, keys: Sequence[RunKey]) -> dict[str, RunEnd]:
        """Read how those of some runs ended that have, several at a time: run id to end."""
        ended = [key for key in keys if key.ended is not None]
        with ThreadPoolExecutor(_READERS) as readers:
            found = readers.map(self.read_end, ended)
            return {key.run_id: end for key, end in zip(ended, found, strict=True) if end is not None}

    def _noted(self, record: RunRecord) -> Sequence[RunState]:
        """The states in which it is noted that a run ended."""
        return [RunState(name.split(".")[3]) for name in self._names(f"ended/{_key(record)}.")]

    def _forget(self, record: RunRecord, *states: RunState) -> None:
        for state in states:
            key = f"{self._prefix}runs/ended/{_key(record)}.{state}.json"
            self._s3.delete_object(Bucket=self._bucket, Key=key)

    def _names(self, beginning: str) -> Iterator[str]:
        """The last parts of the keys that begin with something, in their order."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=f"{self._prefix}runs/{beginning}"
        )
        for page in pages:
            yield from (one["Key"].rpartition("/")[2] for one in page.get("Contents", []))

    def _put(self, name: str, text: str) -> None:
        self._s3.put_object(
            Bucket=self._bucket, Key=f"{self._prefix}runs/{name}", Body=text.encode(), ContentType="application/json"
        )

    def _get(self, name: str) -> str:
        body: bytes = self._s3.get_object(Bucket=self._bucket, Key=f"{self._prefix}runs/{name}")["Body"].read()
        return body.decode()


def _key(record: RunRecord) -> str:
    return f"{_NEVER - int(record.submitted_at):010d}.{record.run_id}.{_plain(record.workflow)}"


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)[:100] or "_"
