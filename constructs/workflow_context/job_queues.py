"""What a context sends its jobs to, whether the queues are its own or shared."""

import abc
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import jsii
from aws_cdk import aws_batch as batch, aws_ec2 as ec2, aws_iam as iam
from constructs import Construct

from .task_machines import TaskQueues, told_to_head_jobs

if TYPE_CHECKING:
    from .io_admission import IoAdmission


@jsii.implements(ec2.IConnectable)
class JobQueues(Construct, metaclass=jsii.JSIIAbstractClass):
    """The queues of a context: its own (`BatchCompute`), or those that several share (`SharedQueues`).

    Attributes:
        head_queue: The queue of head jobs.
        task_queue: The queue of task jobs.
        fallback_queue: The on-demand queue beside a Spot one, or None.
        kinds: The queues of tasks for each kind of machines: the usual ones first.
        spot: Whether the task queue is one of Spot capacity.
        heads_on_fargate: Whether head jobs run on Fargate.
        are_shared: Whether other contexts use them too: then there is no instance role to give rights to, and
            events of a queue are of jobs of all of them.
        io: The throughput of the file system, of which task jobs take their share; None without a bound.
    """

    are_shared: ClassVar[bool] = False
    head_queue: batch.JobQueue
    task_queue: batch.JobQueue
    fallback_queue: batch.JobQueue | None
    kinds: list[TaskQueues]
    spot: bool
    heads_on_fargate: bool
    io: "IoAdmission | None"
    _connections: ec2.Connections

    @property
    def connections(self) -> ec2.Connections:
        """The network connections of every job and instance."""
        return self._connections

    @property
    @abc.abstractmethod
    def instance_role(self) -> iam.Role:
        """The role of the EC2 instances that run tasks.

        Raises:
            ValueError: The queues are shared: what one context is allowed, all would be.
        """

    @property
    @abc.abstractmethod
    def head_instance_role(self) -> iam.Role | None:
        """The role of the EC2 instances that run head jobs; None when those run on Fargate."""

    @abc.abstractmethod
    def run_at_boot(self, script: str) -> None:
        """Run a shell script on every instance when it starts, after those before it and before it takes jobs.

        Args:
            script: Its text. All scripts together must fit into 12 KiB: encoded, they become the 16 KiB of EC2.
                https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html

        Raises:
            ValueError: The queues are shared: machines are prepared for no context.
        """

    @cached_property
    def head_queue_arn(self) -> str:
        """The ARN of the queue of head jobs."""
        return self.head_queue.job_queue_arn

    @property
    def queues(self) -> list[batch.JobQueue]:
        """Every queue to which an engine sends task jobs."""
        return [queue for kind in self.kinds for queue in kind.all]

    @property
    def machines_environment(self) -> dict[str, str]:
        """What head jobs must be told to choose among several kinds of machines; nothing where there is one."""
        return told_to_head_jobs(self.kinds)
