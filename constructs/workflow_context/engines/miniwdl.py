"""miniwdl, by its own AWS Batch client miniwdl-aws: https://github.com/miniwdl-ext/miniwdl-aws."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct
from typing_extensions import override

from .base import RunDirectories, WorkflowEngine
from .parts import ContextParts

IMAGE = "ghcr.io/miniwdl-ext/miniwdl-aws:v0.12.2"
_MEMORY_DELTA = -33  # MiB that miniwdl-aws leaves to the ECS agent on each machine


class MiniwdlEngine(WorkflowEngine):
    """miniwdl, with its work directory and its call cache on the shared file system.

    `miniwdl-aws-submit --workflow-queue QUEUE` finds the rest by the tags of the head queue: the task queues, the
    access point and the role of head jobs. On a file system other than EFS it is told `--no-efs --mount DIRECTORY`:
    head jobs and tasks then bind the directory that instances mount at boot, and head jobs run on EC2. The call cache
    lies at `<mount>/miniwdl_run/_CACHE` and is shared by all workflows of the context, for as long as the file system
    lives.

    Args:
        scope: Where the construct lives.
        id: Its name there.
        parts: What the context gives it. The head queue gets the tags; `--s3upload` puts outputs and logs into
            `outputs`.
        image: Container image of head jobs. Default: the one that the miniwdl-aws project publishes, by version.

    Attributes:
        head_job_definition: Runs one workflow: parameters `workflow` (a WDL file by URI), `inputs` (JSON, or the URI
            of a JSON file) and `outputs` (an S3 folder).

    Raises:
        ValueError: Jobs find no directory of the file system, or head jobs would run on Fargate, where a file system
            other than EFS is out of the client's reach.

    Security considerations:
        miniwdl registers the definitions of its tasks itself, and gives them no role: tasks have the rights of the
        instance role, which therefore may read the data and the outputs of the context. The head role may register job
        definitions of any name (miniwdl derives them from task names), but pass no role to them, and may end only
        jobs that a miniwdl head job submitted. With `--no-efs` the client gives head jobs no role either: the instance
        role may then do what the head role may, and so may every task.

    Cost:
        A head job takes one vCPU and 4 GiB: 0.058 USD an hour on Fargate (us-east-1).
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
        for location in self.data:
            location.grant_read_write(self.compute.instance_role)
        if self.storage.efs_access_point_id:
            self.storage.allow_mounts_without_iam()  # the client's task definitions cannot say "with a role"
            self.outputs.grant_read(self.compute.instance_role)
        else:
            self.outputs.grant_read_write(self.compute.instance_role)
            # A policy of its own: the environments wait for the role's other policy, and this one names their queues.
            self.grant_task_submission(iam.Policy(self, "HeadJobs", roles=[self.compute.instance_role]).add_statements)
        # The client gives the head role to ECS as execution role too.
        self.grant_image_pulls(self.head_role)
        self.head_role.add_to_policy(
            iam.PolicyStatement(
                sid="WriteHeadJobLogs",
                actions=["logs:CreateLogStream", "logs:PutLogEvents"],
                resources=[
                    cdk.Stack.of(self).format_arn(
                        service="logs",
                        resource="log-group",
                        resource_name="/aws/batch/job:*",
                        arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
                    )
                ],
            )
        )
        if self.storage.efs_access_point_id:
            self.head_role.add_to_policy(
                iam.PolicyStatement(
                    sid="ResolveAccessPoint",
                    actions=["elasticfilesystem:DescribeAccessPoints"],
                    resources=[
                        cdk.Stack.of(self).format_arn(
                            service="elasticfilesystem",
                            resource="access-point",
                            resource_name=self.storage.efs_access_point_id,
                        )
                    ],
                )
            )
        self._tag_head_queue()
        self.head_job_definition = self.new_job_definition(
            "HeadJob",
            self.head_container(
                "Head",
                image=image,
                command=self.head_command("Ref::workflow", "Ref::inputs", "Ref::outputs", self._run_directory),
                environment={
                    **self.program_environment(["fetched.sh", "miniwdl_head.sh"]),
                    **self._environment(),
                },
            ),
            parameters={"inputs": "{}", "outputs": self._upload_folder},
            timeout=cdk.Duration.days(7),
        )

    @property
    @override
    def client_configuration(self) -> str:
        settings = {
            "AWS_DEFAULT_REGION": cdk.Aws.REGION,
            "MINIWDL__AWS__WORKFLOW_QUEUE": self.compute.head_queue.job_queue_arn,
            "MINIWDL__AWS__S3_UPLOAD_FOLDER": self._upload_folder,
            **self._task_settings(),
        }
        return "\n".join(
            [
                "# The head queue's tags tell miniwdl-aws-submit the rest: task queues, on EFS access point and role.",
                *(f"export {name}={value}" for name, value in settings.items()),
                f"# miniwdl-aws-submit WORKFLOW.wdl INPUT=VALUE --follow{''.join(self._client_options())}",
            ]
        )

    @override
    def wildcard_reasons(self) -> dict[str, str]:
        return {
            **super().wildcard_reasons(),
            "logs:": "Log streams are named by job ids, within the one log group of AWS Batch.",
        }

    @override
    def own_jobs(self) -> dict[str, dict[str, str]]:
        return {"Null": {"aws:ResourceTag/AWS_BATCH_PARENT_JOB_ID": "false"}}

    @property
    @override
    def runs(self) -> RunDirectories:
        # miniwdl writes one of them last of all: https://miniwdl.readthedocs.io/en/latest/runner_cli.html
        return RunDirectories("miniwdl_run", ("outputs.json", "error.json"))

    @property
    def _run_directory(self) -> str:
        return f"{self.shared_directory}/miniwdl_run"

    @property
    def _downloads(self) -> str:
        return f"{self._run_directory}/_CACHE/download"

    @property
    def _upload_folder(self) -> str:
        # Without a slash at its end, the client adds the name of the run: each run has a folder of its own.
        return self.outputs.within("miniwdl").uri

    def _check_reach(self) -> None:
        """The client knows two ways: EFS with head jobs on Fargate, and a directory of the machine."""
        if self.storage.efs_access_point_id:
            return
        if self.compute.heads_on_fargate or not self.storage.host_mounted:
            message = (
                f"miniwdl reaches {type(self.storage).__name__} only by a directory that instances mount: give the "
                "context heads_on_fargate=False, and a file system that instances mount"
            )
            raise ValueError(message)

    def _client_options(self) -> list[str]:
        if self.storage.efs_access_point_id:
            return [] if self.placement.assign_public_ip else [" --no-public-ip"]
        memory = self.memory_with_overhead(self.head_memory).to_gibibytes()
        return [f" --no-efs --mount {self.shared_directory} --memory-GiB {memory:g}"]

    def _task_settings(self) -> dict[str, str]:
        """What is the same for a client and for head jobs that are submitted without it."""
        overhead = self.storage.task_memory_overhead.to_mebibytes()
        return {
            **({"MINIWDL__AWS__MEMORY_DELTA": f"{_MEMORY_DELTA + overhead:g}"} if overhead else {}),
            "MINIWDL__CALL_CACHE__DIR": f"{self._run_directory}/_CACHE",
            "MINIWDL__CALL_CACHE__GET": "true",
            "MINIWDL__CALL_CACHE__PUT": "true",
            # It must be within the mount, and is on EFS if nothing is said.
            **({} if self.storage.efs_access_point_id else {"MINIWDL__DOWNLOAD_CACHE__DIR": self._downloads}),
        }

    def _environment(self) -> dict[str, str]:
        """What the client would set, for head jobs that are submitted without it."""
        fallback = self.compute.fallback_queue
        return {
            "MINIWDL__FILE_IO__ROOT": self.shared_directory,
            "MINIWDL__AWS__TASK_QUEUE": self.compute.task_queue.job_queue_arn,
            **({"MINIWDL__AWS__TASK_QUEUE_FALLBACK": fallback.job_queue_arn} if fallback else {}),
            **(
                {"MINIWDL__AWS__FSAP": self.storage.efs_access_point_id}
                if self.storage.efs_access_point_id
                else {"MINIWDL__SCHEDULER__CONTAINER_BACKEND": "aws_batch_job_no_efs"}
            ),
            **self._task_settings(),
        }

    def _tag_head_queue(self) -> None:
        # The names are miniwdl-aws's own, and it wants all of them: with some given it looks for none.
        fallback = self.compute.fallback_queue
        tags = {
            "WorkflowEngineRoleArn": self.head_role.role_arn,
            "DefaultTaskQueue": self.compute.task_queue.job_queue_arn,
            **({"DefaultTaskQueueFallback": fallback.job_queue_arn} if fallback else {}),
            **({"DefaultFsap": self.storage.efs_access_point_id} if self.storage.efs_access_point_id else {}),
        }
        for name, value in tags.items():
            cdk.Tags.of(self.compute.head_queue).add(name, value)
