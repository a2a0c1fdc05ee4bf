"""The machines that tasks run on: those of a context itself, and other kinds beside them."""

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
