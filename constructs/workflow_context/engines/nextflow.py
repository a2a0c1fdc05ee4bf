"""Nextflow, by its own executor for AWS Batch, or in a directory that all jobs share."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_batch as batch, aws_iam as iam
from constructs import Construct
from typing_extensions import override

from workflow_context.pbs.settings import RUN_TAG, TAG
from workflow_context.scripts import read_script
from workflow_context.task_machines import TaskQueues

from .check import CheckTask, task_container
from .parts import ContextParts
from .shared_directory import SharedDirectoryEngine
from .task_rights import Ownership, marked

IMAGE = "docker.io/nextflow/nextflow:25.04.4"

TASK_IMAGE = "public.ecr.aws/docker/library/ubuntu:24.04"
"""The image of processes without a container, in a directory that all jobs share."""

AWS_CLI_HOME = "/opt/workflow-aws-cli"
"""Where instances keep the AWS CLI. Nextflow binds the directory above `bin` into every task, at the same path, so it
must not be a path that an image may have. https://www.nextflow.io/docs/latest/aws.html#aws-cli-installation"""

_DEFAULT_MEMORY_MIB = 1024  # what Nextflow asks for, for a process without a memory directive

_CONTAINER_ENGINES = ("docker", "podman", "singularity", "apptainer", "charliecloud", "shifter", "sarus")

# What PBS has no word for, evaluated for each task. Nextflow itself adds the registry only for engines of containers
# that it runs, and here it runs none.
_CLUSTER_OPTIONS = (
    "\"-v WORKFLOW_IMAGE=${task.container ?: ''},"
    "WORKFLOW_REGISTRY=${nextflow.Global.session.config.docker?.registry ?: ''},"
    'WORKFLOW_GPUS=${task.accelerator ? task.accelerator.request : 0}"'
)

_DEFINITION_TAGS = ("nextflow.io/createdAt", "nextflow.io/version")
"""What Nextflow tags its job definitions with, and cannot be told otherwise."""

_PARAMETERS = {"revision": "default", "profile": "standard", "parameters": "none", "session": "new"}

# Exit codes of a task that was killed, and the number Nextflow gives one whose machine went.
_LOST = "(130..145) + 104 + 175 + 2147483647"


class NextflowEngine(SharedDirectoryEngine):
    """Nextflow, with its work directory in S3, or on the shared file system where it has a mount path.

    In S3 (https://www.nextflow.io/docs/latest/aws.html), tasks copy their inputs from there and their results back,
    with an AWS CLI that every instance installs at boot (`scripts/aws_cli.sh`) and Nextflow binds into each container.

    On a shared file system nothing is copied: tasks find their inputs by links. Nextflow's own executor for AWS Batch
    refuses such a work directory, so it speaks PBS there (`executor = 'pbs'`), with `qsub`, `qstat` and `qdel` that
    submit to AWS Batch. Each task runs in the image of its process. A task that lost its Spot machine goes to the
    fallback queue, and Nextflow does not notice. Images need bash, and files in S3 only what Nextflow itself copies.

    A run has the id of its head job as session. To resume it, with a new head job and after the old one is gone,
    submit with `session=<that job id>`: the index of finished tasks lies beside the work directory. Results of
    pipelines that have a parameter `outdir` go to the outputs of the context unless they are told otherwise.
    What a head job that was killed left running is ended before its run goes on, so nothing is done twice at a time.

    ObjectiveFS and FSx for Lustre, which machines mount, have no user of their own: tasks act as the users of their
    images there, and may write to the directories that Nextflow makes for them.

    Args:
        scope: Where the construct lives.
        id: Its name there.
        parts: What the context gives it. With the work directory in S3 every instance gets the AWS CLI.
        image: Container image of head jobs; it must hold bash and Python 3.9 or later. Default: the one that the
            Nextflow project publishes, by version.
        task_image: Container image of processes that name none, on a shared file system. Default: Ubuntu, by version.
        s3_work_directory: The work directory is `work` in `outputs` all the same, and the file system, which instances
            must mount at boot, an ordinary directory in every process: for references, say. Default: no.
        tasks_per_job: How many tasks that are alike, and wait at the same time, may run one after another in one job
            of AWS Batch, so that short ones share the start of a machine and its image: 1 to 1000. Default: 1.

    Attributes:
        task_role: The role of task jobs.
        task_job_definition: The job definition of task jobs, with the mount; None with the work directory in S3.
        head_job_definition: Runs one workflow: parameters `pipeline` (a repository such as `nf-core/rnaseq`, or its
            URL), `revision` (`default`, or a branch, tag or commit), `profile` (`standard`, or names with commas),
            `parameters` (`none`, or the URI of a JSON or YAML file) and `session` (`new`, or the id of the head job
            whose run is resumed).

    Raises:
        ValueError: The work directory shall be in S3, and instances do not mount the file system.

    Security considerations:
        Head jobs submit to the queues of the context, and the only role they can give a task is the task role. They may
        end only jobs that carry the tag of the context, which they can give to jobs that they submit and to no other:
        with the work directory in S3 by `resourceLabels`. A process that sets its own must repeat the tag
        `workflow-context` of the configuration; else its jobs go on when the run is stopped. Who may tag jobs by other
        rights than these can have them ended. On a shared file system head jobs register and submit with job
        definitions named after the context.
        With the work directory in S3 Nextflow names job definitions after images, `nf-…`, in every context alike, and
        nothing in it changes that: a head job may submit with those of other Nextflow contexts of the account, and so
        act as their task roles, and may register new revisions, which they may then use. One account is one trust
        boundary for Nextflow on S3; contexts that must not trust each other need a shared file system or two accounts.
        Jobs of one context share the directory with the scripts of all its tasks, so they trust each other.
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
        parts: ContextParts,
        *,
        image: str = IMAGE,
        task_image: str = TASK_IMAGE,
        s3_work_directory: bool = False,
        tasks_per_job: int = 1,
    ) -> None:
        self._in_s3 = s3_work_directory or parts.storage.mount_path is None
        super().__init__(scope, id, parts)
        self._tasks_per_job = self._checked_tasks_per_job(tasks_per_job)
        self.task_role = self.new_role("TaskRole", "Task jobs of the workflow context")
        self.task_job_definition: batch.EcsJobDefinition | None = None
        if self._in_s3:
            self._check_reach()
            self._prepare_s3()
            environment = {**self.program_environment(["fetched.sh", "nextflow_head.sh"]), **self._environment()}
        else:
            self._grant_shared_task(self.task_role)
            self.task_job_definition = self._task_definition(task_image, self.task_role)
            environment = {
                **self.program_environment(["front_end.sh", "fetched.sh", "nextflow_shared_head.sh"]),
                **self._front_end_environment(self.task_job_definition, self._home),
                **self._common_environment(),
            }
        self.head_job_definition = self.new_job_definition(
            "HeadJob",
            self.head_container(
                "Head",
                image=image,
                command=self.head_command(
                    "Ref::pipeline", "Ref::revision", "Ref::profile", "Ref::parameters", "Ref::session"
                ),
                environment=environment,
                references=self.references,
            ),
            parameters={"pipeline": "nextflow-io/hello", **_PARAMETERS},
            timeout=cdk.Duration.days(14),
        )

    @property
    @override
    def chooses_machines(self) -> bool:
        return True

    @property
    @override
    def client_configuration(self) -> str:
        if self._in_s3:
            return self._s3_configuration()
        return "\n".join(
            [
                "// Nextflow runs in head jobs of this context, which alone have its file system. PIPELINE is a",
                f"// repository, its URL, or a path below {self.shared_directory}; 'session' is a head job to resume.",
                *(f"// {line}" for line in self._how_to_submit("nextflow", {"pipeline": "PIPELINE", **_PARAMETERS})),
                "// They run with this:",
                self._shared_configuration(),
            ]
        )

    @property
    @override
    def check_task(self) -> CheckTask:
        if self.task_job_definition is not None:
            return self._shared_check_task(self.task_job_definition)
        path = self.storage.mount_path
        return CheckTask(
            name="nf-check-",
            container=task_container(
                role=self.task_role,
                log_group_name=self.log_group_name,
                host_files={"cli": AWS_CLI_HOME, **({"mount": path} if path else {})},
            ),
            tags={TAG: self.context_name},
            client=f"{AWS_CLI_HOME}/bin/aws",
            address=f"{self.s3_work_directory}/check",
        )

    @override
    def extra_outputs(self) -> dict[str, str]:
        definition = self.task_job_definition
        return {
            **({"TaskJobDefinition": definition.job_definition_arn} if definition else {}),
            "TaskRole": self.task_role.role_arn,
            "WorkDirectory": self.s3_work_directory if self._in_s3 else f"{self._home}/runs",
        }

    @property
    @override
    def _shared(self) -> bool:
        return not self._in_s3

    @property
    @override
    def _ownership_on_s3(self) -> Ownership:
        # Nextflow names job definitions after images, for all contexts alike. Processes may have labels of their own.
        tags, jobs = marked(self.context_name, more_keys=None)
        return Ownership("nf-*", tags, jobs)

    @property
    @override
    def _home(self) -> str:
        return f"{self.shared_directory}/nextflow"

    def _prepare_s3(self) -> None:
        self.grant_task(self.task_role)
        self.grant_pass_roles(self.task_role)
        self.grant_machine_facts()
        self.grant_task_search("batch:DescribeJobDefinitions")
        self.log_group.grant(self.head_role, "logs:GetLogEvents")
        self.log_group.grant_write(self.compute.instance_role)
        definitions = cdk.Stack.of(self).format_arn(
            service="batch", resource="job-definition", resource_name=self.ownership.definition_names
        )
        self.head_role.add_to_policy(
            iam.PolicyStatement(
                sid="TagDefinitions",
                actions=["batch:TagResource"],
                resources=[definitions],
                conditions={"ForAllValues:StringEquals": {"aws:TagKeys": list(_DEFINITION_TAGS)}},
            )
        )
        command = f"{AWS_CLI_HOME}/bin/aws"
        self.compute.run_at_boot(read_script("aws_cli.sh", {"AWS_CLI_HOME": AWS_CLI_HOME, "AWS_CLI": command}))

    def _shared_configuration(self) -> str:
        # A process in a container is a job in its image: no engine for containers may start one more in there.
        return "\n".join(
            [
                'workDir = "${launchDir}/work"',
                f"params.outdir = '{self.outputs.within('nextflow', 'results').uri}'",
                "process {",
                "    executor = 'pbs'",
                f"    queue = '{self.compute.kinds[0].arn}'",
                f"    clusterOptions = {{ {_CLUSTER_OPTIONS} }}",
                *(f"    withLabel: '{kind.name}' {{ queue = '{kind.name}' }}" for kind in self._only_named),
                "}",
                "executor {",
                "    queueSize = 1000",
                "    pollInterval = '5 sec'",
                "    queueStatInterval = '20 sec'",
                "    exitReadTimeout = '10 min'",
                "}",
                *(f"{name}.enabled = false" for name in _CONTAINER_ENGINES),
            ]
        )

    def _s3_configuration(self) -> str:
        return "\n".join(
            [
                "// Save as context.config, then: nextflow -c context.config run PIPELINE",
                f"workDir = '{self.s3_work_directory}'",
                f"params.outdir = '{self.outputs.within('nextflow', 'results').uri}'",
                "process {",
                "    executor = 'awsbatch'",
                *(f"    {line}" for line in self._queue_directives()),
                *(f"    {line}" for line in self._memory_directives()),
                f"    resourceLabels = {self._labels()}",
                "}",
                "aws {",
                f"    region = '{cdk.Aws.REGION}'",
                "    batch {",
                f"        cliPath = '{AWS_CLI_HOME}/bin/aws'",
                f"        jobRole = '{self.task_role.role_arn}'",
                f"        logsGroup = '{self.log_group_name}'",
                *(f"        {line}" for line in self._batch_options()),
                "    }",
                "}",
            ]
        )

    def _labels(self) -> str:
        """The tags of jobs: by the context's one, head jobs may end them; by the run's, `workflow-context` finds them.

        A process that has `resourceLabels` of its own has those instead: head jobs may not end its jobs.
        """
        run = f"System.getenv('WORKFLOW_RUN_ID') ? ['{RUN_TAG}': System.getenv('WORKFLOW_RUN_ID')] : [:]"
        return f"['{TAG}': '{self.context_name}'] + ({run})"

    def _check_reach(self) -> None:
        if self.storage.mount_path is not None and not self.storage.host_mounted:
            message = (
                "Nextflow binds directories of the machine into its tasks, and instances do not mount "
                f"{type(self.storage).__name__}; give it host_mounted=True, or S3FileSystem"
            )
            raise ValueError(message)

    def _queue_directives(self) -> list[str]:
        kinds = self.compute.kinds
        if len(kinds) == 1 and kinds[0].fallback is None:
            return [f"queue = '{kinds[0].arn}'"]
        lines = [f"queue = {{ {_queue_for(kinds)} }}"]
        if any(kind.fallback for kind in kinds):
            lines = [
                "// A task that lost its Spot machine, or was killed, goes to the on-demand queue.",
                *lines,
                f"errorStrategy = {{ task.exitStatus in ({_LOST}) ? 'retry' : 'finish' }}",
                "maxRetries = 2",
            ]
        return [
            *lines,
            *(f"withLabel: '{kind.name}' {{ queue = {{ {_queue_of(kind)} }} }}" for kind in self._only_named),
        ]

    @property
    def _only_named(self) -> list[TaskQueues]:
        """Machines that tasks get by a label alone."""
        own, *others = self.compute.kinds
        return [kind for kind in others if kind.architecture != own.architecture or not kind.has_reason]

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
        on_spot = [kind for kind in self.compute.kinds if kind.machines.spot]
        attempts = 5 if on_spot and not any(kind.fallback for kind in on_spot) else 0
        path = self.storage.mount_path
        return [f"maxSpotAttempts = {attempts}", *([f"volumes = ['{path}']"] if path else [])]

    def _environment(self) -> dict[str, str]:
        return {
            "AWS_REGION": cdk.Aws.REGION,
            "NXF_CLOUDCACHE_PATH": f"{self.s3_work_directory}/.cache",
            **self._common_environment(),
        }

    def _common_environment(self) -> dict[str, str]:
        return {
            "NEXTFLOW_CONFIG": self._s3_configuration() if self._in_s3 else self._shared_configuration(),
            "NXF_ANSI_LOG": "false",
            "NXF_IGNORE_RESUME_HISTORY": "true",  # the history of the runs is a file of a container that is gone
            # What is left of the memory is for the JVM itself and the tools that it calls.
            "NXF_OPTS": f"-Xms1g -Xmx{max(self.head_memory.to_mebibytes() - 1024, 1024):g}m",
        }


def _queue_for(kinds: Sequence[TaskQueues]) -> str:
    """The queue of the machines that a task gets, in Groovy, by the rules of `pbs/machines.py`.

    Machines of another architecture than the context's own are only for tasks that bear their label.
    """
    alike = [kind for kind in kinds if kind.architecture == kinds[0].architecture]
    plain, with_gpus = ([kind for kind in alike if kind.machines.gpu == gpu] for gpu in (False, True))
    if not plain or not with_gpus:
        return _queue_by_memory(plain or with_gpus)
    return f"task.accelerator ? ({_queue_by_memory(with_gpus)}) : ({_queue_by_memory(plain)})"


def _queue_by_memory(kinds: Sequence[TaskQueues]) -> str:
    """The machines for the most memory that a task asks for; where it asks for little, those for the least."""
    by_memory: dict[int, TaskQueues] = {}
    for kind in kinds:
        by_memory.setdefault(kind.memory_from_mib, kind)
    least, *others = sorted(by_memory)
    found = _queue_of(by_memory[least])
    for memory in others:
        found = f"(task.memory?.toMega() >= {memory} ? ({_queue_of(by_memory[memory])}) : ({found}))"
    return found


def _queue_of(kind: TaskQueues) -> str:
    queue, fallback = kind.arn, kind.fallback_arn
    if kind.name:  # a head job has little room: the names are enough
        queue, fallback = kind.queue_name, kind.fallback_name
    return f"task.attempt > 1 ? '{fallback}' : '{queue}'" if fallback else f"'{queue}'"
