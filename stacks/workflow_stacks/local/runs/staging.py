"""Where a local run puts what jobs read and finds what they wrote: on the context's file system, or in S3."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from workflow_stacks.runs import stores
from workflow_stacks.runs.staging import split

Record = dict[str, Any]


@dataclass(frozen=True)
class FolderStage:
    """The directory that stands for a file system.

    Attributes:
        folder: The directory here.
        target: Where jobs find it.
        owner: Who files on it belong to.
    """

    folder: Path
    target: str
    owner: tuple[int, int]

    def put(self, name: str, content: bytes, *, executable: bool = False) -> str:
        """Write a file, unless it is there."""
        file = self.folder / name
        place = str(PurePosixPath(self.target, name))
        if file.exists():
            return place
        for parent in reversed([one for one in file.parents if one.is_relative_to(self.folder)]):
            if not parent.exists():
                parent.mkdir()
                self._give(parent)
        part = file.with_name(f".{file.name}.{os.getpid()}")
        part.write_bytes(content)
        if executable:
            part.chmod(0o755)
        self._give(part)
        part.rename(file)
        return place

    def read(self, address: str) -> bytes | None:
        """Read a file by its path here; None when there is none."""
        file = Path(address)
        return file.read_bytes() if file.is_file() else None

    def addresses(self, folder: str, *, since_ms: int) -> list[str]:
        """The files in a folder here that were written since then."""
        found = [file for file in sorted(Path(folder).rglob("*")) if file.is_file()]
        return [str(file) for file in found if file.stat().st_mtime * 1000 >= since_ms]

    def here(self, place: str) -> str:
        """Where that is on this machine which jobs find at a place."""
        return f"{self.folder / PurePosixPath(place).relative_to(self.target)}/"

    def read_there(self, place: str) -> bytes | None:
        """Read a file by the path that jobs have for it; None when there is none on this file system."""
        path = PurePosixPath(place)
        return self.read(str(self.folder / path.relative_to(self.target))) if path.is_relative_to(self.target) else None

    def used_bytes(self) -> int | None:
        """How much is on the file system; jobs may delete files meanwhile."""
        total = 0
        for folder, _, names in os.walk(self.folder):
            for name in names:
                with suppress(FileNotFoundError):
                    total += Path(folder, name).lstat().st_size
        return total

    def _give(self, path: Path) -> None:
        if os.geteuid() == 0:
            os.chown(path, *self.owner)


@dataclass(frozen=True)
class S3Stage:
    """A folder in S3.

    Attributes:
        s3: The boto3 client.
        folder: Its address, with a final slash.
    """

    s3: Any
    folder: str

    def put(self, name: str, content: bytes, *, executable: bool = False) -> str:
        """Upload an object."""
        del executable  # objects have no such thing
        bucket, key = split(f"{self.folder}{name}")
        self.s3.put_object(Bucket=bucket, Key=key, Body=content)
        return f"{self.folder}{name}"

    def used_bytes(self) -> int | None:
        """There is no file system."""
        return None


@dataclass(frozen=True)
class S3Store(stores.S3Store):
    """Objects in S3, by their addresses."""

    def addresses(self, folder: str, *, since_ms: int) -> list[str]:
        """The addresses of the objects in a folder that were written since then; S3 counts whole seconds."""
        return list(self.files(folder, since_ms / 1000).values())
