"""The machines that tasks run on: those of a context or of shared queues, and other kinds beside them."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from .section import Section
from .values import INT32, Choice, EmptyWhenNothing, Flag, Text, Whole

MAX_KINDS = 3
"""As `workflow_context.task_machines` has it: head jobs are told of them, and a job definition has little room."""

AMI = Text("the id of an image, such as ami-0123456789abcdef0", r"ami-[0-9a-f]{8,17}")


def _begin_with_a_small_letter(written: str) -> str:
    rest = "".join(letter for letter in written if letter.isascii() and letter.isalnum()).lstrip("0123456789")
    return f"did you mean '{rest[0].lower()}{rest[1:]}'?" if rest and len(rest) <= 31 else ""


NAME = Text(
    "letters and digits, beginning with a-z, at most 31", "[a-z][A-Za-z0-9]*", 31, hint=_begin_with_a_small_letter
)

InstanceTypes: TypeAlias = Annotated[tuple[Annotated[str, Text("an instance type or family")], ...], EmptyWhenNothing()]
Architecture: TypeAlias = Annotated[
    Literal["x86_64", "arm64"],
    Choice(
        {
            "amd64": "did you mean 'x86_64'?",
            "aarch64": "did you mean 'arm64'?",
            "arm": "did you mean 'arm64'?",
        }
    ),
]


class Machines(Section):
    """A kind of machines beside those of the context itself, with queues of its own."""

    memory_from_gib: Annotated[int, Whole(1, 24576, "GiB")] | None = Field(
        default=None,
        description="Tasks that ask for so much memory at least run on these machines, in GiB. Default: memory is no "
        "reason; tasks run here that need GPUs or a processor which other machines have not, or that name these.",
    )
    instance_types: InstanceTypes = Field(
        default=(),
        description="EC2 instance types (r6i.8xlarge) or families (r6i), or optimal. Default: AWS Batch chooses.",
    )
    architecture: Architecture = Field(default="x86_64", description="Processor of the machines. Default: x86_64.")
    gpu: Annotated[bool, Flag()] = Field(
        default=False, description="Whether they have NVIDIA GPUs: tasks that ask for GPUs run here. Default: false."
    )
    request_spot_instances: Annotated[bool, Flag()] = Field(
        default=False,
        description="Whether they are Spot instances, which are cheaper and may be interrupted. Default: false, "
        "whatever the context itself says.",
    )
    fallback_to_on_demand: Annotated[bool, Flag()] | None = Field(
        default=None,
        description="Whether Spot instances have a second, on-demand queue for tasks that were interrupted. Default: "
        "true with requestSpotInstances, otherwise ignored.",
    )
    max_vcpus: Annotated[int, Whole(1, INT32, "vCPUs")] = Field(
        default=256,
        alias="maxVCpus",
        description="How many vCPUs the tasks may use there at the same time, at least 1. Default: 256.",
    )
    ami_id: Annotated[str, AMI] | None = Field(
        default=None,
        description="Amazon Machine Image, as that of the context. Default: the newest that AWS Batch chooses.",
    )

    @property
    def has_fallback(self) -> bool:
        """Whether there is an on-demand queue beside the Spot queue."""
        return self.request_spot_instances and self.fallback_to_on_demand is not False


class OwnMachines(Section):
    """What a context says of its machines, or the project of those behind its shared queues."""

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
    machines: Annotated[dict[Annotated[str, NAME], Machines], EmptyWhenNothing()] = Field(
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
    ami_id: Annotated[str, AMI] | None = Field(
        default=None,
        description="Amazon Machine Image of the machines that run tasks: one made from the ECS-optimized Amazon "
        "Linux 2023, for the context's processor and Region. Default: the newest that AWS Batch chooses.",
    )

    @property
    def has_fallback(self) -> bool:
        """Whether there is an on-demand queue beside the Spot queue."""
        return self.request_spot_instances and self.fallback_to_on_demand is not False

    def queues_for(self, heads: str) -> tuple[tuple[str, str], ...]:
        """Return the job queues, each with the machines behind it, for people.

        Args:
            heads: What head jobs run on.
        """
        found = [("head", heads)]
        others = {f"{name} ": one for name, one in self.machines.items()}
        kinds: dict[str, OwnMachines | Machines] = {"": self, **others}
        for kind, machines in kinds.items():
            found.append((f"{kind}task", "EC2 Spot" if machines.request_spot_instances else "EC2 on-demand"))
            if machines.has_fallback:
                found.append((f"{kind}fallback", "EC2 on-demand"))
        return tuple(found)
