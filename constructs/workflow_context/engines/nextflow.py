"""Nextflow, by its own executor for AWS Batch: https://www.nextflow.io/docs/latest/aws.html."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_batch as batch
from constructs import Construct
from typing_extensions import override

from workflow_context.compute import BatchCompute
from workflow_context.network import Placement
from workflow_context.s3_location import S3Location
from workflow_context.scripts import read_script
from workflow_context.storage.base import WorkflowFileSystem

from .base import WorkflowEngine

IMAGE = "docker.io/nextflow/nextflow:25.04.4"

AWS_CLI_HOME = "/opt/workflow-aws-cli"
"""Where instances keep the AWS CLI. Nextflow binds the directory above `bin` into every task, at the same path, so it
must not be a path that an image may have. https://www.nextflow.io/docs/latest/aws.html#aws-cli-installation"""

_DEFAULT_MEMORY_MIB = 1024  # what Nextflow asks for, for a process without a memory directive

# Exit codes of a task that was killed, and the number Nextflow gives one whose machine went.
_LOST = "(130..145) + 104 + 175 + 2147483647"


class NextflowEngine(WorkflowEngine):
    """Nextflow, with its work directory in S3.

    Tasks copy their inputs from S3 and their results to it, with an AWS CLI that every instance installs at boot
    (`scripts/aws_cli.sh`) and Nextflow binds into each container. A file system that instances mount is bound into
    each container too, as an ordinary directory beside the S3 work directory: for references, say. As work directory
    Nextflow's own executor refuses everything but S3.

    A run has the id of its head job as session. To resume it, with a new head job and after the old one is gone,
    submit with `session=<that job id>`: the index of finished tasks lies in S3, beside the work directory. Results of
    pipelines that have a parameter `outdir` go to the outputs of the context unless they are told otherwise.

    Args:
        scope: Where the construct lives.
        id: Its name there.
        placement: Where head jobs run.
        compute: The queues; every instance of theirs gets the AWS CLI.
        storage: The work directory, with `S3FileSystem`. Another file system is mounted into every process, and the
            work directory is `work` in `outputs`.
        outputs: Where results go to in S3.
        data: What else workflows may read, and write where it is not read-only.
        image: Container image of head jobs. Default: the one that the Nextflow project publishes, by version.

    Attributes:
        task_role: The role of task jobs.
        head_job_definition: Runs one workflow: parameters `pipeline` (a repository such as `nf-core/rnaseq`, or its
            URL), `revision` (`default`, or a branch, tag or commit), `profile` (`standard`, or names with commas),
            `parameters` (`none`, or the URI of a JSON or YAML file) and `session` (`new`, or the id of the head job
            whose run is resumed).

    Raises:
        ValueError: Jobs find the file system in a directory, but instances do not mount it.

    Security considerations:
        Head jobs may register job definitions named `nf-…`, as Nextflow names them, and submit with them to the queues
        of the context; the only role they can give a task is the task role. AWS Batch knows no resource by which the
        jobs of a context could be told from others in the account, so a head job may end any job whose id it knows.
        Task jobs have the rights of the task role, and through the instance's metadata service those of the instance
        role. Nextflow downloads its plugins and the pipeline from the internet when a head job starts.

    Cost:
        A head job takes one Fargate vCPU and 4 GiB: 0.058 USD an hour (us-east-1). With S3 as work directory, every
        input of a task is read once and every result written once more than on a shared file system: requests cost
        0.005 USD for 1,000 writes, traffic to the region's own S3 nothing.
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
        self._check_reach()
        self.task_role = self._role("TaskRole", "Task jobs of the workflow context")
        self._grant_task(self.task_role, data)
        self._grant_pass_roles(self.task_role)
        self._grant_machine_facts()
        self.log_group.grant(self.head_role, "logs:GetLogEvents")
        command = f"{AWS_CLI_HOME}/bin/aws"
        compute.run_at_boot(read_script("aws_cli.sh", {"AWS_CLI_HOME": AWS_CLI_HOME, "AWS_CLI": command}))
        self._head_job_definition = self._definition(
            "HeadJob",
            self._head_container(
                "Head",
                image=image,
                command=[
                    *("bash", "-c", read_script("nextflow_head.sh"), "nextflow"),
                    *("Ref::pipeline", "Ref::revision", "Ref::profile", "Ref::parameters", "Ref::session"),
                ],
                environment=self._environment(),
            ),
            parameters={
                "pipeline": "nextflow-io/hello",
                "revision": "default",
                "profile": "standard",
                "parameters": "none",
                "session": "new",
            },
            timeout=cdk.Duration.days(14),
        )

    @property
    @override
    def head_job_definition(self) -> batch.IJobDefinition:
        return self._head_job_definition

    @property
    @override
    def client_configuration(self) -> str:
        return "\n".join(
            [
                "// Save as context.config, then: nextflow -c context.config run PIPELINE",
                f"workDir = '{self._s3_work_directory}'",
                f"params.outdir = '{self.outputs.within('nextflow', 'results').uri}'",
                "process {",
                "    executor = 'awsbatch'",
                *(f"    {line}" for line in self._queue_directives()),
                *(f"    {line}" for line in self._memory_directives()),
                "}",
                "aws {",
                f"    region = '{cdk.Aws.REGION}'",
                "    batch {",
                f"        cliPath = '{AWS_CLI_HOME}/bin/aws'",
                f"        jobRole = '{self.task_role.role_arn}'",
                f"        logsGroup = '{self.log_group.log_group_name}'",
                *(f"        {line}" for line in self._batch_options()),
                "    }",
                "}",
            ]
        )

    @override
    def extra_outputs(self) -> dict[str, str]:
        return {"TaskRole": self.task_role.role_arn, "WorkDirectory": self._s3_work_directory}

    @property
    @override
    def _task_definition_names(self) -> str:
        return "nf-*"

    def _check_reach(self) -> None:
        if self.storage.mount_path is not None and not self.storage.host_mounted:
            message = (
                "Nextflow binds directories of the machine into its tasks, and instances do not mount "
                f"{type(self.storage).__name__}; give it host_mounted=True, or S3FileSystem"
            )
            raise ValueError(message)

    def _queue_directives(self) -> list[str]:
        task, fallback = self.compute.task_queue, self.compute.fallback_queue
        if fallback is None:
            return [f"queue = '{task.job_queue_arn}'"]
        return [
            "// A task that lost its Spot machine, or was killed, goes to the on-demand queue.",
            f"queue = {{ task.attempt > 1 ? '{fallback.job_queue_arn}' : '{task.job_queue_arn}' }}",
            f"errorStrategy = {{ task.exitStatus in ({_LOST}) ? 'retry' : 'finish' }}",
            "maxRetries = 2",
        ]

    def _memory_directives(self) -> list[str]:
        overhead = self.storage.task_memory_overhead.to_mebibytes()
        if not overhead:
            return []
        return [
            f"// The file system takes {overhead:g} MiB of the machine for each task: a process with its own directive",
            "// must ask for that much more.",
            f"memory = '{_DEFAULT_MEMORY_MIB + overhead:g} MB'",
        ]

    def _batch_options(self) -> list[str]:
        # With a fallback queue Nextflow itself retries, and there; else AWS Batch does, on Spot.
        attempts = 5 if self.compute.spot and self.compute.fallback_queue is None else 0
        path = self.storage.mount_path
        return [f"maxSpotAttempts = {attempts}", *([f"volumes = ['{path}']"] if path else [])]

    def _environment(self) -> dict[str, str]:
        return {
            "AWS_REGION": cdk.Aws.REGION,
            "NEXTFLOW_CONFIG": self.client_configuration,
            "NXF_ANSI_LOG": "false",
            "NXF_CLOUDCACHE_PATH": f"{self._s3_work_directory}/.cache",
            "NXF_IGNORE_RESUME_HISTORY": "true",  # the history of the runs is a file of a container that is gone
            "NXF_OPTS": "-Xms1g -Xmx3g",
        }
