"""Where runs are: a deployed context, on AWS or on the local cloud, with the same API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workflow_stacks.errors import WorkflowContextError
from workflow_stacks.stack_outputs import stack_outputs

if TYPE_CHECKING:
    from workflow_stacks.local import LocalCloud
    from workflow_stacks.project import Context, Project

Client = Callable[[str], Any]


@dataclass(frozen=True)
class Target:
    """A context that is deployed.

    Attributes:
        client: Gives the boto3 client of a service.
        project: The project.
        project_file: The project file.
        name: The name of the context.
        user: The `user` it was deployed with; empty for none.
        outputs: The outputs of its stack.
        cloud: The local cloud that it is on; None on AWS.
    """

    client: Client
    project: Project
    project_file: Path
    name: str
    user: str
    outputs: Mapping[str, str]
    cloud: LocalCloud | None = None

    @property
    def is_local(self) -> bool:
        """Whether it is on a local cloud."""
        return self.cloud is not None

    @property
    def folder(self) -> Path:
        """The folder of the project file, from which its paths count."""
        return self.project_file.parent

    @property
    def context(self) -> Context:
        """What the project file says of it."""
        return self.project.contexts[self.name]

    @property
    def place(self) -> str:
        """Its place in S3, without a final slash."""
        return self.outputs["Outputs"].rstrip("/")

    @property
    def task_queues(self) -> tuple[str, ...]:
        """The queues of task jobs."""
        return tuple(arn for name, arn in self.outputs.items() if name.startswith(("TaskQueue", "FallbackQueue")))


def connect(project_file: Path, context: str, *, user: str = "", cloud: LocalCloud | None = None) -> Target:
    """Find a deployed context.

    Args:
        project_file: The project file.
        context: The name of the context.
        user: The `user` it was deployed with.
        cloud: The local cloud to look on. Default: AWS.

    Raises:
        WorkflowContextError: There is no such context, it is not deployed, or AWS cannot be asked.
    """
    from workflow_stacks.project import find_context, load_project

    project = load_project(project_file)
    find_context(project, context)
    client = cloud.client if cloud else aws_client()
    outputs = stack_outputs(client, project.stack_name(context, user))
    return Target(client, project, project_file.resolve(), context, user, outputs, cloud)


def connect_all(project_file: Path, *, user: str = "", cloud: LocalCloud | None = None) -> list[Target]:
    """Find the contexts of a project that are deployed, in the order of the file.

    Raises:
        WorkflowContextError: The project file is wrong, or AWS cannot be asked.
    """
    from workflow_stacks.project import load_project

    project = load_project(project_file)
    client = cloud.client if cloud else aws_client()
    deployed = deployed_stacks(client)
    return [
        Target(client, project, project_file.resolve(), name, user, deployed[stack].outputs, cloud)
        for name in project.contexts
        if (stack := project.stack_name(name, user)) in deployed and deployed[stack].outputs
    ]


@dataclass(frozen=True)
class Stack:
    """A stack of CloudFormation.

    Attributes:
        status: For example `CREATE_COMPLETE`.
        outputs: Its outputs: name to value.
        tags: Its tags.
    """

    status: str
    outputs: Mapping[str, str]
    tags: Mapping[str, str] = field(default_factory=dict)


def deployed_stacks(client: Client) -> dict[str, Stack]:
    """Every stack of the account and region, by its name.

    Raises:
        WorkflowContextError: AWS cannot be asked.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        pages = client("cloudformation").get_paginator("describe_stacks").paginate()
        return {
            stack["StackName"]: Stack(
                stack["StackStatus"],
                {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", [])},
                {one["Key"]: one["Value"] for one in stack.get("Tags", [])},
            )
            for page in pages
            for stack in page["Stacks"]
        }
    except (BotoCoreError, ClientError) as error:
        raise WorkflowContextError(
            f"cannot ask AWS which stacks are deployed: {error}. "
            "Set credentials and a region (AWS_PROFILE, AWS_DEFAULT_REGION), or use --local for the local cloud"
        ) from error


def is_denied(error: Exception) -> bool:
    """Whether AWS said that somebody may not do something."""
    code = getattr(error, "response", {}).get("Error", {}).get("Code", "")
    return code in ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")


def client_of(project_file: Path, *, local: bool) -> Client:
    """What gives the boto3 client of a service, for AWS or the local cloud of a project."""
    cloud = cloud_of(project_file) if local else None
    return cloud.client if cloud else aws_client()


def cloud_of(project_file: Path) -> LocalCloud:
    """The local cloud of a project."""
    from workflow_stacks.local import LocalCloud

    return LocalCloud.of_project(project_file)


def aws_client() -> Client:
    """What gives the boto3 client of a service of AWS; one client for each service."""
    import boto3

    session = boto3.Session()
    clients: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in clients:
            clients[service] = session.client(service)  # type: ignore[call-overload]  # any service, by its name
        return clients[service]

    return client


def credentials_of(target: Target) -> Any:
    """What signs requests that no client of boto3 makes, for AWS or the local cloud.

    Raises:
        WorkflowContextError: There are no credentials.
    """
    if target.is_local:
        from workflow_stacks.local import LocalCloud

        return LocalCloud.of_project(target.project_file).credentials()
    import boto3

    found = boto3.Session().get_credentials()
    if found is None:
        raise WorkflowContextError("there are no credentials: set AWS_PROFILE, or use --local for the local cloud")
    return found.get_frozen_credentials()
