"""What the project file says of machines becomes queues with machines behind them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2, aws_kms as kms
from constructs import Construct

from workflow_context.compute import BatchCompute
from workflow_context.network import Placement
from workflow_context.storage.base import WorkflowFileSystem
from workflow_context.task_machines import TaskMachines
from workflow_stacks.project.machines import Machines, OwnMachines

from .machine_image import ImageById

_ARCHITECTURES = {"x86_64": ec2.InstanceArchitecture.X86_64, "arm64": ec2.InstanceArchitecture.ARM_64}


@cache
def gibibytes(size: float) -> cdk.Size:
    """A size of so many GiB, made once.

    Args:
        size: How many.
    """
    return cdk.Size.gibibytes(size)


def compute_of(
    written: OwnMachines,
    *,
    head_max_vcpus: int,
    encryption_key: kms.IKey | None,
    heads_on_fargate: bool = True,
    io_mibps: int | None = None,
) -> Callable[[Construct, str, Placement, WorkflowFileSystem | None], BatchCompute]:
    """What defines the queues.

    Args:
        written: What the project file says of the machines.
        head_max_vcpus: Upper bound of the vCPUs of head jobs.
        encryption_key: Key for root volumes; None for that of EBS in the account.
        heads_on_fargate: Whether head jobs run on Fargate.
        io_mibps: What all task jobs together may move, in MiB per second. Default: no bound.
    """
    kept = written.min_scale_down_delay_minutes
    return BatchCompute.with_options(
        spot=written.request_spot_instances,
        fallback_to_on_demand=written.has_fallback,
        max_vcpus=written.max_vcpus,
        heads_on_fargate=heads_on_fargate,
        instance_types=written.instance_types,
        architecture=_ARCHITECTURES[written.architecture],
        gpu=written.gpu,
        root_volume_size=gibibytes(written.root_volume_gib),
        encryption_key=encryption_key,
        machine_image=ImageById(written.ami_id) if written.ami_id else None,
        min_scale_down_delay=cdk.Duration.minutes(kept) if kept else None,
        io_mibps=io_mibps,
        machines={name: _task_machines(one) for name, one in written.machines.items()},
        head_max_vcpus=head_max_vcpus,
    )


def _task_machines(written: Machines) -> TaskMachines:
    return TaskMachines(
        instance_types=written.instance_types,
        architecture=_ARCHITECTURES[written.architecture],
        gpu=written.gpu,
        spot=written.request_spot_instances,
        fallback_to_on_demand=written.has_fallback,
        max_vcpus=written.max_vcpus,
        machine_image=ImageById(written.ami_id) if written.ami_id else None,
        memory_from=cdk.Size.gibibytes(written.memory_from_gib) if written.memory_from_gib else None,
    )
