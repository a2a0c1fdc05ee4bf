"""The workflow engines, and the file systems that each works on.

This is plain data and imports no CDK, so that a project file can be checked without starting Node.js; the construct
behind an entry is imported when it is asked for. Other packages add engines: each names an `EngineEntry` as an entry
point of the group `workflow_context.engines`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from .plugins import PluginError, plugins

if TYPE_CHECKING:
    from .context import EngineFactory
    from .engines.base import WorkflowEngine


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
        image: The container image of a version, with `{version}` in it; empty when images are not named by version.
        architectures: The processors that its default image for tasks is made for.
        why_no_other: Why it works on no other file system, for the message that says so.
        marks_ended_runs: Whether it marks runs that ended, so that old ones can be deleted, as the construct says too.
        why_no_expiry: Why none can be, for the message that says so.
        results_in_runs: Whether results are in the directories of runs alone, and so are deleted with them.
        tasks_share_jobs_on: The `fsType`s on which several of its tasks can run one after another in one job.
        chooses_machines_on: The `fsType`s on which it sends each task to the machines that it needs, where a context
            has several kinds, as the construct says too.
        why_one_kind: Why it does not elsewhere, for the message that says so.
        references_on: The `fsType`s beside which its jobs can mount others to read, as the construct says too.
        shared_queues_on: The `fsType`s on which all its jobs have roles and mounts of their own, so that contexts can
            share queues, as the construct says too.
        io_shares_on: The `fsType`s of whose throughput its tasks can take a share, as the construct says too.
    """

    name: str
    languages: tuple[str, ...]
    default_storage: str
    storages: tuple[str, ...]
    implementation: str
    host_mounts: tuple[str, ...] = ()
    heads_on_ec2: tuple[str, ...] = ()
    image: str = ""
    architectures: tuple[str, ...] = ("x86_64", "arm64")
    why_no_other: str = ""
    marks_ended_runs: bool = False
    why_no_expiry: str = "it does not mark runs that ended, so none can be deleted safely"
    results_in_runs: bool = False
    references_on: tuple[str, ...] = ()
    shared_queues_on: tuple[str, ...] = ()
    io_shares_on: tuple[str, ...] = ()
    tasks_share_jobs_on: tuple[str, ...] = ()
    chooses_machines_on: tuple[str, ...] = ()
    why_one_kind: str = "it sends all tasks to one queue"

    def load(self) -> type[WorkflowEngine]:
        """Import the construct class. This starts the Node.js process of the CDK."""
        module, _, name = self.implementation.partition(":")
        return cast("type[WorkflowEngine]", getattr(import_module(module), name))

    def factory(self, **options: Any) -> EngineFactory:
        """Import the construct class, for a context to make an engine of, with options of its own.

        Args:
            **options: What its constructor takes beside `scope`, `id` and `parts`, such as `image`.
        """
        construct: Any = self.load()
        return cast("EngineFactory", construct.with_options(**options) if options else construct)


_MOUNTED = ("EFS", "OFS", "S3Files", "FSxLustre")
_BESIDE = ("EFS", "OFS", "FSxLustre")
_BUILT_IN = (
    EngineEntry(
        "miniwdl",
        ("wdl",),
        "EFS",
        ("EFS", "OFS", "S3Files", "FSxLustre"),
        "workflow_context.engines.miniwdl:MiniwdlEngine",
        heads_on_ec2=("S3Files",),  # its client knows Fargate with EFS only
        image="ghcr.io/miniwdl-ext/miniwdl-aws:v{version}",
        marks_ended_runs=True,
        io_shares_on=_MOUNTED,
        chooses_machines_on=_MOUNTED,
    ),
    EngineEntry(
        "snakemake",
        ("snakemake",),
        "EFS",
        ("EFS", "S3", "S3Files", "OFS", "FSxLustre"),
        "workflow_context.engines.snakemake:SnakemakeEngine",
        image="docker.io/snakemake/snakemake:v{version}",
        architectures=("x86_64",),  # releases are built for no other
        marks_ended_runs=True,
        results_in_runs=True,
        io_shares_on=_MOUNTED,
        tasks_share_jobs_on=_MOUNTED,
        chooses_machines_on=_MOUNTED,
        why_one_kind="its executor plugin for AWS Batch is told one queue for all rules",
        references_on=_BESIDE,
        shared_queues_on=("EFS",),
    ),
    EngineEntry(
        "nextflow",
        ("nextflow",),
        "S3",
        ("S3", "EFS", "S3Files", "OFS", "FSxLustre"),
        "workflow_context.engines.nextflow:NextflowEngine",
        image="docker.io/nextflow/nextflow:{version}",
        marks_ended_runs=True,
        io_shares_on=_MOUNTED,
        tasks_share_jobs_on=_MOUNTED,
        chooses_machines_on=("S3", *_MOUNTED),
        references_on=_BESIDE,
        shared_queues_on=("EFS",),
    ),
    EngineEntry(
        "cromwell",
        ("wdl",),
        "S3",
        ("S3", "EFS"),
        "workflow_context.engines.cromwell:CromwellEngine",
        host_mounts=("EFS",),
        image="docker.io/broadinstitute/cromwell:{version}",
        why_one_kind="its backend for AWS Batch takes another queue only by an ARN that is written into the workflow",
        why_no_expiry="its executions are in S3, and it keeps no run on the file system",
        why_no_other="its backend for AWS Batch binds a shared file system only from /mnt/efs, and asks for no "
        "more memory than the workflow says",
    ),
    EngineEntry(
        "toil",
        ("wdl", "cwl"),
        "S3",
        ("S3",),
        "workflow_context.engines.toil:ToilEngine",
        why_one_kind="its batch system for AWS Batch is told one queue for all jobs",
        why_no_other="on AWS Batch, Toil keeps its job stores in S3, and its job definitions mount nothing; "
        "its batch system for PBS, which could use the front end of this project, submits no job in 9.6.0",
    ),
)


def _by_name(*entries: EngineEntry) -> Mapping[str, EngineEntry]:
    found: dict[str, EngineEntry] = {}
    for entry in entries:
        if found.setdefault(entry.name, entry) is not entry:
            message = f"two engines are named {entry.name!r}; one comes from an installed package: uninstall it"
            raise PluginError(message)
    return MappingProxyType(found)


ENGINES: Mapping[str, EngineEntry] = _by_name(*_BUILT_IN, *plugins("workflow_context.engines", EngineEntry))
"""The engines by name: those of this package, then those that other packages add."""
