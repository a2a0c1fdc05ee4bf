"""The workflow context: storage, queues and engine, put together."""

from collections.abc import Sequence
from typing import Protocol

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from .compute import BatchCompute
from .engines.base import WorkflowEngine
from .network import Placement
from .s3_location import S3Location
from .storage.base import WorkflowFileSystem


class EngineFactory(Protocol):
    """What makes the engine of a context: an engine class, or a `functools.partial` of one with its own options."""

    def __call__(
        self,
        scope: Construct,
        id: str,
        *,
        placement: Placement,
        compute: BatchCompute,
        storage: WorkflowFileSystem,
        outputs: S3Location,
        data: Sequence[S3Location],
    ) -> WorkflowEngine:
        """Define the engine."""
        ...


class WorkflowContext(Construct):
    """Everything that one engine needs to run workflows: queues, roles and job definitions on a shared file system.

    ```python
    network = Network(self, "Network", vpc=my_vpc)
    placement = network.placement()
    WorkflowContext(
        self,
        "Joint",
        engine=MiniwdlEngine,
        placement=placement,
        storage=EfsFileSystem(self, "Storage", placement=placement, throughput_mode=efs.ThroughputMode.ELASTIC),
        outputs=S3Location(my_bucket, "joint-calling"),
        data=[S3Location(my_references, read_only=True)],
        spot=True,
    )
    ```

    Args:
        scope: Where the construct lives.
        id: Its name there.
        engine: The engine: `MiniwdlEngine`, `SnakemakeEngine`, or a `functools.partial` of one.
        placement: Where the jobs run.
        storage: The file system that head jobs and task jobs share.
        outputs: Where workflows write to in S3.
        data: What else they may read, and write where it is not read-only.
        spot: See `BatchCompute`, as for all that follow.
        fallback_to_on_demand: With `spot`, whether there is an on-demand queue to fall back to. Default: yes.
        max_vcpus: Upper bound of the vCPUs of task jobs at a time.
        heads_on_fargate: Whether head jobs run on Fargate when the file system allows it. Default: yes.
        instance_types: Instance types or families of task jobs.
        architecture: Processor architecture of task jobs.
        gpu: Task jobs run on instances with GPUs.
        root_volume_size: Size of each instance's root volume. Default: 100 GiB.

    Attributes:
        storage: The file system.
        compute: The queues and what is behind them.
        engine: The engine.

    Security considerations:
        Each part has a role of its own with the least it needs; see the parts.

    Cost:
        Idle, a context costs what its file system stores (and provisions), and nothing else.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        engine: EngineFactory,
        placement: Placement,
        storage: WorkflowFileSystem,
        outputs: S3Location,
        data: Sequence[S3Location] = (),
        spot: bool = False,
        fallback_to_on_demand: bool | None = None,
        max_vcpus: int = 256,
        heads_on_fargate: bool = True,
        instance_types: Sequence[str] = (),
        architecture: ec2.InstanceArchitecture = ec2.InstanceArchitecture.X86_64,
        gpu: bool = False,
        root_volume_size: cdk.Size | None = None,
    ) -> None:
        super().__init__(scope, id)
        self.storage = storage
        self.compute = BatchCompute(
            self,
            "Compute",
            placement=placement,
            storage=storage,
            spot=spot,
            fallback_to_on_demand=fallback_to_on_demand,
            max_vcpus=max_vcpus,
            heads_on_fargate=heads_on_fargate,
            instance_types=instance_types,
            architecture=architecture,
            gpu=gpu,
            root_volume_size=root_volume_size,
        )
        self.engine = engine(
            self,
            "Engine",
            placement=placement,
            compute=self.compute,
            storage=storage,
            outputs=outputs,
            data=data,
        )

    def outputs(self) -> dict[str, str]:
        """What a user of the context wants to know once it is deployed: name to value, for stack outputs."""
        fallback = self.compute.fallback_queue
        return {
            "HeadQueue": self.compute.head_queue.job_queue_arn,
            "TaskQueue": self.compute.task_queue.job_queue_arn,
            **({"FallbackQueue": fallback.job_queue_arn} if fallback else {}),
            "HeadJobDefinition": self.engine.head_job_definition.job_definition_arn,
            "HeadRole": self.engine.head_role.role_arn,
            **({"MountPath": self.storage.mount_path} if self.storage.mount_path else {}),
            "Outputs": self.engine.outputs.uri,
            "ClientConfiguration": self.engine.client_configuration,
            **self.storage.outputs(),
            **self.engine.extra_outputs(),
        }
