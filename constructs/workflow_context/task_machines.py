"""The kinds of machines that tasks run on, each with queues of its own."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_batch as batch, aws_ec2 as ec2, aws_iam as iam
from constructs import Construct

from .machines import Machines, task_machines
from .pbs.machines import VARIABLE
from .queues import Environments, new_queue

MAX_KINDS = 3
"""How many kinds a context may have beside its own: head jobs are told of them, and a job has little room for that."""

_NAME = re.compile(r"[a-z][A-Za-z0-9]{0,30}\Z")


@dataclass(frozen=True, kw_only=True)
class TaskMachines:
    """One kind of machines for tasks.

    Attributes:
        instance_types: Instance types (`m6i.xlarge`) or families (`m6i`). Default: what AWS Batch takes for the
            architecture (`default_x86_64`, `default_arm64`), or with `gpu` the g4dn, g5 and g6 families.
        architecture: Processor architecture. Default: x86_64.
        gpu: They have NVIDIA GPUs and the image that drives them.
        spot: They are Spot capacity. Default: on-demand.
        fallback_to_on_demand: With `spot`, whether there is an on-demand queue for tasks that lost their machine.
            Default: yes.
        max_vcpus: Upper bound of their vCPUs at a time, in each of the task and the fallback queue.
        machine_image: Image of the instances. Default: the newest ECS-optimized Amazon Linux 2023.
        memory_from: Tasks that ask for so much memory at least run on them. Default: tasks run on them that ask for
            GPUs or an architecture which other machines of the context have not, or that name them.

    Raises:
        ValueError: A fallback without Spot, no vCPUs, or GPUs with arm64.
    """

    instance_types: Sequence[str | ec2.InstanceType] = ()
    architecture: ec2.InstanceArchitecture = ec2.InstanceArchitecture.X86_64
    gpu: bool = False
    spot: bool = False
    fallback_to_on_demand: bool | None = None
    max_vcpus: int = 256
    machine_image: ec2.IMachineImage | None = None
    memory_from: cdk.Size | None = None

    def __post_init__(self) -> None:
        if self.gpu and self.architecture == ec2.InstanceArchitecture.ARM_64:
            raise ValueError("gpu needs architecture X86_64: the NVIDIA image of AWS Batch here is for x86_64 only")
        if self.fallback_to_on_demand and not self.spot:
            raise ValueError("fallback_to_on_demand is for Spot capacity; give spot=True too, or leave it out")
        if self.max_vcpus < 1:
            message = f"max_vcpus must be at least 1, got {self.max_vcpus}"
            raise ValueError(message)

    @property
    def has_fallback(self) -> bool:
        """Whether there is an on-demand queue beside a Spot one."""
        return self.spot and self.fallback_to_on_demand is not False

    def instances(self, kept_minutes: int) -> Machines:
        """The instances of an environment.

        Args:
            kept_minutes: How long they are kept at least after their last job; 0 for as AWS Batch does.
        """
        return task_machines(
            self.instance_types,
            self.architecture,
            gpu=self.gpu,
            machine_image=self.machine_image,
            kept_minutes=kept_minutes,
        )


@dataclass(frozen=True)
class TaskQueues:
    """The queues before one kind of machines.

    Attributes:
        name: The name of the kind; empty for the context's own.
        machines: What they are.
        queue: The queue of tasks.
        fallback: The on-demand queue beside a Spot one, or None.
    """

    name: str
    machines: TaskMachines
    queue: batch.JobQueue
    fallback: batch.JobQueue | None

    @property
    def all(self) -> list[batch.JobQueue]:
        """Both, or the one that there is."""
        return [self.queue, *([self.fallback] if self.fallback else [])]

    @cached_property
    def arn(self) -> str:
        """The ARN of the queue of tasks."""
        return self.queue.job_queue_arn

    @cached_property
    def fallback_arn(self) -> str:
        """The ARN of the on-demand queue beside a Spot one; empty where there is none."""
        return self.fallback.job_queue_arn if self.fallback else ""

    @property
    def arns(self) -> list[str]:
        """The ARNs of both, or of the one that there is."""
        return [self.arn, *([self.fallback_arn] if self.fallback else [])]

    @property
    def queue_name(self) -> str:
        """The name of the queue of tasks, which is shorter than its ARN."""
        return _name_of(self.arn)

    @property
    def fallback_name(self) -> str:
        """The name of the on-demand queue beside a Spot one; empty where there is none."""
        return _name_of(self.fallback_arn) if self.fallback else ""

    @property
    def has_reason(self) -> bool:
        """Whether tasks get there by the GPUs or the memory that they ask for."""
        return self.machines.gpu or bool(self.memory_from_mib)

    @property
    def architecture(self) -> str:
        """The processor architecture of the machines, as head jobs know it."""
        return "arm64" if self.machines.architecture == ec2.InstanceArchitecture.ARM_64 else "x86_64"

    @property
    def memory_from_mib(self) -> int:
        """From how much memory on a task goes there by itself; 0 where memory is no reason."""
        return int(self.machines.memory_from.to_mebibytes()) if self.machines.memory_from else 0

    def outputs(self) -> dict[str, str]:
        """What a user wants to know once they are deployed: name to value, for stack outputs."""
        end = f"{self.name[:1].upper()}{self.name[1:]}"
        return {
            f"TaskQueue{end}": self.arn,
            **({f"FallbackQueue{end}": self.fallback_arn} if self.fallback else {}),
        }

    def told(self) -> dict[str, Any]:
        """What a head job is told of them, without what is as usual; see `pbs/machines.py`."""
        queues = {"name": self.name, "queue": self.queue_name, "fallback": self.fallback_name} if self.name else {}
        return {
            **{key: value for key, value in queues.items() if value},
            **({"gpu": True} if self.machines.gpu else {}),
            **({"architecture": self.architecture} if self.architecture != "x86_64" else {}),
            **({"memory_mib": self.memory_from_mib} if self.memory_from_mib else {}),
        }


def define_queues(
    compute: Construct,
    kinds: Mapping[str, TaskMachines],
    environments: Environments,
    role: iam.IRole,
    kept_minutes: int,
) -> list[TaskQueues]:
    """Define the queues of tasks, each with an environment of its own.

    Args:
        compute: Where they live.
        kinds: What the machines are, by name; the context's own, with the name that is empty, first.
        environments: What makes the environments.
        role: The role of the instances.
        kept_minutes: How long instances are kept at least after their last job; 0 for as AWS Batch does.

    Raises:
        ValueError: There are too many kinds, or a name is none.
    """
    if len(kinds) > MAX_KINDS + 1:
        message = f"a context has at most {MAX_KINDS} kinds of machines beside its own, got {len(kinds) - 1}"
        raise ValueError(message)
    return [_define(compute, name, one, environments, role, kept_minutes) for name, one in kinds.items()]


def _define(
    compute: Construct,
    name: str,
    kind: TaskMachines,
    environments: Environments,
    role: iam.IRole,
    kept_minutes: int,
) -> TaskQueues:
    if name and not _NAME.match(name):
        message = f"the name of machines must be letters and digits, and begin with a-z, got {name!r}"
        raise ValueError(message)
    # The names of the queues in AWS hold that of the kind.
    scope = Construct(compute, f"Machines{name[0].upper()}{name[1:]}") if name else compute
    machines = kind.instances(kept_minutes)
    tasks = environments.on_instances(
        scope, "TaskEnvironment", machines=machines, role=role, spot=kind.spot, max_vcpus=kind.max_vcpus
    )
    queue = new_queue(scope, "TaskQueue", tasks)
    if not kind.has_fallback:
        return TaskQueues(name, kind, queue, None)
    fallback = environments.on_instances(
        scope, "FallbackEnvironment", machines=machines, role=role, spot=False, max_vcpus=kind.max_vcpus
    )
    return TaskQueues(name, kind, queue, new_queue(scope, "FallbackQueue", fallback))


def _name_of(arn: str) -> str:
    return cdk.Fn.select(1, cdk.Fn.split("/", arn))  # the L2 gives the ARN as its name


def told_to_head_jobs(kinds: Sequence[TaskQueues]) -> dict[str, str]:
    """The environment by which head jobs choose a queue for each task; nothing where there is one kind of machines.

    Args:
        kinds: The queues of the context, those of its own machines first.
    """
    told = [kind.told() for kind in kinds]
    return {VARIABLE: json.dumps(told, separators=(",", ":"))} if len(told) > 1 else {}
