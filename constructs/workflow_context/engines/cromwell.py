"""Cromwell, by its backend for AWS Batch: https://cromwell.readthedocs.io/en/develop/backends/AWSBatch/."""

import json
from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_batch as batch
from constructs import Construct
from typing_extensions import override

from workflow_context.scripts import install_script, read_script

from .base import WorkflowEngine
from .check import HEAD_COMMAND, CheckTask, task_container
from .jobs import HOST_LOST, IMAGE_PULL_FAILED
from .parts import ContextParts
from .task_rights import UNMARKED_JOBS, UNMARKED_TAGS, Ownership

IMAGE = "docker.io/broadinstitute/cromwell:93-0232cbd"
CHECK_IMAGE = "public.ecr.aws/docker/library/python:3.13-slim"
"""What a check of a context runs in, with the roles of head jobs."""

MOUNT_PATH = "/mnt/efs"
"""Where Cromwell's backend binds a shared file system from the machine: here and nowhere else."""

_AWS_CLI_HOME = "/usr/local/aws-cli"
_FETCH_AND_RUN = "/usr/local/bin/fetch_and_run.sh"

# The entry point of the image is a bash: it sources the file that this expands to, before it does anything else.
# https://www.gnu.org/software/bash/manual/html_node/Bash-Startup-Files.html
_BASH_ENV = '$(printf "%s" "$CROMWELL_HEAD" >/tmp/cromwell_head.sh; echo /tmp/cromwell_head.sh)'


class CromwellEngine(WorkflowEngine):
    """Cromwell, with its executions in S3.

    Cromwell's backend finds three things on every instance, which are put there at boot: the AWS CLI at
    `/usr/local/aws-cli`, `/usr/local/bin/fetch_and_run.sh`, and the shared file system at exactly `/mnt/efs`, if there
    is one. On that, a task keeps the files that it writes below `/mnt/efs`; everything else goes through S3.

    Args:
        scope: Where the construct lives.
        id: Its name there.
        parts: What the context gives it. Every instance gets what the backend binds into tasks. The executions are in
            the file system with `S3FileSystem`; `EfsFileSystem(host_mounted=True)` is bound into every task, and the
            executions are in `work` in `outputs`, as are the final outputs and the scripts of tasks.
        image: Container image of head jobs. Default: the one that the Cromwell project publishes, by version.

    Attributes:
        task_role: The role of task jobs.
        head_job_definition: Runs one workflow: parameters `workflow` (the URL of a WDL file, or what
            `tar cz main.wdl … | base64 -w 0` prints: the main file first, then what it imports), `inputs` (JSON;
            when it is longer than 3,000 characters, what `gzip -9 <inputs.json | base64 -w 0` prints) and `outputs`
            (the folder in S3 for the final outputs). AWS Batch gives a job 8,192 characters in all, and the image has
            nothing that could fetch a file from S3.

    Raises:
        ValueError: The file system is not where Cromwell binds it from.

    Security considerations:
        Head jobs may register job definitions named `cromwell_…`, as Cromwell names them, and submit with them to the
        queues of the context; the only role they can give a task is the task role. Both come with the workflow options
        (`aws_batch_job_role_arn`, `aws_batch_script_bucket_prefix`): without them, tasks have the rights of the
        instance role, which reads no data, and fail. The names are the same in every context, and the backend tags no
        jobs: a head job may submit with the job definitions of other Cromwell contexts of the account, and so act as
        their task roles, and may end any job whose id it knows and that bears no other context's tag. One account is
        one trust boundary for Cromwell.

    Cost:
        A head job takes one Fargate vCPU and 4 GiB: 0.058 USD an hour (us-east-1). There is no call cache between head
        jobs, since Cromwell keeps it in a database: a workflow that is submitted again computes everything again.
        Cromwell knows one queue: tasks that lose Spot machines are tried again on Spot, five times.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        parts: ContextParts,
        *,
        image: str = IMAGE,
    ) -> None:
        super().__init__(scope, id, parts)
        self._check_reach()
        self.task_role = self.new_role("TaskRole", "Task jobs of the workflow context")
        self.grant_task(self.task_role)
        self.grant_pass_roles(self.task_role)
        self.grant_task_search("batch:DescribeJobDefinitions", "batch:ListJobs")
        self.log_group.grant(self.head_role, "logs:GetLogEvents")
        self.log_group.grant_write(self.compute.instance_role)
        self.compute.run_at_boot(install_script("fetch_and_run.sh", _FETCH_AND_RUN))
        command = f"{_AWS_CLI_HOME}/v2/current/bin/aws"
        self.compute.run_at_boot(read_script("aws_cli.sh", {"AWS_CLI_HOME": _AWS_CLI_HOME, "AWS_CLI": command}))
        self.head_job_definition = self.new_job_definition(
            "HeadJob",
            self.head_container(
                "Head",
                image=image,
                command=["Ref::workflow", "Ref::inputs", "Ref::outputs"],
                environment=self._environment(),
            ),
            parameters={
                "workflow": "https://raw.githubusercontent.com/openwdl/wdl/legacy/versions/1.0/examples/hello.wdl",
                "inputs": "{}",
                "outputs": self._results,
            },
            timeout=cdk.Duration.days(14),
        )
        # The image of head jobs has no Python, nor anything else that speaks to AWS but Cromwell.
        self._check_job_definition = self.new_job_definition(
            "CheckJob",
            self.head_container(
                "Check",
                image=CHECK_IMAGE,
                command=self.head_command(HEAD_COMMAND),
                environment=self.program_environment([]),
            ),
            timeout=cdk.Duration.hours(1),
        )

    @property
    @override
    def client_configuration(self) -> str:
        options = (f"//   {line}" for line in json.dumps(self._workflow_options(), indent=2).splitlines())
        return "\n".join(
            [
                "// Save as cromwell.conf, and what follows as options.json:",
                *options,
                "// java -Dconfig.file=cromwell.conf -jar cromwell.jar run WORKFLOW.wdl --options options.json",
                'include required(classpath("application"))',
                *_hocon(self._settings()),
            ]
        )

    @property
    @override
    def check_task(self) -> CheckTask:
        path = self.storage.mount_path
        return CheckTask(
            name="cromwell_check-",
            container=task_container(
                role=self.task_role,
                log_group_name=self.log_group_name,
                host_files={"cli": _AWS_CLI_HOME, **({"mount": path} if path else {})},
            ),
            client=f"{_AWS_CLI_HOME}/v2/current/bin/aws",
            address=f"{self.s3_work_directory}/check",
        )

    @property
    @override
    def check_job_definition(self) -> batch.EcsJobDefinition:
        return self._check_job_definition

    @property
    @override
    def head_start(self) -> Mapping[str, str]:
        return {"CROMWELL_HEAD": 'echo "@check head-image ok $(java -version 2>&1 | head -n 1)"; exit'}

    @override
    def extra_outputs(self) -> dict[str, str]:
        return {"TaskRole": self.task_role.role_arn, "WorkDirectory": self.s3_work_directory}

    @property
    @override
    def ownership(self) -> Ownership:
        return Ownership("cromwell_*", UNMARKED_TAGS, UNMARKED_JOBS)  # Cromwell names them, and tags no jobs

    def _check_reach(self) -> None:
        path = self.storage.mount_path
        if path is not None and not (path == MOUNT_PATH and self.storage.host_mounted):
            message = (
                f"Cromwell binds a shared file system from {MOUNT_PATH} of the machine, and instances do not mount "
                f"{type(self.storage).__name__} there; give EfsFileSystem(host_mounted=True), or S3FileSystem"
            )
            raise ValueError(message)

    def _settings(self) -> dict[str, object]:
        config: dict[str, object] = {
            "root": f"{self.s3_work_directory}/cromwell-execution",
            "auth": "default",
            "concurrent-job-limit": 1000,
            "numSubmitAttempts": 6,
            "numCreateDefinitionAttempts": 6,
            "default-runtime-attributes": {
                "queueArn": self.compute.kinds[0].arn,
                "scriptBucketName": self.outputs.bucket.bucket_name,
                "logGroupName": self.log_group_name,
                **self._retry_attributes(),
            },
            "filesystems": {"s3": {"auth": "default"}, **self._shared_directory()},
        }
        if self.storage.mount_path is not None:
            # The default makes hard links, which do not lead from one file system to another.
            config["glob-link-command"] = "ln -fs GLOB_PATTERN GLOB_DIRECTORY"
        return {
            "aws": {
                "application-name": "cromwell",
                "auths": [{"name": "default", "scheme": "default"}],
                "region": cdk.Aws.REGION,
            },
            "engine.filesystems.s3.auth": "default",
            "docker.hash-lookup.enabled": False,
            "backend": {
                "default": "AWSBatch",
                "providers": {
                    "AWSBatch": {
                        "actor-factory": "cromwell.backend.impl.aws.AwsBatchBackendLifecycleActorFactory",
                        "config": config,
                    }
                },
            },
        }

    def _retry_attributes(self) -> dict[str, object]:
        return {
            "awsBatchRetryAttempts": 5 if self.compute.spot else 3,
            "awsBatchEvaluateOnExit": [
                *({"Action": "RETRY", "onReason": reason} for reason in IMAGE_PULL_FAILED),
                *([{"Action": "RETRY", "onStatusReason": HOST_LOST}] if self.compute.spot else []),
                {"Action": "EXIT", "onReason": "*"},
            ],
        }

    def _shared_directory(self) -> dict[str, object]:
        return {"local": {"efs": self.storage.mount_path}} if self.storage.mount_path is not None else {}

    @property
    def _results(self) -> str:
        return self.outputs.within("cromwell", "results").uri

    @property
    def _scripts(self) -> str:
        return "/".join(filter(None, (self.outputs.prefix, "cromwell", "scripts")))

    def _workflow_options(self) -> dict[str, str]:
        return {
            "aws_batch_job_role_arn": self.task_role.role_arn,
            "aws_batch_script_bucket_prefix": self._scripts,
            "final_workflow_outputs_dir": self._results,
        }

    def _environment(self) -> dict[str, str]:
        return {
            "AWS_REGION": cdk.Aws.REGION,
            "BASH_ENV": _BASH_ENV,
            "CROMWELL_CONF": self.client_configuration,
            "CROMWELL_HEAD": read_script("cromwell_head.sh"),
            "CROMWELL_SCRIPTS": self._scripts,
            "CROMWELL_TASK_ROLE": self.task_role.role_arn,
        }


def _hocon(settings: Mapping[str, object], indent: str = "") -> list[str]:
    """Settings in the format of Cromwell's configuration: `key = value`, `key { … }`."""
    lines: list[str] = []
    for key, value in settings.items():
        if isinstance(value, Mapping):
            lines += [f"{indent}{key} {{", *_hocon(value, f"{indent}  "), f"{indent}}}"]
        else:
            lines.append(f"{indent}{key} = {json.dumps(value)}")
    return lines
