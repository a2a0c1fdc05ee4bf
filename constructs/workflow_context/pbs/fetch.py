"""Copies a workflow in S3 to a directory, with what lies beside its main file: jobs look for it nowhere else."""

from __future__ import annotations

import calendar
import hashlib
import os
import posixpath
import shutil
import time
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from .batch_api import Record, domain_of, sign
from .credentials import Credentials, find_credentials
from .script import PbsError

MAX_FILES, MAX_BYTES = 5000, 200_000_000
_SECONDS = 60.0
_DONE = {"GET": "read", "PUT": "written", "DELETE": "deleted"}


def fetch(address: str, directory: Path, region: str) -> str:
    """Copy it, and return its path in the directory.

    Where its folder is named `workflow`, as Snakemake recommends, what lies beside the folder comes too, such as
    `config`. An address `s3://bucket/folder/#path/in/it` brings all of the folder. Behind the path stands what the
    address has behind its last `#`, such as a process of a CWL document; names of files may have a `#`, too.

    Raises:
        PbsError: There is none, or it lies beside too much.
    """
    bucket, _, key = address[len("s3://") :].partition("/")
    folder, name = posixpath.split(key)
    if posixpath.basename(folder) == "workflow":
        folder, name = posixpath.dirname(folder), f"workflow/{name}"
    s3 = Bucket(bucket, region)
    files = s3.files(f"{folder}/" if folder else "")
    if not _has(files, name) and "/#" in key:
        folder, _, name = key.partition("/#")
        files = s3.files(f"{folder}/")
    if not _has(files, name):
        raise PbsError(f"there is no object {address}")
    for path, (found, moment) in files.items():
        file = directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        content = s3.get(found, {})
        file.write_bytes(content)
        if content.startswith(b"#!"):
            file.chmod(0o755)  # objects in S3 do not tell that they are programs
        os.utime(file, (moment, moment))  # one that is the same is no reason to run a rule again
    return name


def _has(files: dict[str, tuple[str, int]], name: str) -> bool:
    return name in files or name.rpartition("#")[0] in files


class Listed(NamedTuple):
    """An object in a list: its key, when it was written in seconds since 1970, and its size in bytes."""

    key: str
    moment: int
    size: int


class Bucket:
    """A bucket, by signed HTTPS requests."""

    def __init__(self, bucket: str, region: str) -> None:
        self._bucket = bucket
        self._region = region
        self._credentials: Credentials = find_credentials()
        self._endpoint = (
            os.environ.get("AWS_ENDPOINT_URL_S3")
            or os.environ.get("AWS_ENDPOINT_URL")
            or f"https://s3.{region}.{domain_of(region)}"
        ).rstrip("/")

    def files(self, prefix: str) -> dict[str, tuple[str, int]]:
        """What a folder holds: the path in it to the key, and when it was written.

        Raises:
            PbsError: It holds too much to be copied.
        """
        found: dict[str, tuple[str, int]] = {}
        size = 0
        for one in self.listed(prefix):
            path = posixpath.normpath(one.key[len(prefix) :])
            if path.startswith(("..", "/")):
                continue
            found[path] = one.key, one.moment
            size += one.size
            if len(found) > MAX_FILES or size > MAX_BYTES:
                raise PbsError(
                    f"s3://{self._bucket}/{prefix} holds more than {MAX_FILES} files or {MAX_BYTES} bytes, and all "
                    "would be copied: give the workflow a folder of its own"
                )
        return found

    def listed(self, prefix: str) -> Iterator[Listed]:
        """The objects whose keys begin with something, a thousand in a request; not those that stand for folders."""
        question: Record = {"list-type": "2", "prefix": prefix}
        while True:
            page = ET.fromstring(self.get("", question))  # noqa: S314  of S3
            for one in page.iterfind("{*}Contents"):
                key = one.findtext("{*}Key", "")
                written = one.findtext("{*}LastModified", "")[:19]
                moment = calendar.timegm(time.strptime(written, "%Y-%m-%dT%H:%M:%S"))
                if not key.endswith("/"):
                    yield Listed(key, moment, int(one.findtext("{*}Size", "0")))
            token = page.findtext("{*}NextContinuationToken")
            if not token:
                return
            question["continuation-token"] = token

    def get(self, key: str, question: Record) -> bytes:
        """Get an object, or with an empty key what is said of the bucket."""
        with self._open(key, question) as answer:
            content: bytes = answer.read()
        return content

    def put(self, key: str, content: bytes) -> None:
        """Write an object."""
        with self._open(key, {}, "PUT", content) as answer:
            answer.read()

    def delete(self, key: str) -> None:
        """Delete an object."""
        with self._open(key, {}, "DELETE") as answer:
            answer.read()

    def copy(self, key: str, file: Path) -> None:
        """Copy an object of any size to a file, which is there only when all of it is."""
        part = file.with_name(f".{file.name}.{os.getpid()}")
        file.parent.mkdir(parents=True, exist_ok=True)
        with self._open(key, {}) as answer, part.open("wb") as written:
            shutil.copyfileobj(answer, written, 1 << 20)
        part.replace(file)

    @contextmanager
    def _open(self, key: str, question: Record, method: str = "GET", content: bytes = b"") -> Iterator[Any]:
        path = urllib.parse.quote(f"/{self._bucket}/{key}" if key else f"/{self._bucket}")
        query = urllib.parse.urlencode(sorted(question.items()), quote_via=urllib.parse.quote, safe="")
        host = self._endpoint.partition("://")[2]
        more = {"x-amz-content-sha256": hashlib.sha256(content).hexdigest()}
        headers = sign(
            self._credentials, self._region, host, path, content, time.gmtime(), "s3", more, method=method, query=query
        )
        address = f"{self._endpoint}{path}" + (f"?{query}" if query else "")
        request = urllib.request.Request(address, data=content or None, headers=headers, method=method)  # noqa: S310  https
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
                yield answer
        except OSError as error:
            raise PbsError(f"s3://{self._bucket}/{key} cannot be {_DONE[method]}: {error}") from error
