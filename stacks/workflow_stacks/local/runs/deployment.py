"""A project deployed on a local cloud, from its file to what really stands there."""

import fcntl
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from workflow_stacks.local.cloud.cdk_cli import CdkCli
from workflow_stacks.local.cloud.process import LocalCloud, LocalCloudError
from workflow_stacks.local.cloud.resources import deployed_stacks, stack_resources
from workflow_stacks.project import Project, find_context, validate_project

from .progress import Progress

CONTEXT_NEEDS = (
    "fileSystems",
    "mountTargets",
    "accessPoints",
    "computeEnvironments",
    "jobQueues",
    "jobDefinitions",
)
CORE_NEEDS = ("vpcs", "buckets")


class LocalDeployment:
    """Deploys, compares and destroys the contexts of a project on a local cloud.

    Args:
        cloud: The local cloud; `deploy` starts it when it is not up.
        project_file: The project file.
        progress: Who tells how it goes. Default: lines on stderr.
        user: The namespace of the contexts, as `cdk deploy -c user=` has it. Default: none.
    """

    def __init__(
        self, cloud: LocalCloud, project_file: Path, progress: Progress | None = None, *, user: str = ""
    ) -> None:
        self.cloud = cloud
        self.project_file = project_file.resolve()
        self._user = user
        self._progress = progress or Progress()

    def deploy(self, contexts: Sequence[str]) -> None:
        """Deploy the named contexts, or all, with what they share."""
        project = self._project(contexts)
        if self.cloud.status() is None:
            self._progress.say("Starting the local cloud")
        server = self.cloud.start()
        self._progress.say(f"The local cloud answers at {server.endpoint}")
        with self._alone(), ended_by_signals():
            self._deploy(project, contexts)

    def _deploy(self, project: Project, contexts: Sequence[str]) -> None:
        cli = self._cli(project, contexts)
        if cli.bootstrap(self._progress.hear):
            self._progress.say("The account is bootstrapped (cdk bootstrap)")
        self._progress.say(f"Deploying (cdk deploy); its whole log: {cli.log_file}")
        cli.deploy(self._stacks(project, contexts) or ("--all",), self._progress.hear)
        self._progress.say("Deployed")

    def diff(self, contexts: Sequence[str]) -> tuple[bool, str]:
        """Compare the named contexts, or all, with what is deployed."""
        project = self._project(contexts)
        return self._cli(project, contexts).diff(self._stacks(project, contexts))

    def destroy(self, contexts: Sequence[str]) -> None:
        """Destroy the named contexts; without names all, and what they share."""
        project = self._project(contexts)
        self.cloud.server()
        with self._alone(), ended_by_signals():
            cli = self._cli(project, contexts)
            self._progress.say("Destroying (cdk destroy)")
            cli.destroy(self._stacks(project, contexts) or ("--all",), self._progress.hear)
        self._progress.say("Destroyed")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One deployment of a project at a time: two would take stacks from under each other."""
        with (self.cloud.state_dir / "deploy.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self._progress.say("Waiting for another deployment of this project to end")
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def kept_buckets(self) -> list[str]:
        """The buckets that stay although no stack owns them any more."""
        owned = {
            bucket["name"]
            for stack in deployed_stacks(self.cloud.client)
            for bucket in stack_resources(self.cloud.client, stack)["buckets"]
        }
        found = [bucket["Name"] for bucket in self.cloud.client("s3").list_buckets()["Buckets"]]
        return [name for name in found if name not in owned and not name.startswith("cdk-")]

    def check_complete(self) -> None:
        """Fail unless every context of the project really stands, as the file says."""
        project = self._project(())
        missing = self._missing(f"{project.name}-core", CORE_NEEDS)
        for context in project.contexts:
            missing += self._missing(project.stack_name(context, self._user), CONTEXT_NEEDS)
        if missing:
            raise LocalCloudError("Not everything is there:\n" + "\n".join(missing))

    def _missing(self, stack: str, needs: Sequence[str]) -> list[str]:
        if stack not in deployed_stacks(self.cloud.client):
            return [f"  {stack}: the stack"]
        facts = stack_resources(self.cloud.client, stack)
        missing = [f"  {stack}: {kind}" for kind in needs if not facts[kind]]
        if not facts["status"].endswith("_COMPLETE") or "ROLLBACK" in facts["status"]:
            missing.append(f"  {stack}: it is {facts['status']}")
        return missing

    def _project(self, contexts: Sequence[str]) -> Project:
        project, _ = validate_project(self.project_file, contexts or None)
        for name in contexts:
            find_context(project, name)
        return project

    def _stacks(self, project: Project, contexts: Sequence[str]) -> list[str]:
        return [project.stack_name(name, self._user) for name in contexts]

    def _cli(self, project: Project, contexts: Sequence[str]) -> CdkCli:
        # `destroy` is asked for by name here, and what it deletes was made for a local run.
        context = {"project": str(self.project_file), "terminationProtection": "false"}
        if self._user:
            context["user"] = self._user
        if contexts:
            # What is deployed already stays defined, so that the shared stack keeps what it gives to it.
            deployed = deployed_stacks(self.cloud.client)
            also = [name for name in project.contexts if project.stack_name(name, self._user) in deployed]
            context["context"] = ",".join(dict.fromkeys([*contexts, *also]))
        return CdkCli(self.cloud, context=context, search=(Path.cwd(), self.project_file.parent))


@contextmanager
def stopped_at_the_end(cloud: LocalCloud) -> Iterator[None]:
    """Stop the cloud whatever happens: an error, Ctrl-C, or a request to terminate."""
    with ended_by_signals():
        try:
            yield
        finally:
            cloud.stop()


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Clean up as after Ctrl-C when somebody asks to terminate, or the terminal is closed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: dict[int, Any] = {number: signal.signal(number, _interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
