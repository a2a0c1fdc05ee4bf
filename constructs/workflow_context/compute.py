"""The AWS Batch queues of a context and the machines behind them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2, aws_iam as iam, aws_kms as kms
from constructs import Construct
from typing_extensions import override

from .allow import allow
from .ecs_agent import AGENT_WILDCARDS, agent_rights
from .job_queues import JobQueues
from .machines import HEADS, add_boot_part, boot_script, new_launch_template
from .nag import acknowledge_policies
from .network import Placement, client_security_group
from .place import Place
from .queues import Environments, new_queue
from .s3_location import S3_WILDCARD
from .storage.base import WorkflowFileSystem
from .task_machines import TaskMachines, define_queues

if TYPE_CHECKING:
    from .io_admission import IoAdmission

_MIN_KEPT, _MAX_KEPT = 20, 7 * 24 * 60
"""Minutes: https://docs.aws.amazon.com/batch/latest/APIReference/API_ComputeScalingPolicy.html"""


_INSTANCES = iam.ServicePrincipal("ec2.amazonaws.com")

_Options = ParamSpec("_Options")
_Compute = TypeVar("_Compute")


class BatchCompute(JobQueues):
    """Three job queues: one for head jobs, one for task jobs, and with Spot an on-demand one to fall back to.

    Head jobs run on Fargate when the file system allows it, else on x86_64 instances of their own, without GPUs. Task
    jobs run on EC2 instances that come and go with the work.
    Spot and on-demand capacity are never mixed in a queue: an engine that lost a task to a Spot interruption sends it
    to the fallback queue, where that cannot happen again.
    With `machines` there are other kinds of machines beside those, each with one or two queues of its own, and engines
    send each task to those that have what it asks for.

    Args:
        scope: Where the construct lives.
        id: Its name there.
        placement: Where the jobs run: a placement, or a VPC, in whose private subnets they do.
        storage: The file system that they share; instances are let in, and prepare it at boot where it needs that. None
            for queues of no context (`SharedQueues`): their machines mount nothing.
        spot: Task jobs run on Spot capacity. Default: on-demand.
        fallback_to_on_demand: With `spot`, whether there is a fallback queue. Default: yes.
        max_vcpus: Upper bound of the vCPUs of task jobs at a time, in each of the task and the fallback queue.
        head_max_vcpus: Upper bound of the vCPUs of head jobs: that many workflows at a time with one vCPU each.
        heads_on_fargate: Whether head jobs run on Fargate when the file system allows it. Default: yes. No is for
            clients that submit head jobs for EC2 only.
        instance_types: Instance types (`m6i.xlarge`) or families (`m6i`). Default: what AWS Batch takes for the
            architecture (`default_x86_64`, `default_arm64`), or with `gpu` the g4dn, g5 and g6 families.
        architecture: Processor architecture of the instances. Default: x86_64.
        gpu: The instances have NVIDIA GPUs and the image that drives them.
        machine_image: Image of the instances, such as `ec2.MachineImage.generic_linux({"us-east-1": "ami-…"})`: one
            with the ECS agent and systemd, made from Amazon Linux 2023, since instances mount file systems at boot by
            its packages. Head jobs on EC2 use it too, unless it is for arm64 or GPUs. Default: the newest
            ECS-optimized Amazon Linux 2023 whenever the environment is updated.
        root_volume_size: Size of each instance's root volume, which holds container images and scratch. Default: 100
            GiB.
        encryption_key: Key for the root volumes. Default: the key of EBS in the account.
        min_scale_down_delay: How long instances are kept at least after their last job, so that the next step of a
            workflow finds them with their images: 20 minutes to 7 days. Default: as AWS Batch does, a few minutes.
        io_mibps: What all task jobs together may read and write on the file system, in MiB per second: AWS Batch starts
            no more than that feeds. Default: no bound.
        machines: Other kinds of machines beside these, by name: letters and digits, beginning with a-z; 3 at most.
            Each has queues of its own, named after it, and a task goes where the machines have what it asks for: GPUs,
            an architecture, much memory. Default: none, all tasks run on one kind.

    Attributes:
        head_queue: The queue of head jobs.
        task_queue: The queue of task jobs.
        fallback_queue: The on-demand queue beside a Spot one, or None.
        kinds: The queues of tasks for each kind of machines: those of the context's own first.
        spot: Whether the task queue is one of Spot capacity.
        architecture: The processor architecture of the instances that run tasks.
        security_group: The security group of every job and instance.
        connections: The network connections of every job and instance: `compute.connections.allow_to(database, port)`.
        instance_role: The role of the EC2 instances that run tasks: also that of tasks that bring no role of their own.
        head_instance_role: The role of the EC2 instances that run head jobs; None when those run on Fargate.
        io: The throughput of the file system, of which task jobs take their share; None without a bound.

    Raises:
        ValueError: A fallback without Spot, bounds that are not positive, or GPUs with arm64.
        TypeError: An argument of another type than is said here.

    Security considerations:
        AWS Batch runs the containers of jobs on EC2 in the network of their machine
        (https://docs.aws.amazon.com/batch/latest/userguide/networking-modes-jobs.html). So every container reaches the
        instance metadata service and has the rights of the instance role beside those of its own; a hop limit cannot
        keep it out, and IMDSv2, which is required, keeps out only who can make others send requests. Therefore the
        role has little: what the ECS agent does in clusters of AWS Batch, and image pulls; engines add the data where
        their tasks bring no role. A task can pose as the agent of its machine, and register machines in other clusters
        of AWS Batch in the account. Head jobs run on machines with a role of their own, or on Fargate, which has none.
        Nothing is let in; everything is let out.

    Cost:
        Nothing while no job runs: environments scale to zero. Instances and Fargate tasks are paid by the second, root
        volumes at 0.08 USD per GB and month (gp3, us-east-1).
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        placement: Placement | ec2.IVpc,
        storage: WorkflowFileSystem | None,
        *,
        spot: bool = False,
        fallback_to_on_demand: bool | None = None,
        max_vcpus: int = 256,
        head_max_vcpus: int = 16,
        heads_on_fargate: bool = True,
        instance_types: Sequence[str | ec2.InstanceType] = (),
        architecture: ec2.InstanceArchitecture = ec2.InstanceArchitecture.X86_64,
        gpu: bool = False,
        machine_image: ec2.IMachineImage | None = None,
        root_volume_size: cdk.Size | None = None,
        encryption_key: kms.IKey | None = None,
        min_scale_down_delay: cdk.Duration | None = None,
        io_mibps: float | None = None,
        machines: Mapping[str, TaskMachines] | None = None,
    ) -> None:
        super().__init__(scope, id)
        self.io = self._new_admission(io_mibps) if io_mibps is not None else None
        own = TaskMachines(
            instance_types=instance_types,
            architecture=architecture,
            gpu=gpu,
            spot=spot,
            fallback_to_on_demand=fallback_to_on_demand,
            max_vcpus=max_vcpus,
            machine_image=machine_image,
        )
        if head_max_vcpus < 1:
            message = f"head_max_vcpus must be at least 1, got {head_max_vcpus}"
            raise ValueError(message)
        if root_volume_size is not None and not isinstance(root_volume_size, cdk.Size):
            message = f"root_volume_size must be a cdk.Size, such as cdk.Size.gibibytes(200), got {root_volume_size!r}"
            raise TypeError(message)
        kept = int(min_scale_down_delay.to_minutes()) if min_scale_down_delay is not None else 0
        if min_scale_down_delay is not None and not _MIN_KEPT <= kept <= _MAX_KEPT:
            message = f"min_scale_down_delay must be {_MIN_KEPT} minutes to 7 days, got {kept} minutes"
            raise ValueError(message)
        placement = Placement.of(placement)
        self.spot = spot
        self.architecture = architecture
        self.security_group = client_security_group(self, placement.vpc, "Head and task jobs of the workflow context")
        self._connections = ec2.Connections(security_groups=[self.security_group])
        if storage is not None:
            storage.allow_mount_from(self)
        self.heads_on_fargate = heads_on_fargate and (storage is None or storage.serves_fargate)
        self._instance_role = self._new_instance_role("InstanceRole", "EC2 instances of task jobs", storage)
        self._head_instance_role = (
            None
            if self.heads_on_fargate
            else self._new_instance_role("HeadInstanceRole", "EC2 instances of head jobs", storage)
        )
        self._user_data = boot_script(storage.user_data() if storage is not None else ())
        self.launch_template = new_launch_template(
            self, self._user_data, root_volume_size or cdk.Size.gibibytes(100), encryption_key
        )
        ready = storage.ready if storage is not None else ()
        environments = Environments(placement, self.security_group, self.launch_template, ready)
        self.kinds = define_queues(self, {"": own, **(machines or {})}, environments, self._instance_role, kept)
        self.task_queue, self.fallback_queue = self.kinds[0].queue, self.kinds[0].fallback
        plain = architecture == ec2.InstanceArchitecture.X86_64 and not gpu
        heads = (
            environments.on_fargate(self, "HeadEnvironment", max_vcpus=head_max_vcpus)
            if self._head_instance_role is None
            else environments.on_instances(
                self,
                "HeadInstances",  # another resource than on Fargate: AWS Batch cannot make the one of the other
                machines=replace(HEADS, machine_image=machine_image if plain else None),
                role=self._head_instance_role,
                spot=False,
                max_vcpus=head_max_vcpus,
            )
        )
        self.head_queue = new_queue(self, "HeadQueue", heads)
        acknowledge_policies(self, {"s3:": S3_WILDCARD, **AGENT_WILDCARDS})

    @classmethod
    def with_options(
        cls: Callable[Concatenate[Construct, str, Placement, WorkflowFileSystem | None, _Options], _Compute],
        *args: _Options.args,
        **options: _Options.kwargs,
    ) -> Callable[[Construct, str, Placement, WorkflowFileSystem | None], _Compute]:
        """The queues of a context, for it to make: `BatchCompute.with_options(spot=True, max_vcpus=512)`.

        Args:
            *args: None: every option has a name.
            **options: What the constructor takes beside `scope`, `id`, `placement` and `storage`.
        """
        return lambda scope, id, placement, storage: cls(scope, id, placement, storage, *args, **options)

    @property
    @override
    def instance_role(self) -> iam.Role:
        return self._instance_role

    @property
    @override
    def head_instance_role(self) -> iam.Role | None:
        return self._head_instance_role

    @override
    def run_at_boot(self, script: str) -> None:
        add_boot_part(self._user_data, script)

    def _new_admission(self, mibps: float) -> "IoAdmission":
        from .io_admission import IoAdmission  # what few contexts have, with more of the CDK to import

        return IoAdmission(self, "Io", mibps=mibps)

    def _new_instance_role(self, id: str, description: str, storage: WorkflowFileSystem | None) -> iam.Role:
        role = iam.Role(
            self,
            id,
            assumed_by=_INSTANCES,
            description=f"{description} of the workflow context",
        )
        allow(role, *agent_rights(Place.of(self)))
        if storage is not None:
            storage.grant_host_mount(role)
        return role
