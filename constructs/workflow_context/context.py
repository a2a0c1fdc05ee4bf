"""The workflow context: storage, queues and engine, put together."""

from collections.abc import Sequence
from typing import Protocol

import aws_cdk as cdk
import jsii
from aws_cdk import aws_ec2 as ec2, aws_iam as iam, aws_kms as kms, aws_logs as logs, aws_s3 as s3
from constructs import Construct, IValidation

from .compute import BatchCompute
from .engines.base import WorkflowEngine
from .engines.parts import ContextParts
from .job_queues import JobQueues
from .network import Placement
from .references import Reference
from .run_rights import RunRights, grant
from .s3_location import S3Location
from .storage.base import WorkflowFileSystem


class EngineFactory(Protocol):
    """What makes the engine of a context: an engine class, or one with options: `NextflowEngine.with_options(…)`."""

    def __call__(self, scope: Construct, id: str, parts: ContextParts, /) -> WorkflowEngine:
        """Define the engine.

        Args:
            scope: The context.
            id: Its name there.
            parts: What the engine works with.
        """
        ...


class ComputeFactory(Protocol):
    """What gives a context its queues: `BatchCompute`, one with options, or `SharedQueues.for_context`."""

    def __call__(self, scope: Construct, id: str, placement: Placement, storage: WorkflowFileSystem, /) -> JobQueues:
        """Define the queues, or say which of others they are.

        Args:
            scope: The context.
            id: Its name there.
            placement: Where the jobs run.
            storage: The file system that they share.
        """
        ...


@jsii.implements(ec2.IConnectable)
class WorkflowContext(Construct):
    """Everything that one engine needs to run workflows: queues, roles and job definitions on a shared file system.

    ```python
    network = Network(self, "Network", vpc=my_vpc)
    placement = network.placement()
    WorkflowContext(
        self,
        "Joint",
        engine=MiniwdlEngine,
        compute=BatchCompute.with_options(spot=True),
        placement=placement,
        storage=EfsFileSystem(self, "Storage", placement=placement, throughput_mode=efs.ThroughputMode.ELASTIC),
        outputs=S3Location(my_bucket, "joint-calling"),
        data=[S3Location(my_references, read_only=True)],
    )
    ```

    Args:
        scope: Where the construct lives.
        id: Its name there. AWS Batch names the queues after it.
        engine: The engine: a class such as `MiniwdlEngine`, or one with options of its own, as in
            `NextflowEngine.with_options(task_image="…")`.
        compute: The queues and the machines behind them: `BatchCompute.with_options(…)`, or for queues that contexts
            share `SharedQueues.for_context`. Default: `BatchCompute`, on demand, 256 vCPUs at most.
        placement: Where the jobs run: a placement, or a VPC, in whose private subnets they do.
        storage: The file system that head jobs and task jobs share.
        outputs: Where workflows write to in S3: a location, or a whole bucket.
        data: What else they may read, and write where it is not read-only.
        references: File systems, or other directories of `storage`, that head jobs and tasks find mounted beside it and
            can only read. For engines whose tasks have job definitions of the context: Nextflow and Snakemake, where
            they work on a file system.
        head_vcpus: vCPUs of a head job.
        head_memory: Memory of a head job. Default: 4 GiB. On Fargate it must be one that it offers for the vCPUs.
        log_group: The log of jobs. Default: a new one.
        log_retention: How long a new log group keeps its entries. Default: a month.
        log_encryption_key: Key for a new log group. Default: the key of CloudWatch Logs.

    Attributes:
        storage: The file system.
        compute: The queues and what is behind them.
        engine: The engine.

    Raises:
        ValueError: Parts that do not fit together: the message says which, and what fits.
        TypeError: An argument of another type than is said here.

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
        placement: Placement | ec2.IVpc,
        storage: WorkflowFileSystem,
        outputs: S3Location | s3.IBucket,
        data: Sequence[S3Location] = (),
        references: Sequence[Reference] = (),
        compute: ComputeFactory = BatchCompute,
        head_vcpus: float = 1,
        head_memory: cdk.Size | None = None,
        log_group: logs.ILogGroup | None = None,
        log_retention: logs.RetentionDays | None = None,
        log_encryption_key: kms.IKey | None = None,
    ) -> None:
        super().__init__(scope, id)
        for name, value in (("log_retention", log_retention), ("log_encryption_key", log_encryption_key)):
            if log_group is not None and value is not None:
                message = f"{name} is for a new log group; set it on the log_group that is given"
                raise ValueError(message)
        if not callable(engine):
            message = f"engine must be an engine class such as MiniwdlEngine, or one with_options(…), got {engine!r}"
            raise TypeError(message)
        if not callable(compute):
            message = (
                "compute must be BatchCompute, BatchCompute.with_options(…), or the for_context of SharedQueues, got "
                f"{compute!r}"
            )
            raise TypeError(message)
        if not isinstance(storage, WorkflowFileSystem):
            message = (
                f"storage must be a WorkflowFileSystem such as EfsFileSystem, got {storage!r}; "
                "EfsFileSystem.from_efs(…) takes a file system of the CDK"
            )
            raise TypeError(message)
        placement, outputs = Placement.of(placement), S3Location.of(outputs)
        _check_paths(references, storage)
        self.storage = storage
        self.compute = compute(self, "Compute", placement, storage)
        for reference in references:
            reference.storage.allow_mount_from(self.compute)
        parts = ContextParts(
            placement=placement,
            compute=self.compute,
            storage=storage,
            outputs=outputs,
            data=data,
            references=references,
            head_vcpus=head_vcpus,
            head_memory=head_memory or cdk.Size.gibibytes(4),
            log_group=log_group,
            log_retention=log_retention or logs.RetentionDays.ONE_MONTH,
            log_encryption_key=log_encryption_key,
        )
        self.engine = engine(self, "Engine", parts)
        if references and not self.engine.takes_references:
            message = (
                f"references are given, but tasks of {type(self.engine).__name__} on {type(storage).__name__} mount "
                "nothing beside it; leave them out, or use NextflowEngine or SnakemakeEngine on EFS, ObjectiveFS or "
                "Lustre"
            )
            raise ValueError(message)
        if self.compute.io and not self.engine.takes_io_shares:
            message = (
                f"io_mibps is given, but the tasks of {type(self.engine).__name__} on {type(storage).__name__} cannot "
                "take shares of it; leave it out, or lower max_vcpus"
            )
            raise ValueError(message)
        if len(self.compute.kinds) > 1 and not self.engine.chooses_machines:
            message = (
                f"machines are given, but {type(self.engine).__name__} on {type(storage).__name__} sends all tasks to "
                "one queue; leave them out, or make a context for each kind"
            )
            raise ValueError(message)
        if self.compute.are_shared:
            self._check_shared_queues(references)
        if self.compute.io and storage.bursting_file_system_id:
            self.compute.io.follow_burst_credits(storage.bursting_file_system_id, log_encryption_key=log_encryption_key)
        self.node.add_validation(_Placed(storage, placement))

    def _check_shared_queues(self, references: Sequence[Reference]) -> None:
        from .shared_queues import AdmittedByRole  # what few contexts have

        if not self.engine.takes_shared_queues:
            message = (
                f"the queues are shared, but jobs of {type(self.engine).__name__} on {type(self.storage).__name__} "
                "have no roles and mounts of their own; use NextflowEngine or SnakemakeEngine on EfsFileSystem, or "
                "queues of the context's own (BatchCompute)"
            )
            raise ValueError(message)
        self.node.add_validation(AdmittedByRole([self.storage, *(one.storage for one in references)]))

    @property
    def connections(self) -> ec2.Connections:
        """The network connections of every job and instance: `context.connections.allow_to(database, port)`."""
        return self.compute.connections

    @property
    def run_rights(self) -> RunRights:
        """What somebody needs who runs workflows here."""
        outputs = self.engine.outputs
        key = outputs.bucket.encryption_key
        return RunRights(
            place=(cdk.Aws.PARTITION, cdk.Aws.REGION, cdk.Aws.ACCOUNT_ID),
            stack=cdk.Stack.of(self).stack_name,
            head_queue=self.compute.head_queue_arn,
            definitions=[self.engine.head_job_definition.job_definition_arn],
            bucket=outputs.bucket.bucket_arn,
            prefix=outputs.prefix,
            log_group=self.engine.log_group.log_group_name,
            key=key.key_arn if key else "",
        )

    def grant_submit(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow somebody to run workflows, and nothing else: each command about runs works with it.

        He may submit head jobs, follow and end them, read their logs and outputs, upload workflows and inputs, and
        write the records of runs. `workflow-context describe CONTEXT --policy` prints the same as a policy.

        AWS Batch knows no resource for the jobs of a queue, so whoever may end them may end every job of the account
        and region whose id he knows, and see the names and states of all.

        Args:
            grantee: Who may: a role of users or of CI, a Lambda function.
        """
        return grant(grantee, self.run_rights.statements())

    def outputs(self) -> dict[str, str]:
        """What a user of the context wants to know once it is deployed: name to value, for stack outputs."""
        check = self.engine.check
        return {
            "HeadQueue": self.compute.head_queue_arn,
            **{name: arn for kind in self.compute.kinds for name, arn in kind.outputs().items()},
            "HeadJobDefinition": self.engine.head_job_definition_arn,
            "HeadRole": self.engine.head_role.role_arn,
            **({"Check": check} if check else {}),
            **({"MountPath": self.storage.mount_path} if self.storage.mount_path else {}),
            # The names of its job definitions begin with it, and so its jobs are told from others in the queues.
            **({"NameInBatch": self.engine.context_name} if self.compute.are_shared else {}),
            "Outputs": self.engine.outputs.uri,
            "ClientConfiguration": self.engine.client_configuration,
            **self.storage.outputs(),
            **self.engine.extra_outputs(),
        }


def _check_paths(references: Sequence[Reference], storage: WorkflowFileSystem) -> None:
    """Each path is its own."""
    taken = [storage.mount_path] if storage.mount_path else []
    for reference in references:
        other = next((path for path in taken if reference.overlaps(path)), None)
        if other is not None:
            message = f"the reference {reference.path} overlaps {other}; give it a path of its own"
            raise ValueError(message)
        taken.append(reference.path)


@jsii.implements(IValidation)
class _Placed:
    """Whether the jobs run where the file system is; known when all is defined."""

    def __init__(self, storage: WorkflowFileSystem, placement: Placement) -> None:
        self._storage = storage
        self._placement = placement

    def validate(self) -> list[str]:
        return list(self._storage.misplaced(self._placement))
