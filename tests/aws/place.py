"""Where the smoke test runs: AWS with the credentials of whoever starts it, or a local cloud; the same to the cases."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from workflow_stacks.local import LocalCloud
from workflow_stacks.local.runs.deployment import LocalDeployment
from workflow_stacks.local.runs.host import prepare_local_context
from workflow_stacks.project import load_project
from workflow_stacks.runs.service import Runs, RunView
from workflow_stacks.runs.submission import submit
from workflow_stacks.runs.target import client_of, deployed_stacks

HERE = Path(__file__).parent
REPOSITORY = HERE.parent.parent
_FILES = ("two.wdl", "Snakefile")


class Place:
    """A copy of the project in a folder, and the cloud to which it is deployed.

    Args:
        folder: Where the copy is, and what the CDK writes.
        contexts: Which of the project's contexts.
        local: On a local cloud below the folder, not on AWS.
    """

    def __init__(self, folder: Path, contexts: Sequence[str], *, local: bool) -> None:
        self.contexts = tuple(contexts)
        self.local = local
        self.project_file = folder / "agc-project.yaml"
        self.pause = 0.5 if local else 10.0
        self._folder = folder
        for name in _FILES:
            shutil.copy(HERE / name, folder)
        self._write({})
        self._cloud = LocalCloud.of_project(self.project_file)
        if local:
            self._cloud.start()

    @property
    def stacks(self) -> list[str]:
        """The names of the stacks."""
        project = load_project(self.project_file)
        return [f"{project.name}-core", *(project.stack_name(name) for name in self.contexts)]

    def client(self, service: str) -> Any:
        """The boto3 client of a service."""
        return client_of(self.project_file, local=self.local)(service)

    def existing(self) -> list[str]:
        """Which of the stacks are there."""
        return [name for name in self.stacks if name in deployed_stacks(self.client)]

    def engine(self, context: str) -> str:
        """The engine of a context."""
        return load_project(self.project_file).contexts[context].engine.engine

    def deploy(self, more: Mapping[str, Any] | None = None) -> None:
        """Deploy, with more keys in every context."""
        self._write(more or {})
        if self.local:
            LocalDeployment(self._cloud, self.project_file).deploy(self.contexts)
        else:
            self._cdk("deploy", "--all", "--concurrency", "5", "--require-approval", "never")

    def destroy(self) -> None:
        """Destroy the stacks, with their data."""
        if self.local:
            LocalDeployment(self._cloud, self.project_file).destroy(())
        else:
            self._cdk("destroy", "--all", "--force")

    def left(self) -> list[str]:
        """What is still there of the stacks, after they are gone."""
        found = self.existing()
        pages = self.client("batch").get_paginator("describe_job_definitions").paginate(status="ACTIVE")
        names = [one["jobDefinitionName"] for page in pages for one in page["jobDefinitions"]]
        found += [name for name in names if name.startswith("Smoke")]
        if not self.local:
            tagged = [{"Key": "aws:cloudformation:stack-name", "Values": self.stacks}]
            pages = self.client("resourcegroupstaggingapi").get_paginator("get_resources").paginate(TagFilters=tagged)
            found += [one["ResourceARN"] for page in pages for one in page["ResourceTagMappingList"]]
        return found

    def stop(self) -> None:
        """Stop the local cloud, if it is one."""
        if self.local:
            self._cloud.stop()

    def start(self, context: str, workflow: str, *inputs: str) -> Any:
        """Start a run, and return its record."""
        tags = prepare_local_context(self.project_file, context) if self.local else {}
        return submit(self._runs.target(context), workflow, inputs, tags=tags)

    def wait(self, context: str, record: Any, minutes: float = 60) -> RunView:
        """Wait for the end of a run."""
        target, deadline = self._runs.target(context), time.monotonic() + minutes * 60
        while not (view := self._runs.status(target, record)).state.ended:
            if time.monotonic() > deadline:
                self._runs.stop(target, record)
                message = f"the run {record.run_id} did not end in {minutes:g} minutes"
                raise AssertionError(message)
            time.sleep(self.pause)
        return view

    def state(self, context: str, record: Any) -> str:
        """How a run is doing now."""
        return str(self._runs.status(self._runs.target(context), record).state)

    @property
    def _runs(self) -> Runs:
        return Runs(self.project_file, local=self.local)

    def _write(self, more: Mapping[str, Any]) -> None:
        project = yaml.safe_load((HERE / "smoke.yaml").read_text(encoding="utf-8"))
        project["contexts"] = {name: {**project["contexts"][name], **more} for name in self.contexts}
        self.project_file.write_text(yaml.safe_dump(project, sort_keys=False), encoding="utf-8")

    def _cdk(self, *arguments: str) -> None:
        context = {
            "project": str(self.project_file),
            "bucketRemovalPolicy": "destroy",
            "terminationProtection": "false",
        }
        command = [
            str(REPOSITORY / "node_modules" / ".bin" / "cdk"),
            *arguments,
            *("--app", f"{sys.executable} -m workflow_stacks.app", "--output", str(self._folder / "cdk.out")),
            *(part for key, value in context.items() for part in ("-c", f"{key}={value}")),
        ]
        subprocess.run(command, check=True, cwd=REPOSITORY, env=os.environ)
