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
from .machines import AMI, MAX_KINDS, NAME as MACHINES_NAME, Architecture, InstanceTypes, Machines
from .references import ReferenceMount
from .retention import RETENTION
from .section import Section
from .tags import Tags
from .values import INT32, Choice, EmptyWhenNothing, Flag, Numbers, Text, Whole, value_error

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


class Context(Section):
    """A place where workflows run: an engine, a file system, queues and machines."""

    engines: Annotated[tuple[Engine, ...], BeforeValidator(_exactly_one)] = Field(
        description="The engine: exactly one.", json_schema_extra={"minItems": 1, "maxItems": 1}
    )
    request_spot_instances: Annotated[bool, Flag()] = Field(
        default=False,
        description="Whether tasks run on Spot instances, which are cheaper and may be interrupted. Default: false.",
    )
    fallback_to_on_demand: Annotated[bool, Flag()] | None = Field(
        default=None,
        description="Whether a context with Spot instances has a second, on-demand queue for tasks that "
        "were interrupted. Default: true with requestSpotInstances, otherwise ignored.",
    )
    use_public_subnets: Annotated[bool, Flag()] = Field(
        default=False,
        description="Whether machines run in public subnets, with public addresses and no ingress, so that "
        "the project needs no NAT gateway (deploy it with -c natGateways=0). Default: false.",
    )
    max_vcpus: Annotated[int, Whole(1, INT32, "vCPUs")] = Field(
        default=256,
        alias="maxVCpus",
        description="How many vCPUs the tasks of the context may use at the same time, at least 1. Default: 256.",
    )
    instance_types: InstanceTypes = Field(
        default=(),
        description="EC2 instance types (m6i.xlarge) or families (m6i) that tasks may run on, or optimal. "
        "Default: AWS Batch chooses.",
    )
    architecture: Architecture = Field(
        default="x86_64", description="Processor of the machines that run tasks. Default: x86_64."
    )
    gpu: Annotated[bool, Flag()] = Field(
        default=False, description="Whether tasks run on machines with NVIDIA GPUs. Default: false."
    )
    machines: Annotated[dict[Annotated[str, MACHINES_NAME], Machines], EmptyWhenNothing()] = Field(
        default_factory=dict,
        description="Other kinds of machines beside these, by name, each with queues of its own: a task goes where "
        "the machines have what it asks for, GPUs, a processor, or much memory. At most 3. For miniwdl and "
        "nextflow, and snakemake on a mounted file system. Default: none.",
        json_schema_extra={"maxProperties": MAX_KINDS},
    )
    root_volume_gib: Annotated[int, Whole(30, 16384, "GiB")] = Field(
        default=100,
        description="Size of each machine's root volume, which holds container images and scratch files, in "
        "GiB, 30 to 16384. Default: 100.",
    )
    min_scale_down_delay_minutes: Annotated[int, Whole(20, 10080, "minutes")] | None = Field(
        default=None,
        description="How many minutes instances are kept at least after their last job, 20 to 10080, so that the next "
        "step of a workflow finds them with their images. They are paid for. Default: as AWS Batch does, a few "
        "minutes.",
    )
    io_mibps: Annotated[int, Whole(1, 1_000_000, "MiB/s")] | None = Field(
        default=None,
        description="What all tasks of the context together may read and write on the file system, in MiB per second: "
        "AWS Batch starts no more tasks than that feeds. A task takes 0.34 MiB/s for each vCPU, or what it asks for. "
        "Default: no bound.",
    )
    ami_id: Annotated[str, AMI] | None = Field(
        default=None,
        description="Amazon Machine Image of the machines that run tasks: one made from the ECS-optimized Amazon "
        "Linux 2023, for the context's processor and Region. Default: the newest that AWS Batch chooses.",
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
    def has_fallback(self) -> bool:
        """Whether there is an on-demand queue beside the Spot queue."""
        return self.request_spot_instances and self.fallback_to_on_demand is not False

    @property
    def queues(self) -> tuple[tuple[str, str], ...]:
        """The job queues, each with the machines behind it, for people."""
        found = [("head", "Fargate" if self.heads_on_fargate else "EC2 on-demand")]
        kinds: dict[str, Context | Machines] = {"": self, **{f"{name} ": one for name, one in self.machines.items()}}
        for kind, machines in kinds.items():
            found.append((f"{kind}task", "EC2 Spot" if machines.request_spot_instances else "EC2 on-demand"))
            if machines.has_fallback:
                found.append((f"{kind}fallback", "EC2 on-demand"))
        return tuple(found)
