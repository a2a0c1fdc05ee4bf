"""The file systems of a project file: one model per `fsType`, each in a file of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator

from workflow_context.catalog import STORAGES

from .efs import EfsFilesystem
from .findings import Problem, did_you_mean, listed, shown
from .values import refuse, wrong

KNOWN_FS_TYPES = ("EFS", "S3", "S3Files", "OFS", "FSxLustre")
"""Every `fsType` a project file may name some day; those that work are in the catalog."""

FILESYSTEMS: Mapping[str, type[EfsFilesystem]] = {"EFS": EfsFilesystem}
"""The models by `fsType`."""


def _of_a_kind_that_works(value: Any) -> Any:
    """Refuse a kind that has no model, before its keys are read with another kind's model."""
    if not isinstance(value, dict):
        return value
    written = value.get("fsType", value.get("fs_type"))
    if isinstance(written, str) and written in FILESYSTEMS:
        return value
    allowed = listed(FILESYSTEMS)
    if written in KNOWN_FS_TYPES:
        message = f"the file system {shown(written)} is not available in this version"
        remedy = f"use one that works now: {listed(f'{name} ({STORAGES[name].title})' for name in FILESYSTEMS)}"
        refuse("filesystem", [Problem(("fsType",), message, allowed, remedy)])
    if isinstance(written, str):
        message, remedy = f"there is no file system {shown(written)}", did_you_mean(written, KNOWN_FS_TYPES)
        refuse("filesystem", [Problem(("fsType",), message, allowed, remedy)])
    if written is None:
        raise wrong("the kind of the file system is missing", allowed=allowed, remedy="add 'fsType: EFS'")
    return value


Filesystem: TypeAlias = Annotated[EfsFilesystem, BeforeValidator(_of_a_kind_that_works)]
"""The file system of an engine. With a second kind: a union of the models, discriminated by `fs_type`."""
