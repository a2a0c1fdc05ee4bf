"""This machine as the host of a context: what runs of workflows on the local cloud need of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from workflow_stacks.local.batch.attempts import host_path, host_software
from workflow_stacks.local.batch.volumes import Volumes
from workflow_stacks.local.cloud.process import LocalCloud, LocalCloudError
from workflow_stacks.local.cloud.resources import deployed_stacks
from workflow_stacks.local.engines import ENGINES
from workflow_stacks.local.engines.base import LocalEngine
from workflow_stacks.local.sandboxes import CannotRunError, Sandbox, find_sandbox
from workflow_stacks.project import Project, find_context, load_project
from workflow_stacks.stack_outputs import stack_outputs

from .deployment import LocalDeployment
from .options import Options
from .progress import Progress

Record = dict[str, Any]


class Host:
    """This machine, for a context of a project.

    Args:
        cloud: The local cloud; started and deployed to when it is not there.
        project_file: The project file.
        context: The name of the context.
        progress: Who tells how it goes. Default: lines on stderr.
        user: The namespace of the context, as `cdk deploy -c user=` has it. Default: none.

    Raises:
        WorkflowContextError: There is no such context, its engine does not run here, or nothing can.
    """

    def __init__(
        self, cloud: LocalCloud, project_file: Path, context: str, progress: Progress | None = None, *, user: str = ""
    ) -> None:
        self.cloud = cloud
        self._progress = progress or Progress()
        self._project_file = project_file
        self._context = context
        self._user = user
        self._project: Project = load_project(project_file)
        described = find_context(self._project, context)
        name = described.engine.engine
        self._mount_path = described.kind.mount_path
        if name not in ENGINES:
            raise LocalCloudError(f"{name} does not run on the local cloud yet; {', '.join(ENGINES)} can.")
        self._engine: LocalEngine = ENGINES[name]
        self.sandbox: Sandbox = find_sandbox()

    def check_programs(self, software: Sequence[Path]) -> None:
        """Fail when the programs of head jobs are not on this machine.

        Args:
            software: More directories where they may be.

        Raises:
            CannotRunError: Some are missing; the message says how to get them.
        """
        if obstacle := self._engine.obstacle(self._mount_path, software):
            raise CannotRunError(obstacle)
        if self.sandbox.runs_images:
            return
        needed = self._engine.programs.items()
        missing = sorted({package for program, package in needed if not _which(program, software)})
        if missing:
            raise CannotRunError(f"The head job needs programs that are not here: {self._engine.how_to_get(missing)}")

    def deploy(self) -> None:
        """Start the local cloud and deploy the context, unless that is done; give its machines what they boot with."""
        if self.cloud.status() is None:
            self._progress.say("Starting the local cloud")
            self.cloud.start()
        if self._stack not in deployed_stacks(self.cloud.client):
            deployment = LocalDeployment(self.cloud, self._project_file, self._progress, user=self._user)
            deployment.deploy([self._context])
        self.equip()

    def equip(self) -> None:
        """Give the machines of the context, which is deployed, what they boot with."""
        queues = [arn for name, arn in self._outputs.items() if name.startswith("TaskQueue")]
        for environment in chain.from_iterable(map(self._environments, queues)):
            self._volumes().equip(environment, self._engine.machine_files())

    def directory(self) -> tuple[Path, str] | None:
        """The directory that stands for the file system, and where jobs find it; None when they mount none."""
        outputs = self._outputs
        container = self._head_container(outputs)
        if not container.get("mountPoints"):
            return None
        [environment, *_] = self._environments(outputs["HeadQueue"])
        scratch = self.cloud.state_dir / "scratch" / "stage"
        [mount, *_], _ = self._volumes().of_job(container, environment, scratch)
        return mount.source, mount.target

    def what_stands_in(self, software: Sequence[Path]) -> Iterator[str]:
        """Tell what jobs really run in, and what programs stand in for those of their images."""
        if self.sandbox.runs_images:
            yield f"Jobs run in their images, by {self.sandbox.name}"
            return
        yield (
            f"Jobs run in sandboxes ({self.sandbox.name}): mounts, user, environment, logs and limits are those of "
            "their definitions. Images are not used, nor is memory limited:"
        )
        found = ", ".join(str(_which(program, software)) for program in self._engine.programs)
        yield f"  instead of {self._head_container(self._outputs)['image']}: {found}"
        yield "  instead of the images of tasks: what this machine has in /usr, and the same directories"

    @property
    def _stack(self) -> str:
        return self._project.stack_name(self._context, self._user)

    @property
    def _outputs(self) -> Mapping[str, str]:
        return stack_outputs(self.cloud.client, self._stack)

    def _head_container(self, outputs: Mapping[str, str]) -> Record:
        arn = outputs["HeadJobDefinition"]
        [found] = self.cloud.client("batch").describe_job_definitions(jobDefinitions=[arn])["jobDefinitions"]
        container: Record = found["containerProperties"]
        return container

    def _volumes(self) -> Volumes:
        efs, ec2 = self.cloud.client("efs"), self.cloud.client("ec2")
        return Volumes(
            self.cloud.state_dir,
            lambda _: True,
            lambda id_: efs.describe_access_points(AccessPointId=id_)["AccessPoints"][0],
            lambda id_: _user_data(ec2.describe_launch_template_versions(LaunchTemplateId=id_, Versions=["$Latest"])),
        )

    def _environments(self, queue: str) -> list[Record]:
        """The compute environments of a queue, the first one first."""
        batch = self.cloud.client("batch")
        [found] = batch.describe_job_queues(jobQueues=[queue])["jobQueues"]
        names = [one["computeEnvironment"] for one in found["computeEnvironmentOrder"]]
        environments: list[Record] = batch.describe_compute_environments(computeEnvironments=names)[
            "computeEnvironments"
        ]
        return environments


def prepare_local_context(
    project_file: Path, context: str, software: Sequence[Path] = (), *, user: str = ""
) -> Mapping[str, str]:
    """Start the local cloud and deploy a context to it, unless that is done; give its machines what they boot with.

    Args:
        project_file: The project file.
        context: The name of the context.
        software: Directories of programs that jobs may use.
        user: The namespace of the context. Default: none.

    Returns:
        Tags for the head job, by which the local cloud knows of them.

    Raises:
        WorkflowContextError: There is no such context, or this machine cannot run its engine.
    """
    host = Host(LocalCloud.of_project(project_file), project_file, context, user=user)
    host.check_programs(software)
    host.deploy()
    return Options(software=tuple(software)).tags()


def equip_local_context(project_file: Path, context: str, *, user: str = "") -> None:
    """Give the machines of a context that is deployed what they boot with.

    Args:
        project_file: The project file.
        context: The name of the context.
        user: The namespace of the context. Default: none.

    Raises:
        WorkflowContextError: The context is not deployed, or this machine cannot run jobs.
    """
    Host(LocalCloud.of_project(project_file), project_file, context, user=user).equip()


def _which(program: str, software: Sequence[Path]) -> str | None:
    folders = host_software(":".join(str(folder.resolve()) for folder in software))
    return shutil.which(program, path=host_path(folders))


def _user_data(answer: Mapping[str, Any]) -> str:
    """The user data of the one version of a launch template that EC2 was asked for."""
    [version] = answer["LaunchTemplateVersions"]
    return str(version["LaunchTemplateData"].get("UserData", ""))
