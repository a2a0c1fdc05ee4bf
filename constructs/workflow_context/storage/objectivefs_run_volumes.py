"""Directories for single runs on ObjectiveFS, which machines mount: a job binds one, and sees nothing above it."""

from collections.abc import Sequence

from aws_cdk import aws_batch as batch, aws_iam as iam
from typing_extensions import override

from .base import WorkflowFileSystem
from .run_volumes import RunVolumes


class ObjectiveFsRunVolumes(RunVolumes):
    """Directories below `storage` of a mounted file system.

    Args:
        file_system: The file system.
        expected_size_tb: How large a directory becomes, in TB.
    """

    kind = "ofs"

    def __init__(self, file_system: WorkflowFileSystem, expected_size_tb: float) -> None:
        self.whole = _Directory(file_system, "RunVolumes")
        self.expected_size_tb = expected_size_tb

    @override
    def grant_provision(self, grantee: iam.IGrantable) -> None:
        """Nothing is made but a record: the directory comes with the first job."""

    @override
    def grant_use(self, grantee: iam.IGrantable) -> None:
        """Jobs see a directory of their machine, and need no right."""

    @override
    def grant_remove(self, grantee: iam.IGrantable) -> None:
        """The job that deletes a directory sees it, and there is nothing else."""


class _Directory(WorkflowFileSystem):
    """The directory of the machine that holds the directories."""

    def __init__(self, file_system: WorkflowFileSystem, id: str) -> None:
        super().__init__(file_system, id)
        self._whole = file_system
        self._path = str(file_system.mount_path)

    @property
    @override
    def work_directory(self) -> str:
        return self._path

    @override
    def grant_read(self, grantee: iam.IGrantable) -> iam.Grant:
        return self._whole.grant_read(grantee)

    @override
    def grant_read_write(self, grantee: iam.IGrantable) -> iam.Grant:
        return self._whole.grant_read_write(grantee)

    @override
    def volumes(self, *, on_fargate: bool) -> Sequence[batch.EcsVolume]:
        host = f"{self._path}/storage"
        return [batch.EcsVolume.host(name="objectivefs", container_path=self._path, host_path=host)]

    @override
    def outputs(self) -> dict[str, str]:
        return {}
