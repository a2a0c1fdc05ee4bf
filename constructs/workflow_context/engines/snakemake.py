"""Snakemake, in a directory that all jobs share, or by its AWS Batch executor plugin with the files in S3."""

import aws_cdk as cdk
from aws_cdk import aws_batch as batch, aws_ec2 as ec2
from constructs import Construct
from typing_extensions import override

from workflow_context.scripts import read_script

from .bundled_plugin import bundled_plugin
from .check import CheckTask, task_container
from .parts import ContextParts
from .shared_directory import SharedDirectoryEngine
from .task_rights import UNMARKED_JOBS, UNMARKED_TAGS, Ownership

IMAGE = "docker.io/snakemake/snakemake:v9.27.1"

PLUGINS = ("snakemake-executor-plugin-aws-batch==0.2.1", "snakemake-storage-plugin-s3==0.3.6")
"""What head jobs on S3 install when their image does not have it, as pip names it."""

_LONGEST_TASK = cdk.Duration.days(7)


class SnakemakeEngine(SharedDirectoryEngine):
    """Snakemake, with its working directory on the shared file system, or with its files in S3.

    On a file system with a mount path, head jobs submit tasks by `qsub`, `qstat` and `qdel` of this package, with
    Snakemake's executor plugin `cluster-generic`, which they bring along: no image has it. A rule asks for vCPUs by
    `threads`, for memory, time and GPUs by the resources `mem_mb`, `runtime` and `gpu`, for one of several kinds of
    machines by `machines` and `architecture`, and for an image of its own by the resource `container_image`; the image
    must hold Snakemake at the path where that of the head job has it, as one that is made from it does. Conda
    environments lie at `<mount>/snakemake/conda`, so that a second run finds them. A task that lost its Spot machine
    goes to the fallback queue, and Snakemake does not notice. A new head job for the same directory ends what one that
    is gone left, and does what is missing; one that is at work keeps others out.

    On S3 nothing is mounted: the AWS Batch executor plugin makes the definitions of the tasks with the task role, and
    the S3 storage plugin moves the files (`--default-storage-provider s3`). Head jobs install both, by version, with
    pip from PyPI when their image has them not; each task installs the storage plugin, as Snakemake does it.

    Args:
        scope: Where the construct lives.
        id: Its name there.
        parts: What the context gives it.
        image: Container image of head jobs and tasks; it must hold Snakemake, Python 3.9 or later and bash. For head
            jobs on S3 it must hold pip, or both plugins. Default: the image that the Snakemake project publishes, by
            version; it is for x86_64 only.
        tasks_per_job: How many tasks that are alike, and wait at the same time, may run one after another in one job
            of AWS Batch, so that short ones share the start of a machine and its image: 1 to 1000. Default: 1.

    Attributes:
        task_role: The role of task jobs.
        task_job_definition: The job definition of task jobs, with the mount; None on S3.
        head_job_definition: Runs one workflow: parameters `snakefile` (an `s3://` address, whose folder is copied to
            the directory; or a path on the file system, or relative to the directory), `directory` (on the file system;
            on S3 one of the container), `jobs` (task jobs at a time) and `options` (`none`, or more of Snakemake's
            command line, quoted as for a shell: `--config name=value`, targets).

    Raises:
        ValueError: Machines with arm64 and the default image.

    Security considerations:
        On S3, head and task jobs may list the names of all objects of the bucket, since the storage plugin asks whether
        it is there; what they read and write ends at the prefix. The executor plugin starts every task as a privileged
        container, which no setting changes: a task can do everything on its machine, read the files of the other tasks
        there, and act with the instance role. It names job definitions `snakejob-def-…` in every context alike and
        tags no jobs: a head job may submit with those of other Snakemake contexts on S3 in the account, and so act as
        their task roles, and may end any job whose id it knows and that bears no other context's tag. Its tasks log to
        AWS Batch's own log group, `/aws/batch/job`. Use a mounted file system, or an account of its own, for contexts
        that do not trust each other.
        Head jobs may submit to the queues of the context and may pass the task role, no other. On a mounted file system
        they register definitions named after the context, and may end only jobs that carry its tag. Task jobs have the
        rights of the task role, and through the instance's metadata service those of the instance role.

    Cost:
        A head job takes one Fargate vCPU and 4 GiB: 0.058 USD an hour (us-east-1).
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        parts: ContextParts,
        *,
        image: str = IMAGE,
        tasks_per_job: int = 1,
    ) -> None:
        super().__init__(scope, id, parts)
        self._image = image
        self._tasks_per_job = self._checked_tasks_per_job(tasks_per_job)
        self._check_processor()
        self.task_role = self.new_role("TaskRole", "Task jobs of the workflow context")
        self._grant_shared_task(self.task_role)
        self.task_job_definition: batch.EcsJobDefinition | None = None
        parameters = ("Ref::snakefile", "Ref::directory", "Ref::jobs", "Ref::options")
        if self._shared:
            self.task_job_definition = self._task_definition(image, self.task_role, self._environment())
            command = self.head_command(*parameters)
            environment = {
                **self.program_environment(
                    ["front_end.sh", "snakemake_sources.sh", "snakemake_shared_head.sh"],
                    {"job_status.sh": read_script("job_status.sh"), **bundled_plugin()},
                ),
                **self._front_end_environment(self.task_job_definition, self._home),
                **self._environment(),
            }
            self.log_group.grant(self.head_role, "logs:GetLogEvents")
        else:
            self._grant_plugins()
            settings = [part for name, value in self._settings().items() for part in (f"--{name}", value)]
            command = [*self.head_command(*parameters), *settings]
            environment = {
                "AWS_REGION": cdk.Aws.REGION,
                "SNAKEMAKE_PLUGINS": " ".join(PLUGINS),
                "WORKFLOW_HOME": self._home,
                **self.program_environment(["snakemake_sources.sh", "snakemake_head.sh"]),
                **self._environment(),
            }
        self.head_job_definition = self.new_job_definition(
            "HeadJob",
            self.head_container(
                "Head", image=image, command=command, environment=environment, references=self.references
            ),
            parameters={"snakefile": "Snakefile", "directory": self._run_directory, "jobs": "100", "options": "none"},
            timeout=cdk.Duration.days(7),
        )

    @property
    @override
    def client_configuration(self) -> str:
        return self._instructions() if self._shared else self._profile()

    @property
    @override
    def check_task(self) -> CheckTask:
        if self.task_job_definition is not None:
            return self._shared_check_task(self.task_job_definition)
        # As the executor plugin registers it: privileged, in the image of the head job, logging where AWS Batch does.
        return CheckTask(
            name="snakejob-def-check-",
            container=task_container(self._image, role=self.task_role, privileged=True),
        )

    @override
    def extra_outputs(self) -> dict[str, str]:
        definition = self.task_job_definition
        return {
            **({"TaskJobDefinition": definition.job_definition_arn} if definition else {}),
            "TaskRole": self.task_role.role_arn,
        }

    @property
    @override
    def _home(self) -> str:
        return f"{self.storage.work_directory}/snakemake"

    @property
    def _run_directory(self) -> str:
        # On S3 the head job keeps its own metadata in the container; what tasks read and write is in the bucket.
        return f"{self._home}/work" if self._shared else "/tmp/snakemake"  # noqa: S108

    def _instructions(self) -> str:
        parameters = {"snakefile": "SNAKEFILE", "directory": self._run_directory, "jobs": "100", "options": "none"}
        return "\n".join(
            [
                "# Snakemake runs in head jobs of this context, which alone have its file system. SNAKEFILE is an s3://",
                "# address that the context may read, whose folder comes along, or a path below",
                f"# {self.shared_directory}. 'options' is more of Snakemake's command line: --config name=value,",
                "# targets. A new head job for the same directory does what is missing.",
                *self._how_to_submit("snakemake", parameters),
            ]
        )

    def _profile(self) -> str:
        return "\n".join(
            [
                "# A Snakemake profile: save as PROFILE/config.yaml, then: snakemake --profile PROFILE",
                f"# Needs plugins: pip install {' '.join(PLUGINS)}",
                *(f"{name}: {value}" for name, value in self._settings().items()),
                "jobs: 100",
            ]
        )

    def _settings(self) -> dict[str, str]:
        """How tasks are submitted and get at their files, on S3."""
        return {
            "executor": "aws-batch",
            "aws-batch-region": cdk.Aws.REGION,
            "aws-batch-job-queue": self.compute.kinds[0].arn,
            "aws-batch-job-role": self.task_role.role_arn,
            # The plugin ends tasks after five minutes when it is told nothing.
            "aws-batch-task-timeout": f"{_LONGEST_TASK.to_seconds():.0f}",
            "container-image": self._image,
            "default-storage-provider": "s3",
            "default-storage-prefix": self._home,
            "storage-s3-region": cdk.Aws.REGION,
            "shared-fs-usage": "none",
        }

    def _environment(self) -> dict[str, str]:
        # In the container, off the shared file system; but tasks read the sources that the head job has cached.
        cache = {"XDG_CACHE_HOME": f"{self._home}/cache"} if self._shared else {}
        return {"HOME": "/tmp", "TMPDIR": "/tmp", **cache}  # noqa: S108

    @property
    @override
    def _ownership_on_s3(self) -> Ownership:
        return Ownership("snakejob-def-*", UNMARKED_TAGS, UNMARKED_JOBS)  # the plugin names them, and tags no jobs

    def _check_processor(self) -> None:
        processors = [kind.machines.architecture for kind in self.compute.kinds]
        if self._image == IMAGE and ec2.InstanceArchitecture.ARM_64 in processors:
            message = (
                f"the image {IMAGE} is for x86_64 only, and tasks run in it on machines with arm64: give an image for "
                "arm64, or leave the architecture at x86_64"
            )
            raise ValueError(message)

    def _grant_plugins(self) -> None:
        """Allow what the plugins do: one submits tasks that log where AWS Batch does, the other asks for the bucket."""
        self.grant_default_log(self.compute.instance_role)
        if self.storage.location is not None:
            for role in (self.head_role, self.task_role):
                self.storage.location.grant_list_bucket(role)
        self.grant_pass_roles(self.task_role, self.execution_role)
