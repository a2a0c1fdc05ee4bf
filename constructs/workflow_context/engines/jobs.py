"""The jobs of an engine: containers with the file system, job definitions, and the programs of head jobs."""

from collections.abc import Mapping, Sequence
from functools import cache, cached_property

import aws_cdk as cdk
from aws_cdk import aws_batch as batch, aws_ecs as ecs, aws_iam as iam
from constructs import Construct

from workflow_context.log_groups import new_log_group
from workflow_context.pbs.settings import TAG
from workflow_context.place import REGION, Place
from workflow_context.program import HeadProgram, head_files
from workflow_context.references import Reference
from workflow_context.scripts import read_script
from workflow_context.storage.base import WorkflowFileSystem

from .fargate import check_fargate_size
from .parts import ContextParts
from .rights import EngineRights

# Bash sources the file that this expands to, before it does anything else: so no entry point of an image sees the
# parameters. That of nextflow/nextflow puts each one in single quotes, which an apostrophe would end.
# https://www.gnu.org/software/bash/manual/html_node/Bash-Startup-Files.html
_BASH_ENV = '$(printf "%s" "$START_HEAD" >/tmp/start_head.sh; echo /tmp/start_head.sh)'
IMAGE_PULL_FAILED = ("CannotPullContainerError*", "DockerTimeoutError*")
"""The reasons of jobs that got no image: registries limit pulls, and Docker Hub those of all machines behind one NAT.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_cannot_pull_image.html"""

HOST_LOST = "Host EC2*"
"""The status reason of jobs whose machine went, such as a Spot instance."""

_PULLS = 3


class EngineJobs(EngineRights):
    """The log of an engine's jobs, and what their job definitions are made of.

    Args:
        scope: Where the construct lives.
        id: Its name there.
        parts: What the context gives it.

    Attributes:
        execution_role: The role with which ECS fetches images and writes logs for jobs of our definitions.
        log_group: The log of jobs of our definitions.
    """

    def __init__(self, scope: Construct, id: str, parts: ContextParts) -> None:
        super().__init__(scope, id, parts)
        self._head_vcpus = parts.head_vcpus
        self._head_memory = parts.head_memory
        self._program: HeadProgram | None = None
        self.log_group = parts.log_group or new_log_group(
            self, "Logs", retention=parts.log_retention, encryption_key=parts.log_encryption_key
        )
        self.execution_role = self.new_role("ExecutionRole", "Image pulls and logs of the workflow context")
        self.log_group.grant_write(self.execution_role)
        self.grant_image_pulls(self.execution_role)

    def grant_volume_head(self, grantee: iam.IGrantable) -> None:
        """Allow head jobs on storage of a single run what they need beside that storage, data and task jobs.

        Args:
            grantee: A policy of their roles.
        """
        if self._program is not None:
            self._program.grant_read(grantee)

    @cached_property
    def log_group_name(self) -> str:
        """The name of `log_group`."""
        return self.log_group.log_group_name

    @property
    def head_memory(self) -> cdk.Size:
        """The memory of a head job, without what the file system takes."""
        return self._head_memory

    def memory_with_overhead(self, memory: cdk.Size) -> cdk.Size:
        """The memory to ask for, for a job that needs `memory`: the file system may take some of the machine too.

        Args:
            memory: What the job itself needs.
        """
        return cdk.Size.mebibytes(memory.to_mebibytes() + self.storage.task_memory_overhead.to_mebibytes())

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
        references: Sequence[Reference] = (),
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
            references: What it mounts beside that, to read, and its role may. Default: nothing.

        Raises:
            ValueError: Fargate does not offer that memory for so many vCPUs.
        """
        cpu = cpu or self._head_vcpus
        memory = memory or self.head_memory
        role = role or self.head_role
        storage = storage or self.storage
        definition: batch.IEcsContainerDefinition
        if self.compute.heads_on_fargate:
            check_fargate_size(cpu, memory)
            definition = batch.EcsFargateContainerDefinition(
                self,
                id,
                image=_image(image),
                cpu=cpu,
                memory=memory,
                command=list(command),
                environment=dict(environment),
                job_role=role,
                execution_role=self.execution_role,
                logging=self.log_driver(id.lower()),
                volumes=[*storage.volumes(on_fargate=True), *(one.volume for one in references)],
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
                references=references,
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
        references: Sequence[Reference] = (),
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
            references: What it mounts beside that, to read, and its role may. Default: nothing.
        """
        storage = storage or self.storage
        return batch.EcsEc2ContainerDefinition(
            self,
            id,
            image=_image(image),
            cpu=cpu,
            memory=self.memory_with_overhead(memory),
            command=list(command),
            environment=dict(environment),
            job_role=role,
            execution_role=self.execution_role,
            logging=self.log_driver(id.lower()),
            volumes=[*storage.volumes(on_fargate=False), *(one.volume for one in references)],
        )

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
            retry_strategies=_retry_strategies(of_lost_machines=attempts > 1),
            timeout=timeout,
            propagate_tags=True,
        )
        # Clients that name job definitions freely are kept from those of a context by its mark.
        cdk.Tags.of(definition).add(TAG, self.context_name)
        node = definition.node
        resource = node.default_child
        assert isinstance(resource, batch.CfnJobDefinition)  # noqa: S101  for the type checker
        # No L2: an update would take away the revision with which head jobs at work submit. It stays ACTIVE instead.
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-batch-jobdefinition-resourceretentionpolicy.html
        resource.add_property_override("ResourceRetentionPolicy.SkipDeregisterOnUpdate", True)
        if self.compute.are_shared:
            resource.job_definition_name = f"{self.context_name}-{id}"  # by it the context's jobs are told from others
        self.storage.complete(definition)
        node.add_dependency(*self.storage.ready)
        for reference in self.references:
            node.add_dependency(*reference.storage.ready)
        return definition

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

    def job_events(self, queues: Sequence[str]) -> dict[str, list[str] | list[dict[str, str]]]:
        """What events of AWS Batch have in their `detail` that are of jobs of this context, in queues.

        Args:
            queues: The ARNs of the queues.
        """
        if not self.compute.are_shared:
            return {"jobQueue": list(queues)}
        # The second is that of storage of single runs, see `volume_names`.
        own = [Place.of(self).arn("batch", f"job-definition/{self.context_name}{end}") for end in "-_"]
        return {"jobQueue": list(queues), "jobDefinition": [{"prefix": one} for one in own]}

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
        self._program = HeadProgram(self, "Program", files={**head_files(scripts), **(beside or {})})
        self._program.grant_read(self.head_role)
        return self.start_environment(self._program)

    def start_environment(self, program: HeadProgram) -> dict[str, str]:
        """What a job finds set whose command is a `head_command`, so that it goes on with a program.

        Args:
            program: The program, which its role may read.
        """
        return {
            "AWS_REGION": REGION,
            "BASH_ENV": _BASH_ENV,
            "FETCH_PROGRAM": read_script("fetch_program.py"),
            "START_HEAD": _without_comments(read_script("start_head.sh")),
            "WORKFLOW_PROGRAM": program.url,
        }


@cache
def _image(name: str) -> ecs.ContainerImage:
    return ecs.ContainerImage.from_registry(name)


@cache
def _retry_strategies(*, of_lost_machines: bool) -> list[batch.RetryStrategy]:
    """Which attempts are followed by another one: https://docs.aws.amazon.com/batch/latest/userguide/job_retries.html."""
    retried = [batch.Reason.custom(on_reason=reason) for reason in IMAGE_PULL_FAILED]
    if of_lost_machines:
        retried.append(batch.Reason.custom(on_status_reason=HOST_LOST))
    return [
        *(batch.RetryStrategy.of(batch.Action.RETRY, reason) for reason in retried),
        batch.RetryStrategy.of(batch.Action.EXIT, batch.Reason.custom(on_reason="*")),
    ]


def _without_comments(script: str) -> str:
    """A script for the environment of a job, which has little room."""
    return "".join(line for line in script.splitlines(keepends=True) if not line.startswith("# "))
