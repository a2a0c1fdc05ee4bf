"""Compute environments of AWS Batch, and the job queues before them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_batch as batch, aws_ec2 as ec2, aws_iam as iam
from constructs import Construct, IDependable

from .machines import Machines
from .network import Placement

_STUCK_AFTER = cdk.Duration.minutes(15)
_UPDATE_TIMEOUT = cdk.Duration.hours(120)
"""The most there is: jobs at work when a launch template or an image changes get five days to end.
https://docs.aws.amazon.com/batch/latest/APIReference/API_UpdatePolicy.html"""


@dataclass(frozen=True)
class Environments:
    """Makes the environments of a context, all in one network.

    Attributes:
        placement: Where the jobs run.
        security_group: The security group of jobs and instances.
        launch_template: How instances start.
        after: What must be there before a job runs.
    """

    placement: Placement
    security_group: ec2.ISecurityGroup
    launch_template: ec2.LaunchTemplate
    after: Sequence[IDependable]

    def on_instances(
        self, scope: Construct, id: str, *, machines: Machines, role: iam.IRole, spot: bool, max_vcpus: int
    ) -> batch.ManagedEc2EcsComputeEnvironment:
        """Define an environment of EC2 instances that come and go with the work.

        Args:
            scope: Where it lives.
            id: Its name there.
            machines: What the instances are.
            role: Their role.
            spot: Whether they are Spot capacity.
            max_vcpus: Upper bound of the vCPUs at a time.
        """
        environment = batch.ManagedEc2EcsComputeEnvironment(
            scope,
            id,
            vpc=self.placement.vpc,
            vpc_subnets=self.placement.selection,
            security_groups=[self.security_group],
            spot=spot,
            # The strategies that AWS Batch can update in place; BEST_FIT, its default, is not one.
            allocation_strategy=(
                batch.AllocationStrategy.SPOT_PRICE_CAPACITY_OPTIMIZED
                if spot
                else batch.AllocationStrategy.BEST_FIT_PROGRESSIVE
            ),
            images=[batch.EcsMachineImage(image=machines.machine_image, image_type=machines.image_type)],
            instance_role=role,
            launch_template=self.launch_template,
            default_instance_classes=[batch.DefaultInstanceClass.X86_64],
            minv_cpus=0,
            maxv_cpus=max_vcpus,
            replace_compute_environment=False,
            update_to_latest_image_version=True,
            update_timeout=_UPDATE_TIMEOUT,
            terminate_on_update=False,
        )
        # The L2 has no property for it.
        # https://docs.aws.amazon.com/batch/latest/APIReference/API_ComputeScalingPolicy.html
        kept = {"MinScaleDownDelayMinutes": machines.kept_minutes} if machines.kept_minutes else {}
        # The role's policies as well: an environment outlives its role only to be stuck in DELETING.
        _complete(
            environment,
            [role, *self.after],
            {
                # The L2 takes enum members and full types; the service takes families and its own default_… names too.
                "InstanceTypes": machines.instance_types,
                # Without a version AWS Batch keeps the one it met first, and a changed template changes no instance.
                "LaunchTemplate": {"Version": self.launch_template.latest_version_number},
                **({"ScalingPolicy": kept} if kept else {}),
            },
        )
        return environment

    def on_fargate(self, scope: Construct, id: str, *, max_vcpus: int) -> batch.FargateComputeEnvironment:
        """Define an environment of Fargate.

        Args:
            scope: Where it lives.
            id: Its name there.
            max_vcpus: Upper bound of the vCPUs at a time.
        """
        environment = batch.FargateComputeEnvironment(
            scope,
            id,
            vpc=self.placement.vpc,
            vpc_subnets=self.placement.selection,
            security_groups=[self.security_group],
            maxv_cpus=max_vcpus,
            replace_compute_environment=False,
        )
        _complete(environment, self.after, {})
        return environment


def new_queue(scope: Construct, id: str, environment: batch.IComputeEnvironment) -> batch.JobQueue:
    """Define a queue before one environment, which does not let a job block it that no machine can run.

    Args:
        scope: Where it lives.
        id: Its name there.
        environment: The environment.
    """
    # No name: a tag or a name can only be changed by replacement, which a fixed name would forbid.
    return batch.JobQueue(
        scope,
        id,
        compute_environments=[batch.OrderedComputeEnvironment(compute_environment=environment, order=1)],
        job_state_time_limit_actions=[
            batch.JobStateTimeLimitAction(
                max_time=_STUCK_AFTER,
                reason=reason,
                state=batch.JobStateTimeLimitActionsState.RUNNABLE,
                action=batch.JobStateTimeLimitActionsAction.CANCEL,
            )
            for reason in (
                batch.JobStateTimeLimitActionsReason.COMPUTE_ENVIRONMENT_MAX_RESOURCE,
                batch.JobStateTimeLimitActionsReason.JOB_RESOURCE_REQUIREMENT,
            )
        ],
    )


def _complete(
    environment: batch.IComputeEnvironment, after: Sequence[IDependable], resources: Mapping[str, object]
) -> None:
    node = environment.node
    resource = node.default_child
    assert isinstance(resource, batch.CfnComputeEnvironment)  # noqa: S101  for the type checker
    # The L2 writes the type in lower case, which is not in the schema.
    resource.add_override("Properties", {"Type": "MANAGED", **({"ComputeResources": resources} if resources else {})})
    node.add_dependency(*after)
