"""The file systems of a project file: one model per `fsType`, each in a file of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, Discriminator, Tag

from workflow_context.catalog import STORAGES
from workflow_stacks.project.findings import (
    Problem,
    did_you_mean,
    join_words,
    repr_value,
)
from workflow_stacks.project.section import Section
from workflow_stacks.project.values import raise_problems, value_error

from .efs import EfsSettings
from .fsx_lustre import FsxLustreSettings
from .objectivefs import OfsSettings
from .s3 import S3Settings
from .s3_files import S3FilesSettings

KNOWN_FS_TYPES = ("EFS", "S3", "S3Files", "OFS", "FSxLustre")
"""Every `fsType` a project file may name some day; those that work are in the catalog."""

AnySettings: TypeAlias = EfsSettings | S3Settings | S3FilesSettings | OfsSettings | FsxLustreSettings
"""The file system of a context: one of the models."""

FILESYSTEMS: Mapping[str, type[AnySettings]] = {
    "EFS": EfsSettings,
    "S3": S3Settings,
    "S3Files": S3FilesSettings,
    "OFS": OfsSettings,
    "FSxLustre": FsxLustreSettings,
}
"""The models by `fsType`."""


def _of_a_kind_that_works(value: Any) -> Any:
    """Refuse a kind that has no model, before its keys are read with another kind's model."""
    if isinstance(value, Section):
        return value
    if not isinstance(value, dict):
        remedy = f"write 'fsType: {repr_value(value)[1:-1]}' below it, indented" if isinstance(value, str) else ""
        message = f"{repr_value(value)} stands where a mapping of keys is needed"
        raise value_error(message, allowed="a mapping of keys", remedy=remedy)
    written = value.get("fsType", value.get("fs_type"))
    if isinstance(written, str) and written in FILESYSTEMS:
        return value
    allowed = join_words(f"{name} ({STORAGES[name].title})" for name in FILESYSTEMS)
    if written in KNOWN_FS_TYPES:
        message = f"the file system {repr_value(written)} is not available in this version"
        raise_problems("filesystem", [Problem(("fsType",), message, allowed, "use one of these file systems")])
    if written is None:
        raise value_error("the kind of the file system is missing", allowed=allowed, remedy="add 'fsType: EFS'")
    remedy = did_you_mean(written, KNOWN_FS_TYPES) if isinstance(written, str) else ""
    raise_problems(
        "filesystem", [Problem(("fsType",), f"there is no file system {repr_value(written)}", allowed, remedy)]
    )
    return value


def _kind(value: Any) -> str:
    """The `fsType` of what was written, or of a model that is there already."""
    return str(value.get("fsType", value.get("fs_type")) if isinstance(value, dict) else getattr(value, "fs_type", ""))


Filesystem: TypeAlias = Annotated[
    Annotated[EfsSettings, Tag("EFS")]
    | Annotated[S3Settings, Tag("S3")]
    | Annotated[S3FilesSettings, Tag("S3Files")]
    | Annotated[OfsSettings, Tag("OFS")]
    | Annotated[FsxLustreSettings, Tag("FSxLustre")],
    Discriminator(_kind),
    BeforeValidator(_of_a_kind_that_works),
]
"""The file system of an engine, as the project file says it: `fsType` tells which model reads it."""
