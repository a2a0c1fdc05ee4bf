"""The contract that every workflow engine keeps."""

import abc
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Concatenate, ParamSpec, TypeVar

import aws_cdk as cdk
import jsii
from aws_cdk import aws_batch as batch, aws_ecr as ecr, aws_ecs as ecs, aws_iam as iam, aws_kms as kms, aws_logs as logs
from constructs import Construct

from workflow_context.ended_runs import RunDirectories
from workflow_context.keys import let_logs_use
from workflow_context.nag import acknowledge, acknowledge_policies, in_compliance_packs
from workflow_context.pbs.settings import TAG
from workflow_context.program import PROGRAM_PREFIX, HeadProgram, head_files
from workflow_context.s3_location import S3_WILDCARD
from workflow_context.scripts import read_script
from workflow_context.storage.base import WorkflowFileSystem

from .check import HEAD_COMMAND, CheckTask, check_output
from .fargate import check_fargate_size
from .parts import ContextParts
from .task_rights import Ownership, marked, task_rights

# Bash sources the file that this expands to, before it does anything else: so no entry point of an image sees the
# parameters. That of nextflow/nextflow puts each one in single quotes, which an apostrophe would end.
# https://www.gnu.org/software/bash/manual/html_node/Bash-Startup-Files.html
_BASH_ENV = '$(printf "%s" "$START_HEAD" >/tmp/start_head.sh; echo /tmp/start_head.sh)'
IMAGE_PULL_FAILED = ("CannotPullContainerError*", "DockerTimeoutError*")
"""The reasons of jobs that got no image: registries limit pulls, and Docker Hub those of all machines behind one NAT.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_cannot_pull_image.html"""

HOST_LOST = "Host EC2*"
"""The status reason of jobs whose machine went, such as a Spot instance."""

_JOB_IDS = "AWS Batch gives jobs their ids when they are submitted."
_OLD_PROGRAMS = (
    "The programs of head jobs in the assets bucket of the CDK, this version and those deployed before: jobs that were "
    "submitted with them may still wait. They hold no data and no secrets."
)
_PULLS = 3
_Options = ParamSpec("_Options")
_Engine = TypeVar("_Engine")


class WorkflowEngine(Construct, metaclass=jsii.JSIIAbstractClass):
    """A workflow engine in a context: its roles, its job definitions and what its client must know.

    An engine of one's own is a subclass. Its constructor takes what this one takes, and options of its own by name; it
    makes the head job's container (`head_container`), sets `head_job_definition` (`new_job_definition`), and says
    `client_configuration`. What it lets its roles do, it adds with the `grant_…` methods.

    Args:
        scope: Where the construct lives.
        id: Its name there.
        parts: What the context gives it: queues, file system, places in S3.

    Attributes:
        head_job_definition: The job definition that runs the engine for one workflow; each engine sets it.
        head_role: The role of head jobs.
        execution_role: The role with which ECS fetches images and writes logs for jobs of our definitions.
        log_group: The log of jobs of our definitions.
    """

    head_job_definition: batch.EcsJobDefinition

    def __init__(self, scope: Construct, id: str, parts: ContextParts) -> None:
        super().__init__(scope, id)
        self._parts = parts
        self._has_program = False
        self.placement = parts.placement
        self.compute = parts.compute
        self.storage = parts.storage
        self.outputs = parts.outputs
        self.data = tuple(parts.data)
        self.log_group = parts.log_group or self._new_log_group(parts.log_retention, parts.log_encryption_key)
        self.head_role = self.new_role("HeadRole", "Head jobs of the workflow context")
        self.execution_role = self.new_role("ExecutionRole", "Image pulls and logs of the workflow context")
        self.log_group.grant_write(self.execution_role)
        self.grant_image_pulls(self.execution_role)
        self.storage.grant_read_write(self.head_role)
        for location in (self.outputs, *self.data):
            location.grant_read_write(self.head_role)
        self.grant_task_submission(self.head_role.add_to_policy)
        acknowledge_policies(self, self.wildcard_reasons(), self.resource_reasons())

    @classmethod
    def with_options(
        cls: Callable[Concatenate[Construct, str, ContextParts, _Options], _Engine],
        *args: _Options.args,
        **options: _Options.kwargs,
    ) -> Callable[[Construct, str, ContextParts], _Engine]:
        """This engine with options of its own, for a context to make: `NextflowEngine.with_options(image="…")`.

        Args:
            *args: None: every option has a name.
            **options: What the constructor of the engine takes beside `scope`, `id` and `parts`.
        """
        return lambda scope, id, parts: cls(scope, id, parts, *args, **options)

    @property
    @abc.abstractmethod
    def client_configuration(self) -> str:
        """What a user's client needs to find this context, as text to paste: shell, or the client's own format."""

    @property
    def head_memory(self) -> cdk.Size:
        """The memory of a head job, without what the file system takes."""
        return self._parts.head_memory

    @property
    def shared_directory(self) -> str:
        """The directory of the file system, for engines that work in a directory.

        Raises:
            ValueError: The file system is not mounted anywhere.
        """
        if self.storage.mount_path is None:
            message = (
                f"{type(self).__name__} works in a directory that all jobs share, and {type(self.storage).__name__} "
                "is not mounted anywhere; give a file system with a mount path, such as EfsFileSystem"
            )
            raise ValueError(message)
        return self.storage.mount_path

    def memory_with_overhead(self, memory: cdk.Size) -> cdk.Size:
        """The memory to ask for, for a job that needs `memory`: the file system may take some of the machine too.

        Args:
            memory: What the job itself needs.
        """
        return cdk.Size.mebibytes(memory.to_mebibytes() + self.storage.task_memory_overhead.to_mebibytes())

    @property
    def s3_work_directory(self) -> str:
        """The work directory of engines that keep it in S3: the file system, or a place beside one that is mounted."""
        if self.storage.mount_path is None:
            return self.storage.work_directory
        return self.outputs.within("work").uri

    @cached_property
    def context_name(self) -> str:
        """The name of this context in AWS Batch, which no other has in the account and region.

        Its jobs bear it as the tag `workflow-context`, and names of its job definitions begin with it, where the engine
        lets itself be told.
        """
        return cdk.Names.unique_resource_name(self, max_length=60)

    @property
    def ownership(self) -> Ownership:
        """How the job definitions and jobs that head jobs make are told from others in the account.

        By `context_name`, unless the engine overrides it: names of job definitions begin with it and a hyphen, and
        every job carries the tag. An engine that names them otherwise says so here.
        """
        tags, jobs = marked(self.context_name)
        return Ownership(f"{self.context_name}-*", tags, jobs)

    def wildcard_reasons(self) -> dict[str, str]:
        """Why statements of this engine's roles name more than one resource: beginning of the action to reason."""
        return {
            "s3:": S3_WILDCARD,
            "batch:Describe": "AWS Batch has no resource level for this action.",
            "batch:ListJobs": "AWS Batch has no resource level for this action.",
            "batch:SubmitJob": f"{_JOB_IDS} {self._about_definitions}",
            "batch:RegisterJobDefinition": self._about_definitions,
            "batch:DeregisterJobDefinition": self._about_definitions,
            "batch:TagResource": self._about_definitions,
            "batch:TerminateJob": f"{_JOB_IDS} {self._about_ending}",
            "batch:CancelJob": f"{_JOB_IDS} {self._about_ending}",
            "elasticfilesystem:DeleteAccessPoint": "Amazon EFS gives access points their ids when they are made; a "
            "condition on their tag limits this right to those of single runs.",
            "ecr:GetAuthorizationToken": "Amazon ECR has no resource level for this action.",
            "ecr:": "Tasks run in any image of the account's private registry.",
            "ec2:Describe": "Amazon EC2 has no resource level for this action; it reads the type of a machine.",
            "logs:": "Log streams are named by job ids, within one log group.",
            "ecs:Describe": "AWS Batch names the clusters, tasks and machines; the actions read where a task ran.",
        }

    def resource_reasons(self) -> dict[str, str]:
        """Why statements name resources with a wildcard, whatever the action: text in the resource to reason."""
        return {PROGRAM_PREFIX: _OLD_PROGRAMS}

    @property
    def _about_definitions(self) -> str:
        # A context's own name is a reference in the ARN, which the finding tells.
        names = self.ownership.definition_names.replace(self.context_name, "<context>")
        return f"The engine names its job definitions {names}; the rest is given when it registers them."

    @property
    def _about_ending(self) -> str:
        if self.ownership.marks_jobs:
            return "A condition on the tags of jobs limits this right to those that the engine marked."
        return (
            "The engine gives its jobs no tag that a condition could ask for: a head job may end any job of this "
            "account and Region whose id it knows, but for those that other contexts marked."
        )

    def _new_log_group(self, retention: logs.RetentionDays, key: kms.IKey | None) -> logs.LogGroup:
        log_group = logs.LogGroup(
            self, "Logs", retention=retention, encryption_key=key, removal_policy=cdk.RemovalPolicy.DESTROY
        )
        if key is None:
            acknowledge(
                log_group,
                "CloudWatch Logs encrypts every log group with a key of its own.",
                *in_compliance_packs("CloudWatchLogGroupEncrypted"),
            )
        else:
            let_logs_use(key, self)
        return log_group

    @property
    def check_task(self) -> CheckTask | None:
        """What a task job of this engine is, for `workflow-context check`. Default: not said, so that none is tried."""
        return None

    @property
    def check_job_definition(self) -> batch.EcsJobDefinition | None:
        """The job definition in which `workflow-context check` runs: it has the program of head jobs, and their role.

        Default: that of head jobs, if it has the program; else none.
        """
        return self.head_job_definition if self._has_program else None

    @property
    def head_start(self) -> Mapping[str, str]:
        """Environment with which a head job only says that it started, where a check runs in another definition."""
        return {}

    @property
    def check(self) -> str | None:
        """What `workflow-context check` must know of this context, as JSON; None when nothing of it can be checked."""
        definition = self.check_job_definition
        if definition is None:
            return None
        return check_output(
            definition,
            self.head_command(HEAD_COMMAND),
            changes_owners=self.storage.changes_owners,
            head_start=self.head_start,
            task=self.check_task,
        )

    def extra_outputs(self) -> dict[str, str]:
        """What this engine adds to the outputs of a context: name to value."""
        return {}

    def new_role(self, id: str, description: str) -> iam.Role:
        """Define a role for containers, without any right.

        Args:
            id: Its name in the engine.
            description: What it is for.
        """
        # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
        ecs_of_this_account = iam.ServicePrincipal(
            "ecs-tasks.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID}}
        )
        return iam.Role(self, id, assumed_by=ecs_of_this_account, description=description)

    def head_container(
        self,
        id: str,
        *,
        image: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        cpu: float | None = None,
        memory: cdk.Size | None = None,
        role: iam.IRole | None = None,
        storage: WorkflowFileSystem | None = None,
    ) -> batch.IEcsContainerDefinition:
        """The container of a job on the head queue, on Fargate or on an instance, with the file system.

        Args:
            id: Its name in the engine, and in lower case the beginning of its log streams' names.
            image: Container image.
            command: What it runs.
            environment: What it finds set.
            cpu: vCPUs. Default: those of the context's head jobs.
            memory: Memory; on an instance what the file system takes is added. Default: that of head jobs.
            role: The role of the job. Default: `head_role`.
            storage: What it mounts. Default: the file system of the context.

        Raises:
            ValueError: Fargate does not offer that memory for so many vCPUs.
        """
        cpu = cpu or self._parts.head_vcpus
        memory = memory or self.head_memory
        role = role or self.head_role
        storage = storage or self.storage
        definition: batch.IEcsContainerDefinition
        if self.compute.heads_on_fargate:
            check_fargate_size(cpu, memory)
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
                logging=self.log_driver(id.lower()),
                volumes=list(storage.volumes(on_fargate=True)),
                assign_public_ip=self.placement.assign_public_ip,
                fargate_platform_version=ecs.FargatePlatformVersion.VERSION1_4,
            )
        else:
            definition = self.ec2_container(
                id,
                image=image,
                command=command,
                environment=environment,
                role=role,
                cpu=cpu,
                memory=memory,
                storage=storage,
            )
        return definition

    def ec2_container(
        self,
        id: str,
        *,
        image: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        role: iam.IRole,
        cpu: float,
        memory: cdk.Size,
        storage: WorkflowFileSystem | None = None,
    ) -> batch.EcsEc2ContainerDefinition:
        """The container of a job on an instance, with the file system.

        Args:
            id: Its name in the engine, and in lower case the beginning of its log streams' names.
            image: Container image.
            command: What it runs.
            environment: What it finds set.
            role: The role of the job.
            cpu: vCPUs.
            memory: Memory; what the file system takes is added.
            storage: What it mounts. Default: the file system of the context.
        """
        storage = storage or self.storage
        return batch.EcsEc2ContainerDefinition(
            self,
            id,
            image=ecs.ContainerImage.from_registry(image),
            cpu=cpu,
            memory=self.memory_with_overhead(memory),
            command=list(command),
            environment=dict(environment),
            job_role=role,
            execution_role=self.execution_role,
            logging=self.log_driver(id.lower()),
            volumes=list(storage.volumes(on_fargate=False)),
        )

    def head_command(self, *parameters: str) -> list[str]:
        """The command of a head job: bash, which goes on with the program before it comes to the command.

        Args:
            parameters: What the engine's script gets as arguments.
        """
        return ["bash", "-c", ":", "head", *parameters]

    def program_environment(self, scripts: Sequence[str], beside: Mapping[str, str] | None = None) -> dict[str, str]:
        """Define the program of head jobs, and how they start it.

        Args:
            scripts: The engine's script in parts, each a file of `scripts`.
            beside: Other files of the program: path to text. Default: none.
        """
        self._has_program = True
        program = HeadProgram(self, "Program", files={**head_files(scripts), **(beside or {})})
        program.grant_read(self.head_role)
        return self.start_environment(program)

    def start_environment(self, program: HeadProgram) -> dict[str, str]:
        """What a job finds set whose command is a `head_command`, so that it goes on with a program.

        Args:
            program: The program, which its role may read.
        """
        return {
            "AWS_REGION": cdk.Aws.REGION,
            "BASH_ENV": _BASH_ENV,
            "FETCH_PROGRAM": read_script("fetch_program.py"),
            "START_HEAD": read_script("start_head.sh"),
            "WORKFLOW_PROGRAM": program.url,
        }

    @property
    def takes_io_shares(self) -> bool:
        """Whether its tasks take their share of the throughput of the file system, where the queues bound it."""
        return False

    @property
    def runs(self) -> RunDirectories | None:
        """Where the engine keeps its runs, and how it marks those that ended; None when it does not mark them."""
        return None

    def maintenance_job_definition(self, id: str, *, image: str, command: Sequence[str]) -> batch.EcsJobDefinition:
        """Define a job that sees the file system and has no other rights, for chores such as deleting old runs.

        It runs on the head queue, for an hour at most.

        Args:
            id: Its name in the engine.
            image: Container image.
            command: What it runs.
        """
        role = self.new_role(f"{id}Role", f"{id} of the workflow context")
        self.storage.grant_read_write(role)
        container = self.head_container(
            f"{id}Container",
            image=image,
            command=command,
            environment={},
            cpu=1,
            memory=cdk.Size.gibibytes(2),
            role=role,
        )
        return self.new_job_definition(id, container, timeout=cdk.Duration.hours(1))

    def log_driver(self, prefix: str) -> ecs.LogDriver:
        """Write to the log of the context.

        Args:
            prefix: Beginning of the names of the log streams.
        """
        return ecs.LogDriver.aws_logs(stream_prefix=prefix, log_group=self.log_group)

    def new_job_definition(
        self,
        id: str,
        container: batch.IEcsContainerDefinition,
        *,
        parameters: Mapping[str, str] | None = None,
        attempts: int = 1,
        timeout: cdk.Duration,
    ) -> batch.EcsJobDefinition:
        """Define a job that waits for the file system to be there.

        Args:
            id: Its name in the engine.
            container: What runs: `head_container`, or `ec2_container`.
            parameters: Defaults of the parameters that the command names as `Ref::…`. Default: none.
            attempts: How often a job runs that loses its machine. One that gets no image is tried three times at least,
                and one that failed of itself never again.
            timeout: When AWS Batch ends an attempt.
        """
        definition = batch.EcsJobDefinition(
            self,
            id,
            container=container,
            parameters=dict(parameters) if parameters else None,
            retry_attempts=max(attempts, _PULLS),
            # https://docs.aws.amazon.com/batch/latest/userguide/job_retries.html
            retry_strategies=[
                *(
                    batch.RetryStrategy.of(batch.Action.RETRY, batch.Reason.custom(on_reason=reason))
                    for reason in IMAGE_PULL_FAILED
                ),
                *(
                    [batch.RetryStrategy.of(batch.Action.RETRY, batch.Reason.custom(on_status_reason=HOST_LOST))]
                    if attempts > 1
                    else []
                ),
                batch.RetryStrategy.of(batch.Action.EXIT, batch.Reason.custom(on_reason="*")),
            ],
            timeout=timeout,
            propagate_tags=True,
        )
        # Clients that name job definitions freely are kept from those of a context by its mark.
        cdk.Tags.of(definition).add(TAG, self.context_name)
        resource = definition.node.default_child
        assert isinstance(resource, batch.CfnJobDefinition)  # noqa: S101  for the type checker
        # No L2: an update would take away the revision with which head jobs at work submit. It stays ACTIVE instead.
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-batch-jobdefinition-resourceretentionpolicy.html
        resource.add_property_override("ResourceRetentionPolicy.SkipDeregisterOnUpdate", True)
        self.storage.complete(definition)
        definition.node.add_dependency(*self.storage.ready)
        return definition

    def grant_task_submission(
        self, allow: Callable[[iam.PolicyStatement], object], ownership: Ownership | None = None
    ) -> None:
        """Allow head jobs to submit to the context's own queues, and to follow and end what they submitted.

        Args:
            allow: Adds a statement to the policy of whoever head jobs act as.
            ownership: How what is the context's own is told from others. Default: `ownership`.
        """
        queues = [queue.job_queue_arn for queue in self.compute.queues]
        consumed = [self.compute.io.arn] if self.compute.io else []
        for statement in task_rights(self, queues, ownership or self.ownership, consumed):
            allow(statement)

    def grant_default_log(self, role: iam.IRole) -> None:
        """Allow a role to write the log of jobs whose definitions name none: AWS Batch sends it to `/aws/batch/job`.

        Args:
            role: The role of the machines, or the execution role of the jobs.
        """
        log_group = cdk.Stack.of(self).format_arn(
            service="logs",
            resource="log-group",
            resource_name="/aws/batch/job:*",
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )
        role.add_to_principal_policy(
            iam.PolicyStatement(
                sid="WriteDefaultLog", actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[log_group]
            )
        )

    def grant_image_pulls(self, role: iam.IRole) -> None:
        """Allow ECS to pull images from the private registry of this account with a role.

        https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html

        Args:
            role: The execution role of jobs.
        """
        ecr.AuthorizationToken.grant_read(role)
        repositories = cdk.Stack.of(self).format_arn(service="ecr", resource="repository", resource_name="*")
        role.add_to_principal_policy(
            iam.PolicyStatement(
                sid="PullImages",
                actions=["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                resources=[repositories],
            )
        )

    def grant_task(self, role: iam.IRole) -> None:
        """Allow a task role the file system, the work directory in S3 and the data, and to read the outputs.

        Args:
            role: The role.
        """
        self.storage.grant_read_write(role)
        self.outputs.grant_read(role)
        if self.storage.mount_path is not None:
            self.outputs.within("work").grant_read_write(role)
        for location in self.data:
            location.grant_read_write(role)

    def grant_machine_facts(self) -> None:
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

    def grant_pass_roles(self, *roles: iam.IRole) -> None:
        """Allow head jobs to give these roles to the jobs whose definitions they register, and no others.

        Args:
            *roles: The roles.
        """
        self.head_role.add_to_policy(
            iam.PolicyStatement(
                sid="PassTaskRoles",
                actions=["iam:PassRole"],
                resources=[role.role_arn for role in roles],
                conditions={"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
            )
        )
