"""Where outputs can be read: in S3, or, on the local cloud, on the directory that stands for a file system."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from workflow_stacks.errors import WorkflowContextError

from .engines.base import Store
from .staging import split
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
        try:
            content: bytes = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        except self.s3.exceptions.NoSuchKey:
            return None
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
        """Read a file; None when there is none."""
        file = Path(address) if Path(address).is_relative_to(self.folder) else self._here(address)
        return file.read_bytes() if file.is_file() else None

    def files(self, folder: str, since: float) -> Mapping[str, str]:
        """The files in a folder that were written since a moment, by their paths on this machine."""
        root = self._here(folder)
        return {
            str(file.relative_to(root)): str(file)
            for file in sorted(root.rglob("*"))
            if file.is_file() and file.stat().st_mtime >= since
        }

    def _here(self, path: str) -> Path:
        return self.folder / PurePosixPath(path).relative_to(self.mount)


def store_for(target: Target, outputs: str) -> Store:
    """What reads the outputs of a run.

    Raises:
        WorkflowContextError: They are on a file system that this machine cannot read.
    """
    if outputs.startswith("s3://"):
        return S3Store(target.client("s3"))
    if target.is_local:
        from workflow_stacks.local.runs.host import local_directory

        found = local_directory(target.project_file, target.name)
        if found is not None:
            return FolderStore(*found)
    raise WorkflowContextError(
        f"the outputs are on the file system of the context, in {outputs}, which this machine cannot read. "
        "Mount it on an instance, or let the workflow copy its results to S3"
    )
