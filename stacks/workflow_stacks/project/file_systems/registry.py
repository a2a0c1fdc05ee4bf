"""The file systems of a project file: one model per `fsType`, each in a file of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, Discriminator, Tag

from workflow_context.catalog import STORAGES
from workflow_stacks.project.findings import (
    Problem,
    did_you_mean,
    listed,
    shown,
)
from workflow_stacks.project.section import Section
from workflow_stacks.project.values import refuse, wrong

from .efs import EfsFilesystem
from .fsx_lustre import FsxLustreFilesystem
from .objectivefs import OfsFilesystem
from .s3 import S3Filesystem
from .s3_files import S3FilesFilesystem

KNOWN_FS_TYPES = ("EFS", "S3", "S3Files", "OFS", "FSxLustre")
"""Every `fsType` a project file may name some day; those that work are in the catalog."""

AnyFilesystem: TypeAlias = EfsFilesystem | S3Filesystem | S3FilesFilesystem | OfsFilesystem | FsxLustreFilesystem
"""The file system of a context: one of the models."""

FILESYSTEMS: Mapping[str, type[AnyFilesystem]] = {
    "EFS": EfsFilesystem,
    "S3": S3Filesystem,
    "S3Files": S3FilesFilesystem,
    "OFS": OfsFilesystem,
    "FSxLustre": FsxLustreFilesystem,
}
"""The models by `fsType`."""


def _of_a_kind_that_works(value: Any) -> Any:
    """Refuse a kind that has no model, before its keys are read with another kind's model."""
    if isinstance(value, Section):
        return value
    if not isinstance(value, dict):
        remedy = f"write 'fsType: {shown(value)[1:-1]}' below it, indented" if isinstance(value, str) else ""
        message = f"{shown(value)} stands where a mapping of keys is needed"
        raise wrong(message, allowed="a mapping of keys", remedy=remedy)
    written = value.get("fsType", value.get("fs_type"))
    if isinstance(written, str) and written in FILESYSTEMS:
        return value
    allowed = listed(f"{name} ({STORAGES[name].title})" for name in FILESYSTEMS)
    if written in KNOWN_FS_TYPES:
        message = f"the file system {shown(written)} is not available in this version"
        refuse("filesystem", [Problem(("fsType",), message, allowed, "use one of these file systems")])
    if written is None:
        raise wrong("the kind of the file system is missing", allowed=allowed, remedy="add 'fsType: EFS'")
    remedy = did_you_mean(written, KNOWN_FS_TYPES) if isinstance(written, str) else ""
    refuse("filesystem", [Problem(("fsType",), f"there is no file system {shown(written)}", allowed, remedy)])
    return value


def _kind(value: Any) -> str:
    """The `fsType` of what was written, or of a model that is there already."""
    return str(value.get("fsType", value.get("fs_type")) if isinstance(value, dict) else getattr(value, "fs_type", ""))


Filesystem: TypeAlias = Annotated[
    Annotated[EfsFilesystem, Tag("EFS")]
    | Annotated[S3Filesystem, Tag("S3")]
    | Annotated[S3FilesFilesystem, Tag("S3Files")]
    | Annotated[OfsFilesystem, Tag("OFS")]
    | Annotated[FsxLustreFilesystem, Tag("FSxLustre")],
    Discriminator(_kind),
    BeforeValidator(_of_a_kind_that_works),
]
"""The file system of an engine, as the project file says it: `fsType` tells which model reads it."""
