"""A context on a local cloud, deployed by the project itself, and workflows that run in it to their end."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_runs import project_on

from workflow_context.pbs.outputs import Store
from workflow_stacks.errors import WorkflowContextError
from workflow_stacks.local import LocalCloud, LocalCloudError
from workflow_stacks.local.runs.host import prepare_local_context
from workflow_stacks.runs.record import RunState
from workflow_stacks.runs.service import Runs
from workflow_stacks.runs.stores import store_for
from workflow_stacks.runs.submission import submit
from workflow_stacks.runs.target import Target

from .cases import CASE_SECONDS, NotEndedError

POLL_SECONDS = 2.0


@dataclass(frozen=True)
class Ended:
    """A run that has ended.

    Attributes:
        succeeded: Whether it did.
        results: Where its outputs are, with a final slash.
        outputs: Its outputs when it succeeded: name to value.
        log: What the head job said.
        store: Where its outputs can be read.
    """

    succeeded: bool
    results: str
    outputs: Mapping[str, Any]
    log: str
    store: Store


class NoStore:
    """Where the outputs of a workflow are that was refused."""

    def read(self, address: str) -> bytes | None:
        """There is nothing."""
        del address
        return None

    def files(self, folder: str, since: float) -> Mapping[str, str]:
        """There is nothing."""
        del folder, since
        return {}


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

    def run(
        self,
        workflow: Path,
        inputs: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        *,
        cases: int = 1,
    ) -> Ended:
        """Run a workflow to its end; one that is refused before it is submitted has failed.

        Args:
            workflow: The workflow.
            inputs: Its inputs, as the command line takes them.
            environment: Environment variables of the head job.
            cases: How many cases it runs, which each have their time.

        Raises:
            NotEndedError: It did not end in time, and was stopped.
            LocalCloudError: The local cloud does not answer.
        """
        try:
            record = submit(self.target, str(workflow), inputs, tags=self._tags, environment=environment)
        except LocalCloudError:
            raise
        except WorkflowContextError as error:
            return Ended(False, "", {}, str(error), NoStore())
        deadline = time.monotonic() + CASE_SECONDS * cases
        while not (view := self._runs.status(self.target, record)).state.ended:
            if time.monotonic() > deadline:
                self._runs.stop(self.target, record)
                raise NotEndedError
            time.sleep(POLL_SECONDS)
        succeeded = view.state is RunState.SUCCEEDED
        jobs = self._runs.jobs(self.target, record)
        said = [line for job in (*jobs.tasks(), jobs.head()) if job for line in self._said(job)]
        return Ended(
            succeeded,
            record.outputs,
            self._runs.outputs(self.target, record) if succeeded else {},
            "" if succeeded else "\n".join(said),
            store_for(self.target, record.outputs),
        )

    def _said(self, job: Any) -> list[str]:
        return self._runs.log(self.target, job) if job["status"] == "FAILED" else []

    def stop(self) -> None:
        """End the local cloud; what was deployed stays for the next time."""
        self._cloud.stop()
