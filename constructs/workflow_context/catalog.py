"""What there is: the workflow engines and file systems, and which engine works on which.

This is the one registry. It is plain data and imports no CDK, so that a project file can be checked without starting
Node.js; the construct behind an entry is imported when it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from .engines.base import WorkflowEngine
    from .storage.base import WorkflowFileSystem


@dataclass(frozen=True)
class StorageEntry:
    """A kind of workflow file system.

    Attributes:
        name: The `fsType` of the project file.
        title: Its name for people.
        implementation: `module:class` of its construct.
    """

    name: str
    title: str
    implementation: str

    def load(self) -> type[WorkflowFileSystem]:
        """Import the construct class. This starts the Node.js process of the CDK."""
        return cast("type[WorkflowFileSystem]", _load(self.implementation))


@dataclass(frozen=True)
class EngineEntry:
    """A workflow engine.

    Attributes:
        name: The `engine` of the project file.
        languages: The workflow languages it runs: the `type` values the project file may give it.
        default_storage: The `fsType` of a context that names none.
        storages: Every `fsType` it works on.
        implementation: `module:class` of its construct.
    """

    name: str
    languages: tuple[str, ...]
    default_storage: str
    storages: tuple[str, ...]
    implementation: str

    def load(self) -> type[WorkflowEngine]:
        """Import the construct class. This starts the Node.js process of the CDK."""
        return cast("type[WorkflowEngine]", _load(self.implementation))


def _load(implementation: str) -> object:
    module, _, name = implementation.partition(":")
    return getattr(import_module(module), name)


STORAGES: Mapping[str, StorageEntry] = MappingProxyType(
    {entry.name: entry for entry in (StorageEntry("EFS", "Amazon EFS", "workflow_context.storage.efs:EfsFileSystem"),)}
)
"""The file systems by `fsType`."""

ENGINES: Mapping[str, EngineEntry] = MappingProxyType(
    {
        entry.name: entry
        for entry in (
            EngineEntry("miniwdl", ("wdl",), "EFS", ("EFS",), "workflow_context.engines.miniwdl:MiniwdlEngine"),
            EngineEntry(
                "snakemake",
                ("snakemake",),
                "EFS",
                ("EFS",),
                "workflow_context.engines.snakemake:SnakemakeEngine",
            ),
        )
    }
)
"""The engines by name."""
