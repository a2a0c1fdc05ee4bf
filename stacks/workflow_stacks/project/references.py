"""What the project file says of a read-only mount beside the file system of a context."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from .findings import Problem
from .section import Section
from .values import Text


def _identifier(prefix: str) -> Text:
    return Text(f"an id such as {prefix}-0123456789abcdef0", rf"{prefix}-[0-9a-f]{{8,40}}")


_PATH = Text("an absolute path, such as /mnt/references", r"(/[A-Za-z0-9_][A-Za-z0-9._-]*)+", 100)
_IDS = ("fileSystemId", "accessPointId", "securityGroupId")


class ReferenceMount(Section):
    """A directory that jobs can only read: of another EFS file system, or another one of the context's own."""

    path: Annotated[str, _PATH] = Field(description="Where jobs find it, such as /mnt/references.")
    directory: Annotated[str, _PATH] | None = Field(
        default=None,
        description="A directory of the context's own EFS file system, which jobs do not see otherwise. Default: it "
        "is on another one.",
    )
    file_system_id: Annotated[str, _identifier("fs")] | None = Field(
        default=None, description="The other EFS file system. Default: the context's own."
    )
    access_point_id: Annotated[str, _identifier("fsap")] | None = Field(
        default=None, description="The access point of the other file system, to the directory that jobs shall see."
    )
    security_group_id: Annotated[str, _identifier("sg")] | None = Field(
        default=None, description="The security group of the mount targets of the other file system."
    )

    def problems(self) -> Iterator[Problem]:
        """What is wrong with it: it is a directory, or three ids."""
        given = [key for key, value in zip(_IDS, self._ids, strict=True) if value is not None]
        if self.directory is not None and given:
            yield Problem(
                (given[0],), f"a directory of the context's own file system has no {given[0]}", remedy="remove it"
            )
        elif self.directory is None and len(given) < len(_IDS):
            missing = ", ".join(key for key in _IDS if key not in given)
            yield Problem(
                ("path",),
                f"where {self.path} comes from is not said: {missing} are missing"
                if given
                else "what it shows is not said",
                "a directory, or fileSystemId, accessPointId and securityGroupId",
                "add what is missing",
            )

    @property
    def _ids(self) -> tuple[str | None, ...]:
        return self.file_system_id, self.access_point_id, self.security_group_id
