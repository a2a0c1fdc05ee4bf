"""The project file as typed, frozen objects: the shape, without the meaning across fields (see `checks`)."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from workflow_context.catalog import ENGINES

from .arns import KmsKeyArn, PolicyArn
from .compliance import LOG_DAYS, with_implied
from .debug_instance import DebugInstanceOption
from .file_systems.kind import FileSystemKind, FileSystemSettings
from .file_systems.registry import FILE_SYSTEMS, Filesystem
from .findings import join_words
from .location import Location, bucket_of, prefix_of
from .machines import AMI, MAX_KINDS, NAME as MACHINES_NAME, Architecture, InstanceTypes, Machines
from .references import ReferenceMount
from .retention import RETENTION
from .section import Section
from .tags import Tags
from .values import (
    INT32,
    Choice,
    EmptyWhenNothing,
    Flag,
    Numbers,
    Text,
    Whole,
    Word,
    value_error,
)

_FARGATE = ((8, 1), (16, 2), (30, 4))
"""Up to how many GiB Fargate offers with how many vCPUs:
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html."""

FILESYSTEM: tuple[str | int, ...] = ("engines", 0, "filesystem")
"""Where the file system stands in a context."""

_LANGUAGES = tuple(dict.fromkeys(language for entry in ENGINES.values() for language in entry.languages))


def _only_letters_and_digits(written: str) -> str:
    rest = "".join(letter for letter in written if letter.isascii() and letter.isalnum())
    return f"did you mean '{rest}'?" if rest and len(rest) <= 64 else ""


_NAME = Text("letters A-Z, a-z and digits, at most 64", "[A-Za-z0-9]+", 64, hint=_only_letters_and_digits)


_VERSION = Text("a version of the engine, such as 25.10.0", r"[A-Za-z0-9][A-Za-z0-9._-]*", 64)
_VERSION_IN_EDITORS = WithJsonSchema({"type": ["string", "number"], **_VERSION.limits()})
_IMAGE = Text("a container image, such as docker.io/nextflow/nextflow:25.10.0", r"[A-Za-z0-9][A-Za-z0-9._/:@-]*", 512)


def _exactly_one(value: Any) -> Any:
    if isinstance(value, list | tuple) and len(value) != 1:
        many = f"{len(value)} engines are" if value else "no engine is"
        remedy = "make a context of its own for each engine" if value else "add '- type: wdl' and 'engine: miniwdl'"
        raise value_error(f"{many} listed", allowed="exactly one engine per context", remedy=remedy)
    return value


def _engines_and_languages() -> str:
    return join_words(f"{entry.name} ({' or '.join(entry.languages)})" for entry in ENGINES.values())


class WorkflowType(Section):
    """The language of a workflow."""

    language: Annotated[str, Text("a workflow language, such as wdl")] = Field(
        description="Workflow language: wdl, snakemake, nextflow or cwl.",
        json_schema_extra={"examples": list(_LANGUAGES)},
    )
    version: Annotated[str, Text("the version of the language, such as 1.0")] = Field(
        default="",
        description="Version of the language, such as 1.0 or dsl2; for information only. Default: none.",
        json_schema_extra={"type": ["string", "number"]},
    )


class Workflow(Section):
    """A workflow of the project."""

    type: WorkflowType = Field(description="Language of the workflow.")
    source_url: Annotated[str, Text("a path or URL")] = Field(
        alias="sourceURL",
        description="Where the workflow's files are: a path from the project file, or a URL.",
    )


class DataLocation(Section):
    """A place in S3 that the workflows of every context may read, or read and write."""

    main_key: ClassVar[str] = "location"

    location: Annotated[str, Location()] = Field(
        description="s3://bucket or s3://bucket/prefix, optionally with /* at the end: everything below is meant, and "
        "the object of that very name, unless it ends in / or /*."
    )
    read_only: Annotated[bool, Flag()] = Field(
        default=False,
        description="Whether workflows may only read. Default: false, they may also write and delete.",
    )
    kms_key_arn: KmsKeyArn | None = Field(
        default=None,
        description="KMS key that encrypts the objects; workflows may use it. Default: S3's own key.",
    )

    @property
    def bucket(self) -> str:
        """The name of the bucket."""
        return bucket_of(self.location)

    @property
    def prefix(self) -> str:
        """The prefix of the keys, without a `/` or `/*` at its end; empty for the whole bucket."""
        return prefix_of(self.location)

    @property
    def may_be_object(self) -> bool:
        """Whether the location may be the key of one object."""
        return bool(self.prefix) and not self.location.endswith(("/", "/*"))


class Engine(Section):
    """The workflow engine of a context."""

    main_key: ClassVar[str] = "engine"

    type: Annotated[str, Word("workflow language", _LANGUAGES)] = Field(
        description=f"Workflow language that the engine runs. Languages: {', '.join(_LANGUAGES)}."
    )
    engine: Annotated[str, Word("engine", ENGINES, _engines_and_languages)] = Field(
        description=f"Name of the engine. Engines: {', '.join(ENGINES)}."
    )
    version: Annotated[str, _VERSION, _VERSION_IN_EDITORS] | None = Field(
        default=None,
        description="Version of the engine: head jobs run the image that its project publishes for it. Default: the "
        "version that this package was tested with.",
    )
    image: (
        Annotated[
            str,
            Text(
                "a container image, such as docker.io/nextflow/nextflow:25.10.0", r"[A-Za-z0-9][A-Za-z0-9._/:@-]*", 512
            ),
        ]
        | None
    ) = Field(
        default=None,
        description="Container image of head jobs, instead of a version. Default: the one that the engine's project "
        "publishes.",
    )
    head_memory: Annotated[int, Whole(2, 30, "GiB")] = Field(
        default=4,
        description="Memory of the head job of each workflow, in GiB, 2 to 30. It gets 1 vCPU up to 8 GiB, 2 up to 16, "
        "and 4 above. Default: 4.",
    )
    max_workflows: Annotated[int, Whole(1, 10000, "workflows")] = Field(
        default=16, description="How many workflows may run at the same time; more wait. Default: 16."
    )
    tasks_per_job: Annotated[int, Whole(1, 1000, "tasks")] = Field(
        default=1,
        description="How many tasks that are alike, and wait at the same time, may run one after another in one job of "
        "AWS Batch, so that short ones share the start of a machine: 1 to 1000. Snakemake, and Nextflow on a mounted "
        "file system. Default: 1.",
    )
    filesystem: Filesystem | None = Field(
        default=None,
        description="Where the work directories of the runs are. Default: the engine's own, EFS for miniwdl "
        "and snakemake.",
    )

    @property
    def head_vcpus(self) -> int:
        """The vCPUs of a head job: the fewest with which Fargate offers the memory."""
        return next(vcpus for memory, vcpus in _FARGATE if self.head_memory <= memory)

    @property
    def head_image(self) -> str | None:
        """The image of head jobs, where another than the engine's default is asked for."""
        if self.version is None:
            return self.image
        return ENGINES[self.engine].image.format(version=self.version)


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


class Project(Section):
    """A project file, `agc-project.yaml`: workflows, the data they read, and the contexts they run in."""

    name: Annotated[str, _NAME] = Field(
        description="Name of the project; the stacks are named after it. Letters and digits, beginning with a letter."
    )
    schema_version: Annotated[int, Whole(1, 1)] = Field(description="Version of the file's format: 1.")
    workflows: Annotated[dict[Annotated[str, Text("the name of a workflow")], Workflow], EmptyWhenNothing()] = Field(
        default_factory=dict, description="The workflows by name. Default: none."
    )
    data: Annotated[tuple[DataLocation, ...], EmptyWhenNothing()] = Field(
        default=(),
        description="Places in S3 that workflows read or write. Default: only the project's own bucket.",
    )
    kms_key_arn: KmsKeyArn | None = Field(
        default=None,
        description="KMS key that encrypts the project's bucket, logs, the volumes of machines, notifications, and the "
        "buckets and secrets of contexts that name no other; its policy must let AWS services use it. EFS and FSx file "
        "systems have a kmsKeyArn of their own. Default: keys of AWS.",
    )
    tags: Tags = Field(
        default_factory=dict,
        description="Tags for everything in every context and in what they share; a context's own tag of the same key "
        "is used instead there. Limits as for the tags of a context. Default: none.",
    )
    contexts: Annotated[dict[Annotated[str, _NAME], Context], EmptyWhenNothing()] = Field(
        default_factory=dict,
        description="The contexts by name: letters and digits. Default: none, and nothing can be deployed.",
    )

    def stack_name(self, context: str, user: str = "") -> str:
        """Return the name of a context's stack; with a user, of that user's own."""
        return "-".join(part for part in (self.name, user, context) if part)

    @staticmethod
    def bucket_prefix(context: str, user: str = "") -> str:
        """Return the prefix of a context in the project's bucket. No user's can be that of a context, nor hold one."""
        return f"users/{user}/{context}" if user else f"contexts/{context}"
