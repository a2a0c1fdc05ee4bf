"""The contract that every workflow engine keeps."""

import abc
from collections.abc import Callable, Mapping, Sequence

import aws_cdk as cdk
import jsii
from aws_cdk import aws_batch as batch, aws_ecs as ecs, aws_iam as iam, aws_logs as logs
from constructs import Construct

from workflow_context.compute import BatchCompute
from workflow_context.nag import acknowledge, acknowledge_policies
from workflow_context.network import Placement
from workflow_context.s3_location import S3_WILDCARD, S3Location
from workflow_context.storage.base import WorkflowFileSystem


class WorkflowEngine(Construct, metaclass=jsii.JSIIAbstractClass):
    """A workflow engine in a context: its roles, its job definitions and what its client must know.

    Args:
        scope: Where the construct lives.
        id: Its name there.
        placement: Where head jobs run.
        compute: The queues.
        storage: The file system that head jobs and task jobs share.
        outputs: Where the engine writes to in S3.
        data: What else workflows may read, and write where it is not read-only.

    Attributes:
        head_role: The role of head jobs.
        execution_role: The role with which ECS fetches images and writes logs for jobs of our definitions.
        log_group: The log of jobs of our definitions, kept for 30 days.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        placement: Placement,
        compute: BatchCompute,
        storage: WorkflowFileSystem,
        outputs: S3Location,
        data: Sequence[S3Location] = (),
    ) -> None:
        super().__init__(scope, id)
        self.placement = placement
        self.compute = compute
        self.storage = storage
        self.outputs = outputs
        self.log_group = logs.LogGroup(
            self, "Logs", retention=logs.RetentionDays.ONE_MONTH, removal_policy=cdk.RemovalPolicy.DESTROY
        )
        acknowledge(
            self.log_group,
            "CloudWatch Logs encrypts every log group with a key of its own.",
            "HIPAA.Security-CloudWatchLogGroupEncrypted",
        )
        self.head_role = self._role("HeadRole", "Head jobs of the workflow context")
        self.execution_role = self._role("ExecutionRole", "Image pulls and logs of the workflow context")
        self.log_group.grant_write(self.execution_role)
        storage.grant_read_write(self.head_role)
        outputs.grant(self.head_role)
        for location in data:
            location.grant(self.head_role)
        self._grant_task_submission(self.head_role.add_to_policy)
        acknowledge_policies(self, self._wildcard_reasons())

    @property
    @abc.abstractmethod
    def client_configuration(self) -> str:
        """What a user's client needs to find this context, as text to paste: shell, or the client's own format."""

    @property
    @abc.abstractmethod
    def head_job_definition(self) -> batch.IJobDefinition:
        """The job definition that runs the engine for one workflow."""

    @property
    def _mount_path(self) -> str:
        """The directory of the file system, for engines that work in a directory."""
        if self.storage.mount_path is None:
            message = (
                f"{type(self).__name__} works in a directory that all jobs share, and {type(self.storage).__name__} "
                "is not mounted anywhere; give a file system with a mount path, such as EfsFileSystem"
            )
            raise ValueError(message)
        return self.storage.mount_path

    def _with_overhead(self, memory: cdk.Size) -> cdk.Size:
        """The memory to ask for, for a job that needs `memory`: the file system may take some of the machine too."""
        return cdk.Size.mebibytes(memory.to_mebibytes() + self.storage.task_memory_overhead.to_mebibytes())

    @property
    def _s3_work_directory(self) -> str:
        """The work directory of engines that keep it in S3: the file system, or a place beside one that is mounted."""
        if self.storage.mount_path is None:
            return self.storage.work_directory
        return self.outputs.within("work").uri

    @property
    def _task_definition_names(self) -> str:
        """What the names of the job definitions that head jobs submit with look like; `*` stands for any characters."""
        return "*"

    def _wildcard_reasons(self) -> dict[str, str]:
        """Why statements of this engine's roles name more than one resource: beginning of the action to reason."""
        return {
            "s3:": S3_WILDCARD,
            "batch:Describe": "AWS Batch has no resource level for this action.",
            "batch:ListJobs": "AWS Batch has no resource level for this action.",
            "batch:": "Job ids are given by AWS Batch, and the engine names its job definitions after its tasks.",
            "ec2:Describe": "Amazon EC2 has no resource level for this action; it reads the type of a machine.",
            "ecs:Describe": "AWS Batch names the clusters, tasks and machines; the actions read where a task ran.",
        }

    def extra_outputs(self) -> dict[str, str]:
        """What this engine adds to the outputs of a context: name to value."""
        return {}

    def _own_jobs(self) -> dict[str, dict[str, str]]:
        """The IAM condition by which the jobs that the engine submitted are known from others, if it marks them."""
        return {}

    def _own_tags(self) -> dict[str, dict[str, str | list[str]]]:
        """The IAM condition on the tags that head jobs may give, if it is known which the engine gives."""
        return {}

    def _role(self, id: str, description: str) -> iam.Role:
        return iam.Role(self, id, assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com"), description=description)

    def _head_container(
        self,
        id: str,
        *,
        image: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        cpu: float = 1,
        memory: cdk.Size | None = None,
        role: iam.IRole | None = None,
    ) -> batch.IEcsContainerDefinition:
        memory = memory or cdk.Size.gibibytes(4)
        role = role or self.head_role
        definition: batch.IEcsContainerDefinition
        if self.compute.heads_on_fargate:
            definition = batch.EcsFargateContainerDefinition(
                self,
                id,
                image=ecs.ContainerImage.from_registry(image),
                cpu=cpu,
                memory=memory,
                command=list(command),
                environment=dict(environment),
                job_role=role,
                execution_role=self.execution_role,
                logging=self._log_driver(id.lower()),
                volumes=list(self.storage.volumes(on_fargate=True)),
                assign_public_ip=self.placement.assign_public_ip,
                fargate_platform_version=ecs.FargatePlatformVersion.VERSION1_4,
            )
        else:
            definition = self._ec2_container(
                id,
                image=image,
                command=command,
                environment=environment,
                role=role,
                cpu=cpu,
                memory=memory,
            )
        return definition

    def _ec2_container(
        self,
        id: str,
        *,
        image: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        role: iam.IRole,
        cpu: float,
        memory: cdk.Size,
    ) -> batch.EcsEc2ContainerDefinition:
        return batch.EcsEc2ContainerDefinition(
            self,
            id,
            image=ecs.ContainerImage.from_registry(image),
            cpu=cpu,
            memory=self._with_overhead(memory),
            command=list(command),
            environment=dict(environment),
            job_role=role,
            execution_role=self.execution_role,
            logging=self._log_driver(id.lower()),
            volumes=list(self.storage.volumes(on_fargate=False)),
        )

    def maintenance_job_definition(self, id: str, *, image: str, command: Sequence[str]) -> batch.EcsJobDefinition:
        """Define a job that sees the file system and has no other rights, for chores such as deleting old runs.

        It runs on the head queue, for an hour at most.

        Args:
            id: Its name in the engine.
            image: Container image.
            command: What it runs.
        """
        role = self._role(f"{id}Role", f"{id} of the workflow context")
        self.storage.grant_read_write(role)
        container = self._head_container(
            f"{id}Container",
            image=image,
            command=command,
            environment={},
            memory=cdk.Size.gibibytes(2),
            role=role,
        )
        return self._definition(id, container, timeout=cdk.Duration.hours(1))

    def _log_driver(self, prefix: str) -> ecs.LogDriver:
        return ecs.LogDriver.aws_logs(stream_prefix=prefix, log_group=self.log_group)

    def _definition(
        self,
        id: str,
        container: batch.IEcsContainerDefinition,
        *,
        parameters: Mapping[str, str] | None = None,
        attempts: int = 1,
        timeout: cdk.Duration,
    ) -> batch.EcsJobDefinition:
        definition = batch.EcsJobDefinition(
            self,
            id,
            container=container,
            parameters=dict(parameters) if parameters else None,
            retry_attempts=attempts,
            # A job that lost its machine runs again; one that failed of itself does not.
            # https://docs.aws.amazon.com/batch/latest/userguide/job_retries.html
            retry_strategies=[
                batch.RetryStrategy.of(batch.Action.RETRY, batch.Reason.custom(on_status_reason="Host EC2*")),
                batch.RetryStrategy.of(batch.Action.EXIT, batch.Reason.custom(on_reason="*")),
            ]
            if attempts > 1
            else None,
            timeout=timeout,
            propagate_tags=True,
        )
        self.storage.complete(definition)
        definition.node.add_dependency(*self.storage.ready)
        return definition

    def _grant_task_submission(self, allow: Callable[[iam.PolicyStatement], object]) -> None:
        """Allow head jobs to submit to the context's own queues, and to follow and end what they submitted.

        Args:
            allow: Adds a statement to the policy of whoever head jobs act as.
        """
        stack = cdk.Stack.of(self)
        jobs = stack.format_arn(service="batch", resource="job", resource_name="*")
        definitions = stack.format_arn(
            service="batch", resource="job-definition", resource_name=self._task_definition_names
        )
        queues = [queue.job_queue_arn for queue in self.compute.queues]
        for statement in (
            iam.PolicyStatement(sid="SubmitTasks", actions=["batch:SubmitJob"], resources=[*queues, definitions]),
            iam.PolicyStatement(
                sid="RegisterTasks",
                actions=["batch:RegisterJobDefinition", "batch:DeregisterJobDefinition"],
                resources=[definitions],
            ),
            # For the tags of a job, AWS Batch asks for this right on what it is submitted with: its definition and its
            # queue. On jobs it would be the right to tag those of others, and then, with some engines, to end them.
            iam.PolicyStatement(
                sid="TagTasks",
                actions=["batch:TagResource"],
                resources=[definitions, *(queues if self._own_tags() else [])],
                conditions=self._own_tags() or None,
            ),
            iam.PolicyStatement(
                sid="EndOwnTasks",
                actions=["batch:TerminateJob", "batch:CancelJob"],
                resources=[jobs],
                conditions=self._own_jobs() or None,
            ),
            iam.PolicyStatement(
                sid="FollowTasks",
                actions=["batch:DescribeJobs", "batch:DescribeJobDefinitions", "batch:ListJobs"],
                resources=["*"],
            ),
        ):
            allow(statement)

    def _grant_task(self, role: iam.IRole, data: Sequence[S3Location]) -> None:
        """Allow a task role the file system, the work directory in S3 and the data, and to read the outputs."""
        self.storage.grant_read_write(role)
        self.outputs.grant_read(role)
        if self.storage.mount_path is not None:
            self.outputs.within("work").grant(role)
        for location in data:
            location.grant(role)

    def _grant_machine_facts(self) -> None:
        """Allow head jobs to look up on which machine a task ran."""
        stack = cdk.Stack.of(self)
        for statement in (
            iam.PolicyStatement(
                sid="FindMachines",
                actions=["batch:DescribeJobQueues", "batch:DescribeComputeEnvironments", "ec2:DescribeInstances"],
                resources=["*"],
            ),
            iam.PolicyStatement(
                sid="FindTasks",
                actions=["ecs:DescribeTasks", "ecs:DescribeContainerInstances"],
                resources=[
                    stack.format_arn(service="ecs", resource=kind, resource_name="*")
                    for kind in ("task", "container-instance")
                ],
            ),
        ):
            self.head_role.add_to_policy(statement)

    def _grant_pass_roles(self, *roles: iam.IRole) -> None:
        """Allow head jobs to give these roles to the jobs whose definitions they register, and no others."""
        self.head_role.add_to_policy(
            iam.PolicyStatement(
                sid="PassTaskRoles",
                actions=["iam:PassRole"],
                resources=[role.role_arn for role in roles],
                conditions={"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
            )
        )
