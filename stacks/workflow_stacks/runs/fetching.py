"""Workflows that are not on this machine as files: archives, folders in S3, repositories. Each is put into a folder."""

from __future__ import annotations

import shutil
import subprocess
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

from workflow_stacks.errors import WorkflowContextError

MAX_BYTES = 500_000_000
"""How much a workflow may hold that is fetched from elsewhere."""

_SECONDS = 60


class WorkflowSourceError(WorkflowContextError):
    """The workflow cannot be found or read."""


def unzip(archive: Path, folder: Path) -> None:
    """Unpack a zip archive into a folder.

    Raises:
        WorkflowSourceError: It is not a zip archive, or holds too much.
    """
    try:
        with zipfile.ZipFile(archive) as zipped:
            if sum(one.file_size for one in zipped.infolist()) > MAX_BYTES:
                raise WorkflowSourceError(f"{archive} holds more than {MAX_BYTES // 10**6} MB")
            zipped.extractall(folder)
    except (zipfile.BadZipFile, OSError) as error:
        raise WorkflowSourceError(f"{archive} is not a zip archive that can be read: {error}") from error


def download(address: str, file: Path) -> None:
    """Fetch what is at an address of the web.

    Raises:
        WorkflowSourceError: It cannot be fetched.
    """
    try:
        with urllib.request.urlopen(address, timeout=_SECONDS) as response, file.open("wb") as written:  # noqa: S310  http or https
            shutil.copyfileobj(response, written)
    except (urllib.error.URLError, OSError) as error:
        raise WorkflowSourceError(f"{address} cannot be fetched: {error}") from error


def copy_from_s3(address: str, folder: Path) -> None:
    """Fetch an archive; or all that lies in the folder that an address names, or beside the object that it names.

    Raises:
        WorkflowSourceError: It cannot be fetched, or is too much.
    """
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    bucket, _, key = address.removeprefix("s3://").partition("/")
    prefix = key if key.endswith("/") or not key else key[: key.rfind("/") + 1]
    try:
        s3 = boto3.client("s3")
        for one in [key] if key.endswith(".zip") else _keys(s3, bucket, prefix):
            target = (folder / one.removeprefix(prefix)).resolve()
            if not target.is_relative_to(folder.resolve()):
                raise WorkflowSourceError(f"s3://{bucket}/{one} has a key that leads out of its folder")
            target.parent.mkdir(parents=True, exist_ok=True)
            s3.download_file(bucket, one, str(target))
    except (BotoCoreError, ClientError) as error:
        raise WorkflowSourceError(f"{address} cannot be fetched: {error}") from error


def _keys(s3: Any, bucket: str, prefix: str) -> list[str]:
    found: list[str] = []
    size = 0
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for one in page.get("Contents", []):
            size += one["Size"]
            if not one["Key"].endswith("/"):
                found.append(one["Key"])
        if size > MAX_BYTES:
            raise WorkflowSourceError(
                f"s3://{bucket}/{prefix} holds more than {MAX_BYTES // 10**6} MB, and all of it would be copied: "
                "give the workflow a folder of its own"
            )
    return found


def clone(address: str, revision: str, folder: Path) -> None:
    """Clone a git repository at a revision, without its history.

    Args:
        address: The address of the repository.
        revision: A branch, a tag or a commit; empty for the default branch.
        folder: An empty folder.

    Raises:
        WorkflowSourceError: git is not installed, or cannot clone it.
    """
    git = shutil.which("git")
    if git is None:
        raise WorkflowSourceError(f"{address}: git is not installed on this machine")
    for words in (
        ["init", "--quiet"],
        ["fetch", "--quiet", "--depth=1", address, revision or "HEAD"],
        ["checkout", "--quiet", "FETCH_HEAD"],
    ):
        command = [git, "-C", str(folder), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        if done.returncode:
            raise WorkflowSourceError(f"{address} cannot be cloned: {done.stderr.strip()}")
