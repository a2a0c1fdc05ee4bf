"""The outputs of a run: what its engine says they are, or all files that it wrote.

Head jobs note them when a run ends; `workflow-context outputs` looks itself where none did.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from .fetch import Bucket

MAX_OUTPUTS = 5000
"""How many outputs are noted; of more, only where they are."""

_OF_ENGINES = (".", "snakemake-workflow-sources")
"""How names begin of what engines and head jobs keep in the folder of a run for themselves."""


class Store(Protocol):
    """Where outputs can be read."""

    def read(self, address: str) -> bytes | None:
        """Read an object or a file; None when there is none."""
        ...

    def files(self, folder: str, since: float) -> Mapping[str, str]:
        """What a folder holds that was written since a moment, at any depth: path in it to address."""
        ...


def outputs_of(store: Store, folder: str, named_in: str, since: float) -> dict[str, Any]:
    """The outputs of a run: name to value, files by their addresses.

    Args:
        store: Where they are.
        folder: The folder of the outputs, with a final slash.
        named_in: The JSON file in which the engine names them; empty when it names none.
        since: When the run was submitted, in seconds since 1970.
    """
    if named_in:
        content = store.read(named_in)
        return {name: _plain(value) for name, value in json.loads(content).items()} if content else {}
    return {name: one for name, one in store.files(folder, since).items() if not name.startswith(_OF_ENGINES)}


def _plain(value: Any) -> Any:
    """A file of CWL as its address."""
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, dict) and value.get("class") in ("File", "Directory"):
        return value.get("location", value)
    return value


class TooManyOutputsError(Exception):
    """There are more files than are noted."""


@dataclass(frozen=True)
class HeadStore:
    """What a head job sees: S3, and the file system that it mounts.

    Attributes:
        region: The region.
    """

    region: str

    def read(self, address: str) -> bytes | None:
        """Read an object or a file; None when there is none."""
        if not address.startswith("s3://"):
            return Path(address).read_bytes() if Path(address).is_file() else None
        bucket, _, key = address[len("s3://") :].partition("/")
        found = Bucket(bucket, self.region)
        return found.get(key, {}) if any(one.key == key for one in found.listed(key)) else None

    def files(self, folder: str, since: float) -> Mapping[str, str]:
        """What a folder holds that was written since a moment.

        Raises:
            TooManyOutputsError: It holds more than `MAX_OUTPUTS`.
        """
        found: dict[str, str] = {}
        for name, address in self._in_s3(folder, since) if folder.startswith("s3://") else _on_disk(folder, since):
            found[name] = address
            if len(found) > MAX_OUTPUTS:
                raise TooManyOutputsError
        return found

    def _in_s3(self, folder: str, since: float) -> Iterator[tuple[str, str]]:
        bucket, _, prefix = folder[len("s3://") :].partition("/")
        for one in Bucket(bucket, self.region).listed(prefix):
            if one.moment >= int(since):  # S3 counts whole seconds
                yield one.key[len(prefix) :], f"s3://{bucket}/{one.key}"


def _on_disk(folder: str, since: float) -> Iterator[tuple[str, str]]:
    for here, folders, names in os.walk(folder):
        if here.rstrip("/") == folder.rstrip("/"):
            folders[:] = [one for one in folders if not one.startswith(_OF_ENGINES)]
        folders.sort()
        for file in (Path(here, name) for name in sorted(names)):
            if file.is_file() and file.stat().st_mtime >= since:
                yield str(file.relative_to(folder)), str(file)
