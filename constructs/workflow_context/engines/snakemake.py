"""Snakemake, by its AWS Batch executor plugin."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_batch as batch, aws_iam as iam
from constructs import Construct
from typing_extensions import override

from workflow_context.compute import BatchCompute
from workflow_context.network import Placement
from workflow_context.s3_location import S3Location
from workflow_context.storage.base import WorkflowFileSystem

from .base import WorkflowEngine

IMAGE = "docker.io/snakemake/snakemake:v9.27.1"


class SnakemakeEngine(WorkflowEngine):
    """Snakemake, with its working directory and its conda environments on the shared file system, or with S3.

    On a file system with a mount path, the task job definition carries the mount. The plugin can be told to use it
    (`--aws-batch-job-definition`) in the versions after 0.2.1; 0.2.1 itself makes definitions of its own, without a
    mount. Conda environments lie at `<mount>/snakemake/conda`, so that a second run finds them.

    On S3 nothing is mounted: the plugin (0.2.1 and later) makes the definitions of the tasks with the task role, and
    the S3 storage plugin moves the files (`--default-storage-provider s3`).

    Args:
        scope: Where the construct lives.
        id: Its name there.
        placement: Where head jobs run.
        compute: The queues.
        storage: The shared file system.
        outputs: Where workflows write to in S3.
        data: What else workflows may read, and write where it is not read-only.
        image: Container image of head jobs and tasks; it must hold Snakemake and the executor plugin, and on S3 the
            storage plugin. Default: the image that the Snakemake project publishes, by version.

    Attributes:
        task_role: The role of task jobs.
        task_job_definition: The job definition of task jobs, with the mount; None on S3.
        head_job_definition: Runs one workflow: parameters `snakefile` and `directory` (both on the file system; on S3 a
            URL, and a directory of the container) and `jobs` (task jobs at a time).

    Security considerations:
        Head jobs may submit to the queues of the context and may pass the task role, no other. Task jobs have the
        rights of the task role, and through the instance's metadata service those of the instance role.

    Cost:
        A head job takes one Fargate vCPU and 4 GiB: 0.058 USD an hour (us-east-1).
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
        image: str = IMAGE,
    ) -> None:
        super().__init__(scope, id, placement=placement, compute=compute, storage=storage, outputs=outputs, data=data)
        self.task_role = self._role("TaskRole", "Task jobs of the workflow context")
        storage.grant_read_write(self.task_role)
        for location in (outputs, *data):
            location.grant(self.task_role)
        self.task_job_definition = self._new_task_job_definition(image) if storage.mount_path else None
        self._grant_task_definitions()
        self._head_job_definition = self._definition(
            "HeadJob",
            self._head_container("Head", image=image, command=self._command(), environment=self._environment()),
            parameters={"snakefile": "Snakefile", "directory": self._run_directory, "jobs": "100"},
            timeout=cdk.Duration.days(7),
        )

    @property
    @override
    def head_job_definition(self) -> batch.IJobDefinition:
        return self._head_job_definition

    @property
    @override
    def client_configuration(self) -> str:
        lines = [
            "# A Snakemake profile: save as PROFILE/config.yaml, then: snakemake --profile PROFILE",
            self._plugin_needed(),
            *(f"{name}: {_yaml(value)}" for name, value in self._settings().items()),
            "jobs: 100",
        ]
        return "\n".join(lines)

    @override
    def extra_outputs(self) -> dict[str, str]:
        definition = self.task_job_definition
        return {
            **({"TaskJobDefinition": definition.job_definition_arn} if definition else {}),
            "TaskRole": self.task_role.role_arn,
        }

    @override
    def _wildcard_reasons(self) -> dict[str, str]:
        return {**super()._wildcard_reasons(), "batch:Describe": "AWS Batch has no resource level for these actions."}

    @property
    def _directory(self) -> str:
        return f"{self.storage.work_directory}/snakemake"

    @property
    def _run_directory(self) -> str:
        # On S3 the head job keeps its own metadata in the container; what tasks read and write is in the bucket.
        return f"{self._directory}/work" if self.storage.mount_path else "/tmp/snakemake"  # noqa: S108

    def _new_task_job_definition(self, image: str) -> batch.EcsJobDefinition:
        return self._definition(
            "TaskJob",
            self._ec2_container(
                "Task",
                image=image,
                command=["snakemake", "--version"],
                environment=self._environment(),
                role=self.task_role,
                cpu=1,
                memory=cdk.Size.gibibytes(2),
            ),
            attempts=3,
            timeout=cdk.Duration.days(1),
        )

    def _plugin_needed(self) -> str:
        if self.task_job_definition:
            return "# aws-batch-job-definition needs snakemake-executor-plugin-aws-batch newer than 0.2.1."
        return "# Needs snakemake-executor-plugin-aws-batch 0.2.1 or newer, and snakemake-storage-plugin-s3."

    def _settings(self) -> dict[str, str]:
        return {
            "executor": "aws-batch",
            "aws-batch-region": cdk.Aws.REGION,
            "aws-batch-job-queue": self.compute.task_queue.job_queue_arn,
            **self._file_settings(),
        }

    def _file_settings(self) -> dict[str, str]:
        """How tasks get at their files."""
        if self.task_job_definition is None:
            return {
                "aws-batch-job-role": self.task_role.role_arn,
                "default-storage-provider": "s3",
                "default-storage-prefix": self._directory,
                "shared-fs-usage": "none",
            }
        return {
            "aws-batch-job-definition": self.task_job_definition.job_definition_arn,
            "aws-batch-job-role": "",  # declared as required by the plugin, and refused beside a job definition
            "conda-prefix": f"{self._directory}/conda",
            "latency-wait": "60",  # NFS clients see each other's files late
            "shared-fs-usage": "persistence input-output software-deployment sources source-cache",
        }

    def _command(self) -> list[str]:
        settings = self._settings()
        shared = settings.pop("shared-fs-usage")
        return [
            *(
                "snakemake",
                "--snakefile",
                "Ref::snakefile",
                "--directory",
                "Ref::directory",
                "--jobs",
                "Ref::jobs",
            ),
            *(part for name, value in settings.items() for part in (f"--{name}", value)),
            *("--shared-fs-usage", *shared.split()),
        ]

    def _environment(self) -> dict[str, str]:
        return {"HOME": "/tmp", "TMPDIR": "/tmp"}  # noqa: S108  inside the container, off the shared file system

    def _grant_task_definitions(self) -> None:
        if self.task_job_definition is None:
            # The plugin asks which machines are behind the queue before it makes a definition.
            self.head_role.add_to_policy(
                iam.PolicyStatement(
                    sid="FindMachines",
                    actions=["batch:DescribeJobQueues", "batch:DescribeComputeEnvironments"],
                    resources=["*"],
                )
            )
        self._grant_pass_roles(self.task_role, self.execution_role)


def _yaml(value: str) -> str:
    return value if " " not in value and value else (f"[{', '.join(value.split())}]" if value else '""')
