"""Directories for single runs on a workflow file system: what a kind says of them."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING

from aws_cdk import aws_iam as iam

if TYPE_CHECKING:
    from .base import WorkflowFileSystem

VOLUME_TAG, ACCESS_POINT_TAG = "workflow-storage", "workflow-access-point"
"""Tags of the roles of jobs that use a directory: its name, and on EFS the id of its access point."""


class RunVolumes(abc.ABC):
    """A directory of a file system that holds a directory for each run, apart from that of the context.

    Attributes:
        kind: The word of the kind in the calls of `StorageDispatcher`: `provision-storage-<kind>`.
        whole: The file system with that directory as its root, for the job that deletes what is in it.
        file_system_id: The EFS file system on which each directory has an access point; empty where they have none.
        expected_size_tb: How large a directory becomes, in TB, where that takes memory of the tasks; else 0.
    """

    kind: str
    whole: WorkflowFileSystem
    file_system_id: str = ""
    expected_size_tb: float = 0

    @abc.abstractmethod
    def grant_use(self, grantee: iam.IGrantable) -> None:
        """Allow jobs to read and write the directory that the tags of their own role name, and no other.

        Args:
            grantee: A policy that every role of such jobs has; see `ACCESS_POINT_TAG`.
        """

    @abc.abstractmethod
    def grant_provision(self, grantee: iam.IGrantable) -> None:
        """Allow to make what a directory needs.

        Args:
            grantee: Who may.
        """

    @abc.abstractmethod
    def grant_remove(self, grantee: iam.IGrantable) -> None:
        """Allow to delete it again.

        Args:
            grantee: Who may.
        """
