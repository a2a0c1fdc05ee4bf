"""What can be done with runs: the verbs of the command line, for the contexts of one project."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workflow_stacks.errors import WorkflowContextError

from .engines import ENGINES
from .jobs import Job, RunJobs, counted, end_of, log_events, state_of
from .record import RunEnd, RunKey, RunNotFoundError, RunRecord, RunState, RunStore
from .stores import store_for
from .submission import adopt, resubmit, store_of
from .target import Target, connect, connect_all

_SETTLE_SECONDS = 60.0
_SUBMISSION_SECONDS = 120.0


@dataclass(frozen=True)
class RunView:
    """A run as it is now.

    Attributes:
        record: What was known when it was submitted.
        state: How it is going.
        end: How it ended; None while it is going.
        tasks: How many of its tasks are in each state; empty when nobody asked.
    """

    record: RunRecord
    state: RunState
    end: RunEnd | None = None
    tasks: Counter[str] = field(default_factory=Counter)


class Runs:
    """The runs of a project's contexts.

    Args:
        project_file: The project file.
        user: The `user` the contexts were deployed with.
        local: On the local cloud of the project, not on AWS.

    Raises:
        WorkflowContextError: The project file is wrong.
    """

    def __init__(self, project_file: Path, *, user: str = "", local: bool = False) -> None:
        self._project_file = project_file
        self._user = user
        self._local = local

    def target(self, context: str) -> Target:
        """A deployed context by its name."""
        return connect(self._project_file, context, user=self._user, local=self._local)

    def targets(self) -> list[Target]:
        """Every deployed context of the project."""
        return connect_all(self._project_file, user=self._user, local=self._local)

    def find_all(
        self,
        *,
        contexts: Sequence[str] = (),
        workflow: str | None = None,
        states: Sequence[RunState] = (),
        limit: int | None = 20,
        after: str | None = None,
    ) -> Sequence[RunView]:
        """The runs, the newest first.

        Args:
            contexts: Names of contexts to look in. Default: all that are deployed.
            workflow: Only runs of this workflow.
            states: Only runs in one of these states.
            limit: How many at most; None for all.
            after: Only those that come after the run of this id.

        Raises:
            RunNotFoundError: There is no run `after` which they could come.
        """
        targets = [self.target(name) for name in contexts] if contexts else self.targets()
        keys = sorted(
            ((key, target) for target in targets for key in store_of(target).list()), key=lambda pair: pair[0]
        )
        if after is not None:
            place = next((number for number, (key, _) in enumerate(keys) if key.run_id == after), None)
            if place is None:
                raise RunNotFoundError(f"there is no run '{after}'")
            keys = keys[place + 1 :]
        found: list[RunView] = []
        for chunk in _chunks(keys, 50):
            for view in self._views(chunk):
                wanted = (not states or view.state in states) and workflow in (None, view.record.workflow)
                if wanted:
                    found.append(view)
                if limit is not None and len(found) == limit:
                    return found
        return found

    def find(self, given: str) -> tuple[Target, RunRecord]:
        """Find a run in any context: by its id, a unique beginning of it, or a workflow's name (its latest run).

        Raises:
            RunNotFoundError: There is none, or there are several.
        """
        found: list[tuple[RunKey, Target]] = []
        for target in self.targets():
            try:
                found.append((store_of(target).find(given), target))
            except RunNotFoundError as error:
                if "begins with" in str(error):
                    raise
        if not found:
            raise RunNotFoundError(
                f"there is no run '{given}' in the deployed contexts of this project, nor of a workflow of this name"
            )
        by_id = [pair for pair in found if pair[0].run_id.startswith(given)]
        if len(by_id) > 1:
            some = ", ".join(f"{key.run_id} ({target.name})" for key, target in by_id)
            raise RunNotFoundError(f"{len(by_id)} runs have an id that begins with '{given}': {some}")
        key, target = min(by_id or found, key=lambda pair: pair[0])
        [record] = store_of(target).read([key])
        return target, record if record.head_jobs else adopt(target, record)

    def status(self, target: Target, record: RunRecord) -> RunView:
        """How a run is going, with its tasks."""
        jobs = RunJobs(target.client, record)
        view = self.view(target, record, jobs.head())
        return RunView(view.record, view.state, view.end, counted(jobs.tasks()))

    def stop(self, target: Target, record: RunRecord) -> RunView:
        """End the head job of a run, which ends its tasks, and then what it left."""
        jobs = RunJobs(target.client, record)
        head = jobs.head()
        if head is not None and not state_of(head).ended:
            jobs.end([head["jobId"]])
            jobs.wait_for_end([head["jobId"]], _SETTLE_SECONDS)
        left = [task["jobId"] for task in jobs.tasks() if task["status"] not in ("SUCCEEDED", "FAILED")]
        if left:
            jobs.end(left)
            jobs.wait_for_end(left, _SETTLE_SECONDS)
        return self.status(target, record)

    def resume(self, target: Target, record: RunRecord) -> RunRecord:
        """Submit a head job that goes on with a run that has ended.

        Raises:
            WorkflowContextError: It is still going, it succeeded and its engine keeps nothing of it, or AWS refuses the
                head job.
        """
        head = RunJobs(target.client, record).head()
        if head is not None and not state_of(head).ended:
            raise WorkflowContextError(f"the run {record.run_id} is still {head['status']}; stop it first")
        succeeded = head is not None and head["status"] == "SUCCEEDED"
        if succeeded and not ENGINES[record.engine].keeps_finished_runs:
            raise WorkflowContextError(
                f"the run {record.run_id} succeeded, and {record.engine} keeps nothing to resume it from; its outputs: "
                f"workflow-context outputs {record.run_id}"
            )
        return resubmit(target, record)

    def outputs(self, target: Target, record: RunRecord) -> dict[str, Any]:
        """The outputs of a run: name to value, files by their address.

        Raises:
            WorkflowContextError: They are on the file system, which this machine cannot read.
        """
        return dict(ENGINES[record.engine].outputs(record, store_for(target, record.outputs)))

    def log(self, target: Target, job: Job) -> list[str]:
        """The lines of a job's last attempt so far."""
        return [message for _, message in self.events(target, job)]

    def events(self, target: Target, job: Job, since_ms: int = 0) -> list[tuple[int, str]]:
        """The log of a job's last attempt from a moment on: when, and the line."""
        return log_events(target.client, job, since_ms)

    def jobs(self, target: Target, record: RunRecord) -> RunJobs:
        """The jobs of a run."""
        return RunJobs(target.client, record)

    def _views(self, keys: Sequence[tuple[RunKey, Target]]) -> Iterator[RunView]:
        """Runs as they are now, in their order: records and head jobs are read many at a time."""
        records: dict[str, RunRecord] = {}
        heads: dict[str, Job] = {}
        ends: dict[str, RunEnd] = {}
        for target in {id(target): target for _, target in keys}.values():
            own = [key for key, other in keys if other is target]
            read = store_of(target).read(own)
            records |= {record.run_id: record for record in read}
            ends |= store_of(target).read_ends(own)
            going = [records[key.run_id] for key in own if key.ended is None]
            for record in going:
                if not record.head_jobs:
                    records[record.run_id] = adopt(target, record)
            ids = [head for record in going for head in records[record.run_id].head_jobs[-1:]]
            if ids:
                heads |= {job["jobId"]: job for job in RunJobs(target.client, read[0]).described(ids)}
        for key, target in keys:
            record = records[key.run_id]
            if key.ended is not None:
                yield RunView(record, key.ended, ends.get(key.run_id))
            else:
                yield self.view(target, record, heads.get(record.head_jobs[-1]) if record.head_jobs else None)

    def view(self, target: Target, record: RunRecord, head: Job | None) -> RunView:
        """A run by its head job; that it has ended is noted, since AWS Batch forgets jobs after some days."""
        store: RunStore = store_of(target)
        if head is None and not record.head_jobs:
            late = time.time() - record.submitted_at > _SUBMISSION_SECONDS
            reason = "its submission was interrupted, and it has no head job"
            end = RunEnd(state=RunState.FAILED, ended_at=record.submitted_at, reason=reason) if late else None
            return RunView(record, end.state if end else RunState.SUBMITTED, end)
        if head is None:
            key = next((key for key in store.list() if key.run_id == record.run_id), None)
            known = store.read_end(key) if key is not None else None
            if known is not None:
                return RunView(record, known.state, known)
        end = end_of(head, time.time())
        if end is not None:
            store.save_end(record, end)
        return RunView(record, end.state if end else state_of(head), end)


def _chunks(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
