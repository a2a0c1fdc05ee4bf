"""A job that shows what is on the shared file system of a context."""

import aws_cdk as cdk
from constructs import Construct

from .context import WorkflowContext
from .engines.rights import container_role
from .nag import acknowledge_policies
from .s3_location import S3_WILDCARD
from .scripts import read_script

IMAGE = "public.ecr.aws/docker/library/python:3.13-slim"


class FileBrowser(Construct):
    """A job on the head queue that lists a directory of the file system, or shows a file or its end.

    For a look inside where no `DebugInstance` is wanted: nothing runs between two looks. `workflow-context browse`
    submits the job and prints what it writes to the log of the context. Where there is nothing to mount (S3), the
    bucket itself is read.

    Args:
        scope: Where the construct lives.
        id: Its name there.
        context: The context.

    Attributes:
        job_definition: The job: parameters `mode` (`list`, `show` or `tail`), `path` (from the mount path on) and
            `lines`.

    Raises:
        ValueError: The file system is not mounted anywhere.

    Security considerations:
        The job has a role of its own, which may mount the file system and read, and nothing else; its mount is
        read-only too. Who may submit it (`WorkflowContext.grant_submit` does not include it) reads all that jobs wrote,
        and what it shows is in the log of the context, for as long as that is kept. Links that lead out of the file
        system are not followed.

    Cost:
        Nothing idle; a look takes a Fargate task of a minute, 0.001 USD (us-east-1). Where head jobs run on EC2, it
        takes a machine of theirs.
    """

    def __init__(self, scope: Construct, id: str, *, context: WorkflowContext) -> None:
        super().__init__(scope, id)
        engine, storage = context.engine, context.storage
        if storage.mount_path is None:
            message = f"{type(storage).__name__} is not mounted anywhere; read {storage.work_directory} instead"
            raise ValueError(message)
        role = container_role(self, "Role", "Reads the file system of the workflow context")
        storage.grant_read(role)
        container = engine.head_container(
            "BrowseContainer",
            image=IMAGE,
            command=[
                *("python3", "-I", "-c", read_script("browse.py"), storage.mount_path),
                *("Ref::mode", "Ref::path", "Ref::lines"),
            ],
            environment={},
            cpu=1,
            memory=cdk.Size.gibibytes(2),
            role=role,
        )
        self.job_definition = engine.new_job_definition(
            "Browse",
            container,
            parameters={"mode": "list", "path": ".", "lines": "100"},
            timeout=cdk.Duration.hours(1),
        )
        storage.mount_read_only(self.job_definition)
        acknowledge_policies(self, {"s3:": S3_WILDCARD})

    def outputs(self) -> dict[str, str]:
        """What a user wants to know once it is deployed: name to value, for stack outputs."""
        return {"BrowseJobDefinition": self.job_definition.job_definition_arn}
