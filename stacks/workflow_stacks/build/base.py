"""The contract that the builder of every kind keeps."""

from __future__ import annotations

import abc
from typing import Generic, TypeVar

import aws_cdk as cdk
from constructs import Construct

from workflow_context.network import Placement
from workflow_context.s3_location import S3Location
from workflow_context.storage.base import WorkflowFileSystem
from workflow_stacks.project.file_systems.kind import FileSystemSettings

REMOVAL_POLICIES = {"destroy": cdk.RemovalPolicy.DESTROY, "retain": cdk.RemovalPolicy.RETAIN}

S = TypeVar("S", bound=FileSystemSettings)


class FileSystemBuilder(abc.ABC, Generic[S]):
    """Defines the file system that a project file describes.

    Attributes:
        settings: What the project file says of it.
    """

    def __init__(self, settings: S) -> None:
        self.settings = settings

    def placement(self, network: Placement) -> Placement:
        """Return where the jobs of the context may run: everywhere, unless the kind is bound to a zone.

        Args:
            network: Where the network lets jobs run.
        """
        return network

    @abc.abstractmethod
    def build(
        self, scope: Construct, id: str, *, placement: Placement, place: S3Location, host_mounted: bool
    ) -> WorkflowFileSystem:
        """Define the file system.

        Args:
            scope: Where the construct lives.
            id: Its name there.
            placement: Where the jobs run that will use it.
            place: The context's own place in the project's bucket, for kinds that keep intermediates in S3.
            host_mounted: Whether instances must mount it at boot, because the engine's tasks bind directories of the
                machine; for kinds that job definitions can mount.
        """

    def expiry(self) -> cdk.Duration | None:
        """Return how long runs are kept after the last write: for ever, unless the kind has an `expirationHours`."""
        return None
