"""Where outputs can be read: in S3, or, on the local cloud, on the directory that stands for a file system."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from workflow_context.pbs.outputs import Store
from workflow_stacks.errors import WorkflowContextError

from .staging import exists, split
from .target import Target


@dataclass(frozen=True)
class S3Store:
    """Objects in S3, by their addresses.

    Attributes:
        s3: The boto3 client.
    """

    s3: Any

    def read(self, address: str) -> bytes | None:
        """Read an object; None when there is none."""
        bucket, key = split(address)
        if not exists(self.s3, bucket, key):
            return None
        content: bytes = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return content

    def files(self, folder: str, since: float) -> Mapping[str, str]:
        """The objects in a folder that were written since a moment; S3 counts whole seconds."""
        bucket, prefix = split(folder)
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return {
            one["Key"].removeprefix(prefix): f"s3://{bucket}/{one['Key']}"
            for page in pages
            for one in page.get("Contents", [])
            if one["LastModified"].timestamp() >= int(since)
        }


@dataclass(frozen=True)
class FolderStore:
    """Files on the directory that stands for a file system, by the paths at which jobs find them.

    Attributes:
        folder: The directory here.
        mount: Where jobs find it.
    """

    folder: Path
    mount: str

    def read(self, address: str) -> bytes | None:
        """Read a file by its path, here or for jobs; None when there is none on this file system."""
        file = Path(self.here(address))
        if not file.is_relative_to(self.folder):
            return None
        return file.read_bytes() if file.is_file() else None

    def files(self, folder: str, since: float) -> Mapping[str, str]:
        """The files in a folder that were written since a moment, by their paths on this machine."""
        root = Path(self.here(folder))
        return {
            str(file.relative_to(root)): str(file)
            for file in sorted(root.rglob("*"))
            if file.is_file() and file.stat().st_mtime >= since
        }

    def here(self, path: str) -> str:
        """The path on this machine of what jobs find at a path; what is elsewhere stays as it is."""
        there = PurePosixPath(path)
        return str(self.folder / there.relative_to(self.mount)) if there.is_relative_to(self.mount) else path

    def used_bytes(self) -> int:
        """How much is on the file system; jobs may delete files meanwhile."""
        total = 0
        for folder, _, names in os.walk(self.folder):
            for name in names:
                with suppress(FileNotFoundError):
                    total += Path(folder, name).lstat().st_size
        return total


def s3_store(target: Target) -> S3Store:
    """What reads objects in S3."""
    return S3Store(target.client("s3"))


def store_for(target: Target, outputs: str) -> Store:
    """What reads the outputs of a run.

    Raises:
        WorkflowContextError: They are on a file system that this machine cannot read.
    """
    if outputs.startswith("s3://"):
        return s3_store(target)
    found = folder_of(target)
    if found is None:
        raise WorkflowContextError(
            f"the outputs are on the file system of the context, in {outputs}, which this machine cannot read. "
            "Mount it on an instance, or let the workflow copy its results to S3"
        )
    return found


def seen_from_here(outputs: Mapping[str, Any], target: Target) -> dict[str, Any]:
    """Outputs as they are found from this machine: on the local cloud, file systems are directories."""
    folder = folder_of(target)

    def here(value: Any) -> Any:
        if isinstance(value, list):
            return [here(one) for one in value]
        if isinstance(value, dict):
            return {key: here(one) for key, one in value.items()}
        return folder.here(value) if folder is not None and isinstance(value, str) else value

    return {name: here(value) for name, value in outputs.items()}


def folder_of(target: Target) -> FolderStore | None:
    """The directory that stands for the file system of a context of the local cloud; None elsewhere."""
    if target.cloud is None:
        return None
    from workflow_stacks.local.runs.host import Host

    found = Host(target.cloud, target.project_file, target.name, user=target.user).directory()
    return FolderStore(*found) if found is not None else None
