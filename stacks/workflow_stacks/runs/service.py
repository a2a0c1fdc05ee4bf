"""What can be done with runs: the verbs of the command line, for the contexts of one project."""

from __future__ import annotations

import heapq
import itertools
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workflow_context.pbs.outputs import outputs_of
from workflow_context.pbs.run_end import TOLD_TO_END
from workflow_stacks.errors import WorkflowContextError

from .engines import ENGINES
from .jobs import Job, RunJobs, counted, end_of, log_events, state_of
from .record import RunEnd, RunKey, RunNotFoundError, RunRecord, RunState
from .stores import s3_store, seen_from_here, store_for
from .submission import adopt, resubmit, store_of
from .target import Target, cloud_of, connect, connect_all, is_denied

if TYPE_CHECKING:
    from workflow_stacks.local import LocalCloud

_CHUNK = 50
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
        cloud: On this local cloud.

    Raises:
        WorkflowContextError: The project file is wrong.
    """

    def __init__(
        self, project_file: Path, *, user: str = "", local: bool = False, cloud: LocalCloud | None = None
    ) -> None:
        self._project_file = project_file
        self._user = user
        self._cloud = cloud_of(project_file) if local and cloud is None else cloud

    def target(self, context: str) -> Target:
        """A deployed context by its name."""
        return connect(self._project_file, context, user=self._user, cloud=self._cloud)

    def targets(self) -> list[Target]:
        """Every deployed context of the project."""
        return connect_all(self._project_file, user=self._user, cloud=self._cloud)

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
        refused: list[Exception] = []
        listed = [_listed(target, None if contexts else refused) for target in targets]
        keys: Iterator[tuple[RunKey, Target]] = heapq.merge(*listed, key=lambda pair: pair[0])
        if after is not None:
            keys = itertools.dropwhile(lambda pair: pair[0].run_id != after, keys)
            if next(keys, None) is None:
                raise RunNotFoundError(f"there is no run '{after}'")
        found: list[RunView] = []
        for chunk in _chunks(keys):
            # What a key tells of a run need not be read.
            told = [(key, target) for key, target in chunk if _may_be(key, workflow, states)]
            for view in self._views(told):
                wanted = (not states or view.state in states) and workflow in (None, view.record.workflow)
                if wanted:
                    found.append(view)
                if limit is not None and len(found) == limit:
                    return found
        _check_refused(refused, targets)
        return found

    def find(self, given: str) -> tuple[Target, RunRecord]:
        """Find a run in any context: by its id, a unique beginning of it, or a workflow's name (its latest run).

        Raises:
            RunNotFoundError: There is none, or there are several.
        """
        from botocore.exceptions import ClientError

        found: list[tuple[RunKey, Target]] = []
        targets = self.targets()
        refused: list[Exception] = []
        for target in targets:
            try:
                found.append((store_of(target).find(given), target))
            except RunNotFoundError as error:
                if "begins with" in str(error):
                    raise
            except ClientError as error:
                if not is_denied(error):
                    raise
                refused.append(error)
        _check_refused(refused, targets)
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
        """The outputs of a run: name to value, files by their addresses.

        They are those that its head job noted; where it did not, they are looked up.

        Raises:
            WorkflowContextError: They are on the file system, which this machine cannot read.
        """
        end = store_of(target).end(record)
        if end is None or end.outputs is None:
            store = store_for(target, record.outputs)
            return outputs_of(store, record.outputs, record.outputs_named_in, record.submitted_at)
        return seen_from_here(end.outputs, target)

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
            going = [records[key.run_id] for key in own if _is_open(key, ends)]
            for record in going:
                if not record.head_jobs:
                    records[record.run_id] = adopt(target, record)
            ids = [head for record in going for head in records[record.run_id].head_jobs[-1:]]
            if ids:
                heads |= {job["jobId"]: job for job in RunJobs(target.client, read[0]).described(ids)}
        for key, target in keys:
            record = records[key.run_id]
            if not _is_open(key, ends):
                yield RunView(record, key.ended or RunState.UNKNOWN, ends.get(key.run_id))
            else:
                yield self.view(target, record, heads.get(record.head_jobs[-1]) if record.head_jobs else None)

    def view(self, target: Target, record: RunRecord, head: Job | None) -> RunView:
        """A run by its head job, while AWS Batch knows it; else by what is noted of its end.

        An end that the head job could not note itself is noted here: it was killed.
        """
        state = state_of(head)
        if head is None and not record.head_jobs:
            late = time.time() - record.submitted_at > _SUBMISSION_SECONDS
            reason = "its submission was interrupted, and it has no head job"
            end = RunEnd(state=RunState.FAILED, ended_at=record.submitted_at, reason=reason) if late else None
            return RunView(record, end.state if end else RunState.SUBMITTED, end)
        if not state.ended:
            return RunView(record, state)
        store = store_of(target)
        noted = store.end(record)
        if head is not None:
            end = end_of(head, time.time())
        else:
            end = noted or ENGINES[record.engine].end(f"{target.place}/runs/logs/{record.run_id}/", s3_store(target))
        end = end or RunEnd(state=RunState.UNKNOWN, ended_at=time.time(), reason="AWS Batch has forgotten the head job")
        if noted is not None and noted.state is end.state:
            end = replace(end, outputs=noted.outputs)
        if noted is None or (noted.state, noted.reason) != (end.state, end.reason):
            store.save_end(record, end)
        return RunView(record, end.state, end)


def _listed(target: Target, refused: list[Exception] | None) -> Iterator[tuple[RunKey, Target]]:
    """The runs of a context; none when they may not be listed, which is noted in `refused`, where that is given."""
    from botocore.exceptions import ClientError

    try:
        yield from ((key, target) for key in store_of(target).list())
    except ClientError as error:
        if refused is None or not is_denied(error):
            raise
        refused.append(error)


def _check_refused(refused: Sequence[Exception], targets: Sequence[Target]) -> None:
    """Other contexts of the project are left out for somebody who may look at one; at none, AWS's refusal is told."""
    if refused and len(refused) == len(targets):
        raise refused[0]


def _is_open(key: RunKey, ends: Mapping[str, RunEnd]) -> bool:
    """Whether AWS Batch must be asked: nothing is noted, or a head job that was told to end could not say why."""
    return key.ended is None or (key.run_id in ends and ends[key.run_id].reason == TOLD_TO_END)


def _may_be(key: RunKey, workflow: str | None, states: Sequence[RunState]) -> bool:
    """Whether a run may be wanted, as far as its key tells."""
    if workflow is not None and not key.is_of(workflow):
        return False
    return not states or key.ended is None or key.ended in states


def _chunks(keys: Iterable[tuple[RunKey, Target]]) -> Iterator[Sequence[tuple[RunKey, Target]]]:
    keys = iter(keys)
    while chunk := list(itertools.islice(keys, _CHUNK)):
        yield chunk
