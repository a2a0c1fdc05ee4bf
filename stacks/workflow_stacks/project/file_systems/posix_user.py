"""The user of an access point."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from workflow_stacks.project.section import Section
from workflow_stacks.project.values import Whole


class PosixUser(Section):
    """The user that every container of the context reads and writes the file system."""

    uid: Annotated[int, Whole(0, 4294967295)] = Field(
        description="POSIX user id, 0 to 4294967295. 0 is root: images may then change owners (tar x, cp -a)."
    )
    gid: Annotated[int, Whole(0, 4294967295)] = Field(description="POSIX group id, 0 to 4294967295.")

    @property
    def shown(self) -> str:
        """The two ids, for people."""
        return f"uid {self.uid}, gid {self.gid}"
