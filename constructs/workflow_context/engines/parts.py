"""What a workflow context gives its engine."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import aws_cdk as cdk
from aws_cdk import aws_kms as kms, aws_logs as logs

from workflow_context.job_queues import JobQueues
from workflow_context.network import Placement
from workflow_context.references import Reference
from workflow_context.s3_location import S3Location
from workflow_context.storage.base import WorkflowFileSystem


@dataclass(frozen=True, kw_only=True)
class ContextParts:
    """The parts of a context that its engine works with; `WorkflowContext` makes it.

    Attributes:
        placement: Where head jobs run.
        compute: The queues.
        storage: The file system that head jobs and task jobs share.
        outputs: Where the engine writes to in S3.
        data: What else workflows may read, and write where it is not read-only.
        references: What head jobs and task jobs find mounted read-only beside the file system.
        head_vcpus: vCPUs of a head job.
        head_memory: Memory of a head job.
        log_group: The log of jobs of our definitions. Default: the engine makes one.
        log_retention: How long a log group that the engine makes keeps its entries.
        log_encryption_key: Key for a log group that the engine makes. Default: the key of CloudWatch Logs.
    """

    placement: Placement
    compute: JobQueues
    storage: WorkflowFileSystem
    outputs: S3Location
    data: Sequence[S3Location] = ()
    references: Sequence[Reference] = ()
    head_vcpus: float = 1
    head_memory: cdk.Size = field(default_factory=lambda: cdk.Size.gibibytes(4))
    log_group: logs.ILogGroup | None = None
    log_retention: logs.RetentionDays = logs.RetentionDays.ONE_MONTH
    log_encryption_key: kms.IKey | None = None
