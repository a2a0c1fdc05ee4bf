"""Queues that several contexts share, where an account's fifty are short."""

from collections.abc import Callable
from functools import cached_property
from typing import ClassVar, Never

import aws_cdk as cdk
import jsii
from aws_cdk import aws_ec2 as ec2, aws_iam as iam
from constructs import Construct, IValidation
from typing_extensions import override

from .compute import BatchCompute
from .job_queues import JobQueues
from .network import Placement
from .storage.base import WorkflowFileSystem

_WHAT_FITS = "use NextflowEngine or SnakemakeEngine on EfsFileSystem, or queues of the context's own (BatchCompute)"


class SharedQueues(Construct):
    """Queues of no context, and machines with rights to no context's data, for several contexts to use.

    ```python
    queues = SharedQueues(self, "Queues", placement=placement, compute=BatchCompute.with_options(spot=True))
    for name in ("One", "Two"):
        WorkflowContext(
            self,
            name,
            engine=NextflowEngine,
            compute=queues.for_context,
            placement=placement,
            storage=EfsFileSystem(self, f"{name}Storage", placement=placement),
            outputs=S3Location(my_bucket, name),
        )
    ```

    An account has 50 job queues and 50 compute environments in a Region, and a context takes two or three of each.
    Contexts that use these take none. What they have in common is the queues, the machines and their network; roles,
    job definitions, logs, file system and outputs are each context's own.

    For engines whose head jobs and tasks all have roles of their own, and whose job definitions mount the file system:
    `NextflowEngine` and `SnakemakeEngine`, on an `EfsFileSystem` that the app makes.

    Args:
        scope: Where the construct lives.
        id: Its name there. AWS Batch names the queues after it.
        placement: Where the jobs of all contexts run: a placement, or a VPC, in whose private subnets they do.
        compute: The queues and the machines behind them: `BatchCompute.with_options(…)`. Default: `BatchCompute`, on
            demand, 256 vCPUs for tasks and 16 for head jobs, of all contexts together.

    Attributes:
        placement: Where the jobs run: contexts on these queues need the same.
        compute: The queues and what is behind them.

    Raises:
        ValueError: A bound of throughput, of which one file system has one, or head jobs on EC2.
        TypeError: An argument of another type than is said here.

    Security considerations:
        The role of the machines allows what the ECS agent needs, and nothing else: no engine can add to it. A job
        reaches the file system and the outputs of its context by its own role alone, and head jobs may submit with, and
        end, what is their own context's. The security group of the machines is let in by the file systems of all
        contexts; these admit nobody without a role, which synthesis makes sure of.
        Tasks of different contexts run side by side on a machine, and Amazon ECS does not isolate them from hostile
        code: a task that takes over its machine, or poses as its agent (see `BatchCompute`), may act with the roles of
        the tasks beside it. https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ec2-security-considerations.html
        Share queues among contexts whose code you trust alike; others need queues of their own, or an account. Head
        jobs run on Fargate, where each has a machine of its own.
        What is allowed to the connections of one context (`context.connections.allow_to(…)`) is allowed to all.

    Cost:
        Nothing while no job runs, as `BatchCompute`. Jobs of all contexts are started first come, first served: one
        context can take all machines, and the others wait.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        placement: Placement | ec2.IVpc,
        compute: Callable[[Construct, str, Placement, None], BatchCompute] = BatchCompute,
    ) -> None:
        super().__init__(scope, id)
        if not callable(compute):
            message = f"compute must be BatchCompute, or BatchCompute.with_options(…), got {compute!r}"
            raise TypeError(message)
        self._groups: dict[str, ec2.ISecurityGroup] = {}
        self.placement = Placement.of(placement)
        self.compute = compute(self, "Compute", self.placement, None)
        if self.compute.io is not None:
            raise ValueError("io_mibps bounds one file system, and each context has its own; leave it out")
        if not self.compute.heads_on_fargate:
            raise ValueError("head jobs of several contexts must not share a machine; leave heads_on_fargate out")

    def security_group_beside(self, storage: WorkflowFileSystem) -> ec2.ISecurityGroup:
        """The security group of every job and instance, as one of the stack of a file system.

        By its id, since the rule that lets it in belongs there; and one for all contexts, since AWS refuses a second
        rule that lets the same machines in.

        Args:
            storage: The file system.
        """
        stack = cdk.Stack.of(storage)
        where = stack.node.addr
        if where not in self._groups:
            self._groups[where] = ec2.SecurityGroup.from_security_group_id(
                stack, f"MachinesOf{self.node.addr}", self.security_group_id, mutable=False, allow_all_outbound=True
            )
        return self._groups[where]

    @cached_property
    def security_group_id(self) -> str:
        """The id of the security group of every job and instance."""
        return self.compute.security_group.security_group_id

    def for_context(self, scope: Construct, id: str, placement: Placement, storage: WorkflowFileSystem) -> JobQueues:
        """The queues as those of a context: `WorkflowContext(…, compute=queues.for_context)`.

        Args:
            scope: The context.
            id: Its name there.
            placement: Where the jobs of the context are to run.
            storage: Its file system.

        Raises:
            ValueError: The jobs of the context are to run elsewhere, or its file system is mounted by machines.
        """
        return _QueuesOfContext(scope, id, self, placement, storage)


class _QueuesOfContext(JobQueues):
    """Shared queues, as one context uses them."""

    are_shared: ClassVar[bool] = True

    def __init__(
        self, scope: Construct, id: str, queues: SharedQueues, placement: Placement, storage: WorkflowFileSystem
    ) -> None:
        super().__init__(scope, id)
        if _where(placement) != _where(queues.placement):
            raise ValueError(
                "jobs on shared queues run where the queues are: give the context the placement of its SharedQueues, "
                "and a file system that is in all its zones"
            )
        if storage.host_mounted:
            message = f"machines of shared queues mount nothing, and {type(storage).__name__} is mounted at boot"
            raise ValueError(f"{message}; {_WHAT_FITS}")
        made = queues.compute
        self.head_queue, self.task_queue, self.fallback_queue = made.head_queue, made.task_queue, made.fallback_queue
        self.kinds, self.spot, self.io = made.kinds, made.spot, None
        self.heads_on_fargate = made.heads_on_fargate
        self._connections = ec2.Connections(security_groups=[queues.security_group_beside(storage)])
        storage.allow_mount_from(self)

    @property
    @override
    def instance_role(self) -> Never:
        raise ValueError(
            "the engine gives rights to the role of the machines, and on shared queues these would be rights of every "
            f"context's tasks; {_WHAT_FITS}"
        )

    @property
    @override
    def head_instance_role(self) -> iam.Role | None:
        return None

    @override
    def run_at_boot(self, script: str) -> Never:
        raise ValueError(f"the engine prepares machines at boot, and shared ones are no context's own; {_WHAT_FITS}")


@jsii.implements(IValidation)
class AdmittedByRole:
    """Whether the file systems of a context on shared queues admit nobody without a role; known when all is defined.

    Args:
        file_systems: The one it works on, and those it reads.
    """

    def __init__(self, file_systems: list[WorkflowFileSystem]) -> None:
        self._file_systems = file_systems

    def validate(self) -> list[str]:
        """Say what is wrong, in sentences."""
        return [
            f"jobs of other contexts on the same queues may reach {type(one).__name__} at {one.node.path} without a "
            "right to it: it is no EfsFileSystem that is made here, or a context mounts it without a role (miniwdl); "
            "give the context queues of its own"
            for one in self._file_systems
            if not one.needs_a_role
        ]


def _where(placement: Placement) -> tuple[bool, list[str]]:
    return placement.assign_public_ip, [subnet.node.path for subnet in placement.subnets]
