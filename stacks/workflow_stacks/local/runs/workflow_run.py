"""A workflow on the local cloud: submitted as `workflow-context run --local` does, followed, and told of."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workflow_stacks.local.cloud.process import LocalCloud
from workflow_stacks.local.engines import ENGINES
from workflow_stacks.project import load_project
from workflow_stacks.runs.record import RunRecord, RunState
from workflow_stacks.runs.service import Runs
from workflow_stacks.runs.stores import FolderStore, folder_of
from workflow_stacks.runs.submission import submit
from workflow_stacks.runs.target import Target

from .failure import failed_by_itself, report, was_ended
from .host import Host
from .options import Options
from .progress import Progress
from .watch import Watch

POLL_SECONDS = 0.5
NOT_FOUND = 127
TAIL_LINES = 20

Look = Callable[[Watch, FolderStore | None], None]


@dataclass(frozen=True)
class Result:
    """How a workflow ended.

    Attributes:
        succeeded: Whether it did.
        run: The id of the run.
        head: The id of the head job.
        tasks: How many tasks ended in which state.
        seconds: How long it took.
        results: Where its outputs are.
        outputs: Its outputs: name to value, files by their S3 address, or their path where they are on the file system.
        why: When it failed: which job, and the last lines of its log.
    """

    succeeded: bool
    run: str
    head: str
    tasks: Mapping[str, int]
    seconds: float
    results: str
    outputs: Mapping[str, Any] = field(default_factory=dict)
    why: Sequence[str] = ()


def first_to_run(project_file: Path) -> tuple[str, str] | None:
    """A context of a project and a workflow that can run there, by their names."""
    project = load_project(project_file)
    for name, workflow in project.workflows.items():
        for context, settings in project.contexts.items():
            if settings.engine.engine in ENGINES and settings.engine.type == workflow.type.language:
                return context, name
    return None


class WorkflowRun:
    """Runs a workflow in a context of a project.

    Args:
        cloud: The local cloud; started and deployed to when it is not there.
        project_file: The project file.
        context: The name of the context.
        options: How to run it.
        progress: Who tells how it goes. Default: lines on stderr.

    Raises:
        WorkflowContextError: There is no such context, its engine does not run here, or nothing can.
    """

    def __init__(
        self,
        cloud: LocalCloud,
        project_file: Path,
        context: str,
        options: Options | None = None,
        progress: Progress | None = None,
    ) -> None:
        self._options = options or Options()
        self._progress = progress or Progress()
        self._project_file = project_file
        self._context = context
        self._host = Host(cloud, project_file, context, self._progress)
        self._host.check_programs(self._options.software)
        self._runs = Runs(project_file, cloud=cloud)

    def prepare(self) -> None:
        """Start the local cloud and deploy the context, unless that is done: `run` does it too, and may be watched."""
        self._host.deploy()

    def run(self, workflow: str | Path, inputs: Sequence[str], look: Look) -> Result:
        """Run a workflow to its end.

        Args:
            workflow: A name of the project, a path, or an address.
            inputs: `name=value`, or files of inputs.
            look: Called again and again with the jobs, and the directory that stands for the file system, if any.

        Returns:
            How it ended.

        Raises:
            WorkflowContextError: The workflow or its inputs cannot be used, or it cannot be submitted.
            KeyboardInterrupt: Somebody asked to stop; its jobs are ended then.
        """
        self._host.deploy()
        target = self._runs.target(self._context)
        for line in self._host.what_stands_in(self._options.software):
            self._progress.say(line)
        folder = folder_of(target)
        start = time.monotonic()
        options = self._options
        record = submit(target, str(workflow), inputs, tags=options.tags(), environment=options.environment)
        self._progress.say(f"Submitted {record.workflow} as the run {record.run_id}, head job {record.head_jobs[-1]}")
        watch = Watch(target.client, record)
        self._follow(watch, target, record, lambda: look(watch, folder))
        view = self._runs.view(target, record, watch.head)
        succeeded = view.state is RunState.SUCCEEDED
        return Result(
            succeeded,
            record.run_id,
            record.head_jobs[-1],
            dict(watch.states),
            time.monotonic() - start,
            folder.here(record.outputs) if folder and record.outputs.startswith("/") else record.outputs,
            self._runs.outputs(target, record) if succeeded else {},
            () if succeeded else self._why(watch, target, folder),
        )

    def _follow(self, watch: Watch, target: Target, record: RunRecord, look: Callable[[], None]) -> None:
        try:
            while not watch.ended:
                time.sleep(POLL_SECONDS)
                watch.look()
                look()
        except KeyboardInterrupt:
            self._progress.say("Cancelling the workflow: its head job, and with it its tasks")
            self._runs.stop(target, record)
            self._progress.say("Cancelled; nothing of it runs any more")
            raise

    def _why(self, watch: Watch, target: Target, folder: FolderStore | None) -> list[str]:
        """The job to blame, what it ran, and what it said last."""
        tasks = watch.described_tasks()
        job = next(iter(failed_by_itself(tasks)), watch.head)
        ended = sum(was_ended(task) for task in tasks if task["status"] == "FAILED" and task is not job)
        log = self._runs.log(target, job)[-TAIL_LINES:]
        kind = "head job" if job is watch.head else "task"
        told = report(job, kind, ended, log, folder.read if folder else lambda _place: None)
        if job["container"].get("exitCode") == NOT_FOUND and not self._host.sandbox.runs_images:
            image = job["container"]["image"]
            told.insert(1, f"A program was not found: it may be in the image {image}, not on this machine.")
        return told
