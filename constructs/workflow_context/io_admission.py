"""No more tasks at a time than the file system can feed."""

import math

import aws_cdk as cdk
from aws_cdk import (
    aws_batch as batch,
    aws_iam as iam,
    aws_kms as kms,
    aws_lambda as lambda_,
    aws_logs as logs,
    aws_scheduler as scheduler,
    aws_scheduler_targets as targets,
)
from constructs import Construct

from .functions import new_function
from .models.default_demand import READ_MIBPS_PER_VCPU, WRITE_MIBPS_PER_VCPU
from .nag import acknowledge_policies
from .scripts import read_script

MIBPS_PER_VCPU = READ_MIBPS_PER_VCPU + WRITE_MIBPS_PER_VCPU
"""What a task moves for each vCPU where nothing is known about the workflow."""

UNITS_PER_MIBPS = 1000
"""AWS Batch counts whole units, and a task of one vCPU takes less than 1 MiB/s."""


class IoAdmission(Construct):
    """Throughput of the file system as a consumable resource of AWS Batch, of which each task takes its share.

    AWS Batch starts a task only when its share is free, so tasks wait in the queue instead of stalling one another on
    the file system. A task takes its share for each vCPU, unless its engine says what it takes.
    https://docs.aws.amazon.com/batch/latest/userguide/resource-aware-scheduling.html

    Args:
        scope: Where the construct lives.
        id: Its name there.
        mibps: What all tasks together may move, reads and writes, in MiB per second.
        mibps_per_vcpu: What a task moves for each vCPU, in MiB per second. Default: 0.34, what the genomics workflows
            moved that were measured on Amazon EFS.

    Attributes:
        resource: The consumable resource; one unit is a thousandth of a MiB per second.
        units_per_vcpu: How many units a task takes for each vCPU.

    Raises:
        ValueError: A rate that is not positive, or a share that is more than all.

    Security considerations:
        Who may submit with the resource may take all of it, and so keep the tasks of this context waiting; nobody else
        can.

    Cost:
        None. With `follow_burst_credits`: two metrics read every five minutes, 0.17 USD a month.
    """

    def __init__(self, scope: Construct, id: str, *, mibps: float, mibps_per_vcpu: float = MIBPS_PER_VCPU) -> None:
        super().__init__(scope, id)
        if mibps <= 0 or mibps_per_vcpu <= 0:
            message = f"mibps and mibps_per_vcpu must be greater than 0, got {mibps} and {mibps_per_vcpu}"
            raise ValueError(message)
        if mibps_per_vcpu > mibps:
            message = f"a task of one vCPU moves {mibps_per_vcpu} MiB/s, but all together may move {mibps} only"
            raise ValueError(message)
        self._units = math.floor(mibps * UNITS_PER_MIBPS)
        self.resource = batch.ConsumableResource(
            self,
            "Resource",
            resource_type=batch.ConsumableResourceType.REPLENISHABLE,
            total_quantity=self._units,
        )
        self.units_per_vcpu = max(1, math.ceil(mibps_per_vcpu * UNITS_PER_MIBPS))

    @property
    def arn(self) -> str:
        """The ARN of the resource."""
        return self.resource.consumable_resource_arn

    @property
    def environment(self) -> dict[str, str]:
        """What head jobs must be told to give tasks their share."""
        return {
            "WORKFLOW_IO_RESOURCE": self.arn,
            "WORKFLOW_IO_UNITS": str(self._units),
            "WORKFLOW_IO_UNITS_PER_VCPU": str(self.units_per_vcpu),
        }

    def follow_burst_credits(self, file_system_id: str, *, log_encryption_key: kms.IKey | None = None) -> None:
        """Lower the rate as the burst credits of an Amazon EFS file system are used up, and raise it as they come back.

        Every five minutes it becomes the baseline of the file system with its credits spread over an hour, and never
        more than the rate that was given. https://docs.aws.amazon.com/efs/latest/ug/performance.html

        Args:
            file_system_id: `fs-…`.
            log_encryption_key: Key for the log of the function. Default: the key of CloudWatch Logs.
        """
        function = new_function(
            self,
            "FollowBurstCredits",
            code=lambda_.Code.from_inline(read_script("follow_burst_credits.py")),
            description="Sets what tasks may move to what the burst credits of the file system allow",
            timeout=cdk.Duration.minutes(1),
            environment={"FILE_SYSTEM": file_system_id, "RESOURCE": self.arn, "MOST": str(self._units)},
            log_retention=logs.RetentionDays.ONE_WEEK,
            log_encryption_key=log_encryption_key,
            after_failure="It runs for a second every five minutes, and the next run makes up for one that failed.",
        )
        self.resource.grants.update(function)
        function.add_to_role_policy(iam.PolicyStatement(actions=["cloudwatch:GetMetricStatistics"], resources=["*"]))
        scheduler.Schedule(
            self,
            "Schedule",
            schedule=scheduler.ScheduleExpression.rate(cdk.Duration.minutes(5)),
            target=targets.Universal(
                service="lambda",
                action="invoke",
                input=scheduler.ScheduleTargetInput.from_object(
                    {"FunctionName": function.function_name, "InvocationType": "Event"}
                ),
                role=iam.Role(
                    self,
                    "ScheduleRole",
                    assumed_by=iam.ServicePrincipal(
                        "scheduler.amazonaws.com",
                        conditions={"StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID}},
                    ),
                ),
                retry_attempts=0,  # the next run comes
                policy_statements=[
                    iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[function.function_arn])
                ],
            ),
            description="Follow the burst credits of the file system",
        )
        acknowledge_policies(self, {"cloudwatch:": "CloudWatch has no resource level for this action."})
