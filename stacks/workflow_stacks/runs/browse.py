"""What is on the file system of a deployed context: by a job where it is mounted, else from its bucket."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from workflow_context.scripts.browse import MOST_BYTES, MOST_LINES, NothingToShowError, entry, text
from workflow_stacks.errors import WorkflowContextError

from .chores import answer_of
from .staging import split
from .target import Target

_JOB = "browse"


def browse(target: Target, path: str, mode: str, lines: int) -> list[str]:
    """What is asked, in lines.

    Args:
        target: The context.
        path: From the mount path or the work directory on, or a path below it; an `s3://` address is read from there.
        mode: `list`, `show` or `tail`.
        lines: How many lines at most.

    Raises:
        WorkflowContextError: There is no such file, it is no text, or AWS refuses.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    if path.startswith("s3://") or "MountPath" not in target.outputs:
        address = path if path.startswith("s3://") else f"{_work_directory(target)}/{path.strip('/')}".rstrip("/")
        try:
            return _of_bucket(target.client("s3"), address, mode, lines)
        except NothingToShowError as error:
            raise WorkflowContextError(str(error)) from error
        except (BotoCoreError, ClientError) as error:
            raise WorkflowContextError(f"{address} cannot be read: {error}") from error
    if "BrowseJobDefinition" not in target.outputs:
        raise WorkflowContextError(
            f"the context {target.name!r} has no job that shows its file system. Write 'browse: true' and deploy it"
        )
    said = answer_of(
        target,
        target.outputs["BrowseJobDefinition"],
        _JOB,
        {"mode": mode, "path": path or ".", "lines": str(lines)},
    )
    wrong = [line[1:] for line in said if line.startswith("!")]
    if wrong:
        raise WorkflowContextError("; ".join(wrong))
    return [line[1:] for line in said if line.startswith("|")]


def _work_directory(target: Target) -> str:
    found = target.outputs.get("WorkDirectory")
    if found is None:
        raise WorkflowContextError(f"the context {target.name!r} does not say where its work directory is")
    return found.rstrip("/")


def _of_bucket(s3: Any, address: str, mode: str, lines: int) -> list[str]:
    if mode != "list":
        return _text(s3, address, mode, lines)
    found: list[str] = []
    for one in _listed(s3, address):
        if len(found) == MOST_LINES:
            return [*found, "... and more"]
        found.append(one)
    if not found:
        raise NothingToShowError(f"there is nothing at {address}")
    return found


def _text(s3: Any, address: str, mode: str, lines: int) -> list[str]:
    from botocore.exceptions import ClientError

    bucket, key = split(address)
    try:
        size = int(s3.head_object(Bucket=bucket, Key=key)["ContentLength"])
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("404", "NoSuchKey"):
            raise
        raise NothingToShowError(f"there is no object {address}; without --show it is listed") from error
    first = max(size - MOST_BYTES, 0) if mode == "tail" else 0
    part = {"Range": f"bytes={first}-{first + MOST_BYTES - 1}"} if size else {}
    content = s3.get_object(Bucket=bucket, Key=key, **part)["Body"].read()
    return text(address, content, size, min(lines, MOST_LINES), from_end=mode == "tail")


def _listed(s3: Any, address: str) -> Iterator[str]:
    """The folder, or the object itself where there is one of this name."""
    bucket, key = split(address)
    prefix = f"{key.rstrip('/')}/" if key else ""
    pages = s3.get_paginator("list_objects_v2")
    for page in pages.paginate(Bucket=bucket, Prefix=prefix, Delimiter="/"):
        for folder in page.get("CommonPrefixes", []):
            yield entry(0, 0, folder["Prefix"].removeprefix(prefix)).replace("1970-01-01 00:00", " " * 16)
        for one in page.get("Contents", []):
            if one["Key"] != prefix:
                yield entry(one["Size"], one["LastModified"].timestamp(), one["Key"].removeprefix(prefix))
    if key and not key.endswith("/"):
        for one in s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("Contents", []):
            if one["Key"] == key:
                yield entry(one["Size"], one["LastModified"].timestamp(), key.rpartition("/")[2])
