"""Workflows and inputs in S3, by their content: the same content has the same address, so that caches know it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workflow_context.pbs.fetch import MAX_BYTES, MAX_FILES
from workflow_stacks.errors import WorkflowContextError

_PART_BYTES = 1 << 20
_LEFT_OUT = frozenset({"work", "results", "cdk.out", "node_modules", "__pycache__"})


class WorkflowInputError(WorkflowContextError):
    """The workflow or its inputs cannot be used."""


@dataclass(frozen=True)
class Stage:
    """A folder in S3 that jobs of a context can read.

    Attributes:
        s3: The boto3 client.
        folder: Its address, with a final slash.
        within: The folder of this machine outside of which no file is uploaded. Default: any file may be.
    """

    s3: Any
    folder: str
    within: Path | None = None

    def put(self, content: bytes, name: str) -> str:
        """Keep content, and return its address."""
        return self._put(f"{hashlib.sha256(content).hexdigest()[:16]}/{name}", content)

    def put_file(self, file: Path) -> str:
        """Upload a file of this machine, of any size, unless it is there, and return its address.

        Raises:
            WorkflowInputError: It cannot be read or uploaded, or lies where none may be uploaded from.
        """
        from boto3.exceptions import S3UploadFailedError

        self._check(file)

        bucket, key = split(f"{self.folder}{digest_of(file)}/{file.name}")
        try:
            if not exists(self.s3, bucket, key):
                self.s3.upload_file(str(file), bucket, key)
        except (OSError, S3UploadFailedError) as error:
            raise WorkflowInputError(f"{file} cannot be uploaded: {error}") from error
        return f"s3://{bucket}/{key}"

    def put_folder(self, files: Mapping[str, Path]) -> str:
        """Upload files beside each other, in a folder that all their contents name, and return its address.

        Args:
            files: The path of each in the folder, and the file.

        Returns:
            The address of the folder, with a final slash.
        """
        for file in files.values():
            self._check(file)
        digests = {name: digest_of(file) for name, file in sorted(files.items())}
        text = "".join(f"{name}\n{digest}\n" for name, digest in digests.items())
        folder = f"{self.folder}{hashlib.sha256(text.encode()).hexdigest()[:16]}/"
        bucket, prefix = split(folder)
        there = keys_below(self.s3, bucket, prefix)
        for name, file in sorted(files.items()):
            if f"{prefix}{name}" not in there:
                self.s3.upload_file(str(file), bucket, f"{prefix}{name}")
        return folder

    def put_directory(self, directory: Path) -> str:
        """Upload a directory that is data, whole, and return its address, with a final slash.

        Raises:
            WorkflowInputError: It lies where nothing may be uploaded from; then nothing in it is looked at.
        """
        self._check(directory)
        return self.put_folder(all_files_below(directory, follow_links=self.within is None))

    def put_workflow(self, files: Mapping[str, Path], main: str) -> str:
        """Upload files beside each other, and return the address of the main one, with which head jobs bring them all.

        Args:
            files: The path of each in the folder, and the file.
            main: The path of the main one. What it names may lie above it.
        """
        return f"{self.put_folder(files)}{'#' if '/' in main else ''}{main}"

    def _check(self, file: Path) -> None:
        if self.within is not None and not file.resolve().is_relative_to(self.within.resolve()):
            raise WorkflowInputError(f"{file} is a file of the server: attach the file, or give its address in S3")

    def _put(self, name: str, content: bytes) -> str:
        bucket, key = split(f"{self.folder}{name}")
        self.s3.put_object(Bucket=bucket, Key=key, Body=content)
        return f"s3://{bucket}/{key}"


def exists(s3: Any, bucket: str, key: str) -> bool:
    """Whether there is an object. HeadObject says 403 to those who may list the bucket only below a prefix."""
    found = s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("Contents", [])
    return any(one["Key"] == key for one in found)


def keys_below(s3: Any, bucket: str, prefix: str) -> set[str]:
    """The keys that begin with a prefix: a request for a thousand of them, and not one for each."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return {one["Key"] for page in pages for one in page.get("Contents", [])}


def digest_of(file: Path) -> str:
    """What names the content of a file."""
    digest = hashlib.sha256()
    with file.open("rb") as content:
        while part := content.read(_PART_BYTES):
            digest.update(part)
    return digest.hexdigest()[:16]


def files_below(root: Path) -> dict[str, Path]:
    """The files of a workflow, by their paths in its folder; not hidden ones, nor what runs left there.

    Raises:
        WorkflowInputError: There are too many: it lies beside something else.
    """
    found: dict[str, Path] = {}
    size = 0
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(one for one in folders if not one.startswith(".") and one not in _LEFT_OUT)
        for file in (Path(folder, name) for name in sorted(names) if not name.startswith(".")):
            if file.is_file():
                found[str(file.relative_to(root))] = file
                size += file.stat().st_size
        if len(found) > MAX_FILES or size > MAX_BYTES:
            raise WorkflowInputError(
                f"{root} holds more than {MAX_FILES} files or {MAX_BYTES // 10**6} MB, and all would be uploaded: "
                "give the workflow a folder of its own, or keep its data in S3"
            )
    return found


def all_files_below(folder: Path, *, follow_links: bool = True) -> dict[str, Path]:
    """All files of a folder that is data, also hidden ones, by their paths in it.

    Args:
        folder: The folder.
        follow_links: Whether folders that links lead to belong to it.
    """
    found: dict[str, Path] = {}
    for place, folders, names in os.walk(folder, followlinks=follow_links):
        here = Path(place)
        above = {one.resolve() for one in (here, *here.parents)}  # a link to one of them would never end
        folders[:] = [one for one in sorted(folders) if (here / one).resolve() not in above]
        files = (here / name for name in sorted(names))
        found |= {str(file.relative_to(folder)): file for file in files if file.is_file()}
    return found


def split(address: str) -> tuple[str, str]:
    """Bucket and key of an `s3://` address."""
    bucket, _, key = address.removeprefix("s3://").partition("/")
    return bucket, key
