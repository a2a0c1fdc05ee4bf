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
        serves_fargate: Whether a Fargate job can use it, as the construct says too.
    """

    name: str
    title: str
    implementation: str
    serves_fargate: bool = True

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
        host_mounts: The `fsType`s that its tasks can only reach by a directory of the machine, because the definitions
            it makes carry no other volume: instances then mount them at boot, although a job definition could.
        heads_on_ec2: The `fsType`s on which its head jobs run on EC2, although Fargate could mount them.
        why_no_other: Why it works on no other file system, for the message that says so.
        instead: What to do for one who wants another, beside leaving it out.
    """

    name: str
    languages: tuple[str, ...]
    default_storage: str
    storages: tuple[str, ...]
    implementation: str
    host_mounts: tuple[str, ...] = ()
    heads_on_ec2: tuple[str, ...] = ()
    why_no_other: str = ""
    instead: str = ""

    def heads_on_fargate(self, storage: str) -> bool:
        """Whether head jobs run on Fargate on a file system, given by its `fsType`."""
        return STORAGES[storage].serves_fargate and storage not in self.heads_on_ec2

    def load(self) -> type[WorkflowEngine]:
        """Import the construct class. This starts the Node.js process of the CDK."""
        return cast("type[WorkflowEngine]", _load(self.implementation))


def _load(implementation: str) -> object:
    module, _, name = implementation.partition(":")
    return getattr(import_module(module), name)


STORAGES: Mapping[str, StorageEntry] = MappingProxyType(
    {
        entry.name: entry
        for entry in (
            StorageEntry("EFS", "Amazon EFS", "workflow_context.storage.efs:EfsFileSystem"),
            StorageEntry("S3", "Amazon S3", "workflow_context.storage.s3:S3FileSystem"),
            StorageEntry("S3Files", "Amazon S3 Files", "workflow_context.storage.s3_files:S3FilesFileSystem"),
            StorageEntry(
                "OFS",
                "ObjectiveFS",
                "workflow_context.storage.objectivefs:ObjectiveFsFileSystem",
                serves_fargate=False,
            ),
            StorageEntry(
                "FSxLustre",
                "Amazon FSx for Lustre",
                "workflow_context.storage.fsx_lustre:FsxLustreFileSystem",
                serves_fargate=False,
            ),
        )
    }
)
"""The file systems by `fsType`."""

ENGINES: Mapping[str, EngineEntry] = MappingProxyType(
    {
        entry.name: entry
        for entry in (
            EngineEntry(
                "miniwdl",
                ("wdl",),
                "EFS",
                ("EFS", "OFS", "S3Files", "FSxLustre"),
                "workflow_context.engines.miniwdl:MiniwdlEngine",
                heads_on_ec2=("S3Files",),  # its client knows Fargate with EFS only
            ),
            EngineEntry(
                "snakemake",
                ("snakemake",),
                "EFS",
                ("EFS", "S3", "S3Files", "OFS", "FSxLustre"),
                "workflow_context.engines.snakemake:SnakemakeEngine",
            ),
            EngineEntry(
                "nextflow",
                ("nextflow",),
                "S3",
                ("S3", "EFS", "S3Files", "OFS", "FSxLustre"),
                "workflow_context.engines.nextflow:NextflowEngine",
            ),
            EngineEntry(
                "cromwell",
                ("wdl",),
                "S3",
                ("S3", "EFS"),
                "workflow_context.engines.cromwell:CromwellEngine",
                host_mounts=("EFS",),
                why_no_other="its backend for AWS Batch binds a shared file system only from /mnt/efs, and asks for no "
                "more memory than the workflow says",
            ),
            EngineEntry(
                "toil",
                ("wdl", "cwl"),
                "S3",
                ("S3",),
                "workflow_context.engines.toil:ToilEngine",
                why_no_other="on AWS Batch, Toil keeps its job stores in S3, and its job definitions mount nothing; "
                "its batch system for PBS, which could use the front end of this project, submits no job in 9.6.0",
            ),
        )
    }
)
"""The engines by name."""


def support_table() -> list[list[str]]:
    """Which engine works on which file system, as rows of text: the titles, then one row for each engine."""
    titles = ["engine", "languages", *STORAGES]
    rows = [
        [entry.name, ", ".join(entry.languages), *(_support(entry, storage) for storage in STORAGES)]
        for entry in ENGINES.values()
    ]
    return [titles, *rows]


def _support(entry: EngineEntry, storage: str) -> str:
    if storage == entry.default_storage:
        return "default"
    return "yes" if storage in entry.storages else "-"
