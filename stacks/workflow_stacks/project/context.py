"""A context: an engine, a file system, queues and machines, and what people ask for beside them."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from workflow_context.catalog import ENGINES

from .arns import PolicyArn
from .compliance import LOG_DAYS, with_implied
from .debug_instance import DebugInstanceOption
from .engine import Engine
from .file_systems.kind import FileSystemKind, FileSystemSettings
from .file_systems.registry import FILE_SYSTEMS
from .machines import OwnMachines
from .references import ReferenceMount
from .retention import RETENTION
from .section import Section
from .tags import Tags
from .values import Choice, EmptyWhenNothing, Flag, Numbers, Text, Whole, value_error

FILESYSTEM: tuple[str | int, ...] = ("engines", 0, "filesystem")
"""Where the file system stands in a context."""


def _exactly_one(value: Any) -> Any:
    if isinstance(value, list | tuple) and len(value) != 1:
        many = f"{len(value)} engines are" if value else "no engine is"
        remedy = "make a context of its own for each engine" if value else "add '- type: wdl' and 'engine: miniwdl'"
        raise value_error(f"{many} listed", allowed="exactly one engine per context", remedy=remedy)
    return value


class Monitoring(Section):
    """A dashboard and alarms for a context."""

    alarm_email: (
        Annotated[str, Text("an e-mail address, such as lab@example.org", r"[^@\s]+@[^@\s]+\.[^@\s]+")] | None
    ) = Field(default=None, description="Where alarms go to; the address must confirm once. Default: nowhere.")
    burst_credit_alarm_hours: Annotated[int, Whole(1, 720, "hours")] = Field(
        default=12,
        description="Warn when the burst credits of the file system end within so many hours at the present rate. "
        "Default: 12.",
    )


class Context(OwnMachines):
    """A place where workflows run: an engine, a file system, queues and machines."""

    engines: Annotated[tuple[Engine, ...], BeforeValidator(_exactly_one)] = Field(
        description="The engine: exactly one.", json_schema_extra={"minItems": 1, "maxItems": 1}
    )
    io_mibps: Annotated[int, Whole(1, 1_000_000, "MiB/s")] | None = Field(
        default=None,
        description="What all tasks of the context together may read and write on the file system, in MiB per second: "
        "AWS Batch starts no more tasks than that feeds. A task takes 0.34 MiB/s for each vCPU, or what it asks for. "
        "Default: no bound.",
    )
    use_shared_queues: Annotated[bool, Flag()] = Field(
        default=False,
        description="Whether jobs go to the sharedQueues of the project, and the context has no queues and machines of "
        "its own. For nextflow and snakemake on EFS. Default: false.",
    )
    log_retention_days: Annotated[int, Numbers(tuple(RETENTION), "days")] = Field(
        default=30,
        description="How many days the logs of head jobs, and of tasks that log there, are kept: 1, 3, 5, 7, 14, 30, "
        "60, 90, 120, 150, 180, 365 and so on up to 3653. Default: 30.",
    )
    tags: Tags = Field(
        default_factory=dict,
        description="Tags for everything in the context, instances and volumes included: at most 40, keys "
        "of 1 to 128 and values of up to 256 characters, no key that begins with aws:. Default: "
        "none.",
    )
    monitoring: Monitoring | None = Field(
        default=None,
        description="A CloudWatch dashboard (3 USD a month) and alarms. Default: none; write {} for the defaults.",
    )
    wes: Annotated[bool, Flag()] = Field(
        default=False,
        description="Whether the context has an address at which GA4GH WES 1.1 is served, for those whom IAM lets call "
        "it. Default: false.",
    )
    storage_dispatcher: Annotated[bool, Flag()] = Field(
        default=False,
        description="Whether runs can be given storage of their own on the file system, by a call of an HTTP API, "
        "which goes when the run has ended and its time is over. For EFS and OFS, with miniwdl, snakemake and "
        "nextflow. Default: false.",
    )
    references: Annotated[tuple[ReferenceMount, ...], EmptyWhenNothing()] = Field(
        default=(),
        description="Directories that jobs find mounted beside the file system and can only read: of another EFS file "
        "system, or another one of the context's own. For nextflow and snakemake on EFS, OFS and FSxLustre. Default: "
        "none.",
    )
    browse: Annotated[bool, Flag()] = Field(
        default=False,
        description="Whether the context has a job that shows what is on its file system, and can only read: "
        "workflow-context browse. On S3 none is needed. Default: false.",
    )
    debug_instance: DebugInstanceOption = Field(
        default=None,
        description="Whether the context has a machine on which people look at its file system, opened by "
        "workflow-context shell: true, or a mapping of options. It stops itself when nobody uses it. Default: false.",
    )
    allow_data_loss: Annotated[bool, Flag()] = Field(
        default=False,
        description="Whether a deployment may replace or remove the context's file system, so that its data is lost or "
        "no longer seen by jobs. Write it for one deployment and take it out again. Default: false, CloudFormation "
        "refuses.",
    )
    termination_protection: Annotated[bool, Flag()] = Field(
        default=False,
        description="Whether AWS refuses to destroy the context until this is false again. Default: false.",
    )
    permissions_boundary_arn: PolicyArn | None = Field(
        default=None,
        description="IAM policy that bounds every role of the context. Default: none.",
    )
    compliance: Annotated[Literal["hipaa"], Choice()] | None = Field(
        default=None,
        description="hipaa: what health data needs is on, and what contradicts it is refused. Private subnets only; "
        f"logs kept {LOG_DAYS} days (six years); the stack protected from deletion; the file system encrypted in "
        "transit, kept when the context goes, and, on EFS, backed up daily. Default: none.",
    )

    @model_validator(mode="before")
    @classmethod
    def _compliance_implies(cls, data: Any) -> Any:
        return with_implied(data)

    @property
    def engine(self) -> Engine:
        """The engine."""
        return self.engines[0]

    @cached_property
    def filesystem(self) -> FileSystemSettings:
        """The file system: the engine's, or its default; with what the compliance of the context implies."""
        written = self.engine.filesystem
        if written is None:
            default = ENGINES[self.engine.engine].default_storage
            written = FILE_SYSTEMS[default].settings.model_validate({"fsType": default})
        return written.for_health_data() if self.compliance else written

    @property
    def kind(self) -> FileSystemKind:
        """The kind of the file system."""
        return FILE_SYSTEMS[self.filesystem.fs_type]

    @property
    def heads_on_fargate(self) -> bool:
        """Whether head jobs run on Fargate."""
        return self.kind.heads_on_fargate(ENGINES[self.engine.engine])

    @property
    def queues(self) -> tuple[tuple[str, str], ...]:
        """The job queues, each with the machines behind it, for people."""
        return self.queues_for("Fargate" if self.heads_on_fargate else "EC2 on-demand")
