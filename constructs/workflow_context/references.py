"""File systems that the jobs of a context read beside the one that they work on."""

import re
from dataclasses import dataclass

from aws_cdk import aws_batch as batch

from .storage.base import WorkflowFileSystem

_PATH = re.compile(r"(/[A-Za-z0-9_][A-Za-z0-9._-]*)+")


@dataclass(frozen=True)
class Reference:
    """A directory that head jobs and task jobs find at a path of its own, and can only read.

    It is a second file system, or another directory of the one that they work on
    (`EfsFileSystem.add_access_point("References", path="/references")`). Jobs reach it by its access point, with a
    right to mount and to read, and the mount is read-only too; nothing above that directory can be seen.

    Attributes:
        storage: The file system, by the access point of the directory: an `EfsFileSystem`, made here or existing.
        path: Where jobs find it, such as `/mnt/references`.

    Raises:
        ValueError: The path is not absolute, or has parts such as `..`.
    """

    storage: WorkflowFileSystem
    path: str

    def __post_init__(self) -> None:
        if not _PATH.fullmatch(self.path):
            message = f"path must be an absolute path such as /mnt/references, got {self.path!r}"
            raise ValueError(message)

    @property
    def volume(self) -> batch.EcsVolume:
        """The volume that a job definition carries."""
        return self.storage.reference_volume(self.path.strip("/").replace("/", "-").replace(".", "_"), self.path)

    def overlaps(self, path: str) -> bool:
        """Whether one of two paths lies in the other.

        Args:
            path: The other path.
        """
        one, other = f"{self.path}/", f"{path.rstrip('/')}/"
        return one.startswith(other) or other.startswith(one)
