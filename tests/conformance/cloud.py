"""A context on a local cloud, deployed by the project itself, and workflows that run in it to their end."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_runs import project_on

from workflow_stacks.local import LocalCloud
from workflow_stacks.local.runs.host import prepare_local_context
from workflow_stacks.runs.engines.base import Store
from workflow_stacks.runs.record import RunRecord, RunState
from workflow_stacks.runs.service import Runs
from workflow_stacks.runs.stores import store_for
from workflow_stacks.runs.submission import submit
from workflow_stacks.runs.target import Target

POLL_SECONDS = 1.0


@dataclass(frozen=True)
class Ended:
    """A run that has ended.

    Attributes:
        succeeded: Whether it did.
        record: What was known when it was submitted.
        outputs: Its outputs when it succeeded: name to value.
        log: What the head job said.
        store: Where its outputs can be read.
    """

    succeeded: bool
    record: RunRecord
    outputs: Mapping[str, Any]
    log: str
    store: Store


class Cloud:
    """A context on a local cloud of its own; leave it by `stop`.

    Args:
        folder: Where the cloud keeps its state.
        file_system: The file system of the context.
        engine: Its engine.
        language: The language of its workflows.
        software: Directories of programs for head jobs.
    """

    def __init__(self, folder: Path, file_system: str, *, engine: str, language: str, software: Sequence[Path]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        project_file = folder / "agc-project.yaml"
        project_file.write_text(project_on([file_system], engine=engine, language=language))
        self._cloud = LocalCloud.of_project(project_file)
        self._tags = prepare_local_context(project_file, file_system, software)
        self._runs = Runs(project_file, local=True)
        self.target: Target = self._runs.target(file_system)

    def run(self, workflow: Path, inputs: Sequence[str] = (), environment: Mapping[str, str] | None = None) -> Ended:
        """Run a workflow to its end.

        Raises:
            WorkflowContextError: The workflow or its inputs cannot be used.
        """
        record = submit(self.target, str(workflow), inputs, tags=self._tags, environment=environment)
        while not (view := self._runs.status(self.target, record)).state.ended:
            time.sleep(POLL_SECONDS)
        succeeded = view.state is RunState.SUCCEEDED
        jobs = self._runs.jobs(self.target, record)
        said = [line for job in (*jobs.tasks(), jobs.head()) if job for line in self._said(job)]
        return Ended(
            succeeded,
            record,
            self._runs.outputs(self.target, record) if succeeded else {},
            "" if succeeded else "\n".join(said),
            store_for(self.target, record.outputs),
        )

    def _said(self, job: Any) -> list[str]:
        return self._runs.log(self.target, job) if job["status"] == "FAILED" else []

    def stop(self) -> None:
        """End the local cloud; what was deployed stays for the next time."""
        self._cloud.stop()
