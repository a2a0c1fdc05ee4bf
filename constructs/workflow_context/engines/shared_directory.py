"""Engines that work in a directory which all jobs share, and speak to AWS Batch as to a PBS cluster."""

import abc
import json
from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_batch as batch, aws_iam as iam
from typing_extensions import override

from workflow_context.ended_runs import RunDirectories
from workflow_context.pbs.settings import TAG

from .base import WorkflowEngine
from .check import CheckTask
from .task_rights import Ownership, marked
from .volume_jobs import VolumeJobs, volume_names

MAX_TASKS_PER_JOB = 1000
"""How many tasks one job may do: it is the share of a run that one lost machine holds up."""


class SharedDirectoryEngine(WorkflowEngine):
    """An engine whose head jobs find `qsub`, `qstat` and `qdel` where the context's file system has a mount path.

    Head jobs fetch the commands (`workflow_context.pbs`) with the engine's own script from S3 when they start
    (`HeadProgram`, `scripts/start_head.sh`). The commands submit the scripts of tasks to the context's queues, with a
    job definition for each image that is made from the one of this context's tasks and so carries its mount.
    """

    _tasks_per_job: int
    task_job_definition: batch.EcsJobDefinition | None

    @property
    def _shared(self) -> bool:
        """Whether the engine works in a directory that all jobs share."""
        return self.storage.mount_path is not None

    @property
    @override
    def takes_references(self) -> bool:
        return self._shared and self.storage.admits_references

    @property
    @override
    def takes_io_shares(self) -> bool:
        return self._shared

    @property
    @override
    def chooses_machines(self) -> bool:
        return self._shared

    @property
    @override
    def takes_shared_queues(self) -> bool:
        return self._shared and not self.storage.host_mounted

    @property
    @override
    def ownership(self) -> Ownership:
        if not self._shared:
            return self._ownership_on_s3
        tags, jobs = marked(self.context_name)
        return Ownership(f"{self.context_name}-fe-*", tags, jobs)

    @property
    @override
    def volume_jobs(self) -> VolumeJobs | None:
        if not self._shared:
            return None
        tags, jobs = marked(self.context_name)
        return VolumeJobs(
            ownership=Ownership(f"{volume_names(self.context_name)}-*", tags, jobs),
            environment={"WORKFLOW_DEFINITIONS": "{names}", "WORKFLOW_TASK_DEFINITION": "{tasks}"},
            memory_variables=("WORKFLOW_MEMORY_OVERHEAD_MIB",),
            task_definition=self.task_job_definition,
        )

    @override
    def grant_volume_head(self, grantee: iam.IGrantable) -> None:
        super().grant_volume_head(grantee)
        iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["batch:DescribeJobDefinitions", "batch:ListJobs"],
            resource_arns=["*"],  # no resource level
        )
        self.log_group.grant(grantee, "logs:GetLogEvents")

    @property
    @abc.abstractmethod
    def _ownership_on_s3(self) -> Ownership:
        """The same where the engine submits by an executor of its own."""

    @property
    @override
    def runs(self) -> RunDirectories | None:
        if self.storage.mount_path is None or not self._shared:
            return None
        home = self.storage.mount_path.rstrip("/") + "/"
        return RunDirectories(f"{self._home}/runs".removeprefix(home), reused=False)

    @property
    @abc.abstractmethod
    def _home(self) -> str:
        """The engine's directory on the file system, or its place in S3."""

    def _shared_check_task(self, definition: batch.EcsJobDefinition) -> CheckTask:
        """A task with the job definition that head jobs submit with, and the tag that they give."""
        return CheckTask(definition=definition, tags={TAG: self.context_name})

    def _task_definition(
        self, image: str, task_role: iam.IRole, environment: Mapping[str, str] | None = None
    ) -> batch.EcsJobDefinition:
        """Define the job from which one is made for each image, and let head jobs use it.

        Args:
            image: The image of tasks that name none.
            task_role: The role of tasks.
            environment: What tasks find set. Default: nothing.
        """
        definition = self.new_job_definition(
            "TaskJob",
            self.ec2_container(
                "Task",
                image=image,
                command=["true"],
                environment=environment or {},
                role=task_role,
                cpu=1,
                memory=cdk.Size.gibibytes(2),
                references=self.references,
            ),
            attempts=3,
            timeout=cdk.Duration.days(7),
        )
        resource = definition.node.default_child
        assert isinstance(resource, batch.CfnJobDefinition)  # noqa: S101  for the type checker
        # One of those that head jobs may submit with, by its name.
        resource.job_definition_name = f"{self.context_name}-fe-tasks"
        self.grant_pass_roles(task_role, self.execution_role)
        self.grant_task_search("batch:DescribeJobDefinitions", "batch:ListJobs")
        return definition

    def _checked_tasks_per_job(self, number: int) -> int:
        if not 1 <= number <= MAX_TASKS_PER_JOB:
            message = f"tasks_per_job must be 1 to {MAX_TASKS_PER_JOB}, got {number}"
            raise ValueError(message)
        if number > 1 and not self._shared:
            message = f"tasks_per_job needs a file system that is mounted; {type(self.storage).__name__} is not"
            raise ValueError(message)
        return number

    def _how_to_submit(self, name: str, parameters: Mapping[str, str]) -> list[str]:
        """The command that starts a workflow, in lines.

        Args:
            name: The name of the job.
            parameters: Those of the head job definition.
        """
        return [
            f"aws batch submit-job --region {cdk.Aws.REGION} --job-name {name} \\",
            f"    --job-queue {self.compute.head_queue_arn} \\",
            f"    --job-definition {self.head_job_definition.job_definition_arn} \\",
            f"    --parameters '{json.dumps(parameters)}'",
        ]

    def _front_end_environment(self, definition: batch.EcsJobDefinition, home: str) -> dict[str, str]:
        """What qsub, qstat and qdel must be told.

        Args:
            definition: The job definition of tasks.
            home: The engine's directory on the file system.
        """
        fallback = self.compute.fallback_queue
        return {
            "AWS_REGION": cdk.Aws.REGION,
            "WORKFLOW_CONTEXT": self.context_name,
            "WORKFLOW_HOME": home,
            "WORKFLOW_STATE": f"{home}/front-end",
            "WORKFLOW_TASK_DEFINITION": definition.job_definition_arn,
            "WORKFLOW_TASK_QUEUE": self.compute.kinds[0].arn,
            **({"WORKFLOW_FALLBACK_QUEUE": fallback.job_queue_arn} if fallback else {}),
            **({"WORKFLOW_TASKS_PER_JOB": str(self._tasks_per_job)} if self._tasks_per_job > 1 else {}),
            **(self.compute.io.environment if self.compute.io else {}),
            **self.compute.machines_environment,
            "WORKFLOW_MEMORY_OVERHEAD_MIB": f"{self.storage.task_memory_overhead.to_mebibytes():g}",
        }

    def _grant_shared_task(self, role: iam.IRole) -> None:
        """Allow a task role the file system, the outputs and the data."""
        self.storage.grant_read_write(role)
        self.grant_references(role)
        for location in (self.outputs, *self.data):
            location.grant_read_write(role)
