"""Runs that nobody needs any more are deleted from the shared file system."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam, aws_scheduler as scheduler, aws_scheduler_targets as targets
from constructs import Construct

from .context import WorkflowContext
from .nag import acknowledge_policies
from .scripts import read_script

IMAGE = "public.ecr.aws/docker/library/busybox:1.37.0"


class StorageExpiry(Construct):
    """Deletes runs that ended, and in which nothing was written for some time, from a context's file system.

    A job on the head queue looks once an hour. It takes whole run directories where the engine says they are
    (`WorkflowEngine.runs`), and only those that the engine marked as ended and that hold no file newer than the time
    given. A run without a mark stays, however long it is silent: it may be going, or its head job was killed. Where
    runs use files of each other, as by the call cache of miniwdl, nothing is deleted while one may be going (it has no
    mark, and was written to within 14 days, the longest that a head job may take). References, environments and caches
    are never touched; entries of the call cache whose files are gone are not used by the engine.

    A directory is moved aside (`.expired-<run>`), looked at again, and only then deleted. Links are never followed.

    Args:
        scope: Where the construct lives.
        id: Its name there.
        context: The context.
        after: How long after the last write a run is kept, in whole hours, at least one.

    Raises:
        ValueError: The file system is not mounted anywhere, the engine marks no runs as ended, or the time is shorter
            than an hour.

    Security considerations:
        The job can write on the file system and do nothing else; the scheduler can submit this one job to this one
        queue and nothing else.

    Cost:
        A Fargate job of a minute each hour: about 0.60 USD a month (us-east-1).
    """

    def __init__(self, scope: Construct, id: str, *, context: WorkflowContext, after: cdk.Duration) -> None:
        super().__init__(scope, id)
        mount_path = context.storage.mount_path
        if mount_path is None:
            message = f"{type(context.storage).__name__} is not mounted anywhere; let its own lifecycle rules expire it"
            raise ValueError(message)
        hours = int(after.to_hours(integral=False))
        if hours < 1:
            message = f"after must be at least one hour, got {after.to_minutes()} minutes"
            raise ValueError(message)
        runs = context.engine.runs
        if runs is None:
            message = (
                f"{type(context.engine).__name__} marks no runs that ended on the file system, so none can be deleted"
            )
            raise ValueError(message)
        definition = context.engine.maintenance_job_definition(
            "Expiry",
            image=IMAGE,
            command=[
                *("sh", "-c", read_script("expire_runs.sh"), "expire", mount_path, str(hours)),
                *runs.arguments(),
            ],
        )
        queue = context.compute.head_queue
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal(
                "scheduler.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID}}
            ),
        )
        scheduler.Schedule(
            self,
            "Schedule",
            schedule=scheduler.ScheduleExpression.rate(cdk.Duration.hours(1)),
            description=f"Delete runs that ended and in which nothing was written for {hours} hours",
            target=targets.Universal(
                service="batch",
                action="submitJob",
                input=scheduler.ScheduleTargetInput.from_object(
                    {
                        "JobName": "expiry",
                        "JobQueue": queue.job_queue_arn,
                        "JobDefinition": definition.job_definition_arn,
                    }
                ),
                role=role,
                retry_attempts=0,  # the next hour comes
                policy_statements=[
                    iam.PolicyStatement(
                        actions=["batch:SubmitJob"],
                        # The Service Authorization Reference has the job itself among the resources.
                        resources=[
                            queue.job_queue_arn,
                            definition.job_definition_arn,
                            cdk.Stack.of(self).format_arn(service="batch", resource="job", resource_name="*"),
                        ],
                    )
                ],
            ),
        )
        acknowledge_policies(self, {"batch:SubmitJob": "AWS Batch gives the id of a job when it is submitted."})
