"""miniwdl, by its own AWS Batch client miniwdl-aws: https://github.com/miniwdl-ext/miniwdl-aws."""

import json
from functools import cached_property
from importlib.resources import files

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct
from typing_extensions import override

from workflow_context.allow import allow
from workflow_context.ended_runs import RunDirectories
from workflow_context.pbs.settings import TAG
from workflow_context.place import REGION
from workflow_context.scripts import read_script
from workflow_context.storage.run_volumes import ACCESS_POINT_TAG

from .base import WorkflowEngine
from .check import CheckTask, task_container
from .parts import ContextParts
from .rights import default_log, image_pulls
from .task_rights import Ownership, marked
from .volume_jobs import VolumeJobs, volume_names

IMAGE = "ghcr.io/miniwdl-ext/miniwdl-aws:v0.12.2"
_PARENT_TAG = "AWS_BATCH_PARENT_JOB_ID"  # by it miniwdl-aws says which head job submitted a task
_ON_EFS, _ON_MACHINES = "workflow_context", "workflow_context_no_efs"  # the names of our backends
_MACHINES_MODULE = "workflow_context_machines"
_MODULE = "workflow_context_miniwdl"
_LONGEST_RUN = cdk.Duration.days(7)
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
        client_role: The role of head jobs of `miniwdl-aws-submit`, which the tags of the head queue name; None where
            head jobs run on EC2, since the client gives them no role there.
        head_job_definition: Runs one workflow: parameters `workflow` (a WDL file by URI), `inputs` (JSON, or the URI
            of a JSON file) and `outputs` (an S3 folder).

    Raises:
        ValueError: Jobs find no directory of the file system, or head jobs would run on Fargate, where a file system
            other than EFS is out of the client's reach.

    Security considerations:
        miniwdl registers the definitions of its tasks itself, and gives them no role: tasks have the rights of the
        instance role, which therefore may use the data and read the outputs of the context, and has no rights in AWS
        Batch. Head jobs of `head_job_definition` bring a backend along (`scripts/miniwdl_backend.py`) that names and
        tags what it makes after the context: the head role may register, submit with, and deregister only job
        definitions of that name, end only jobs with that tag, and pass no role.
        Storage of a single run (`StorageDispatcher`) is not kept from other runs by IAM, since tasks mount EFS without
        a role: it is by the POSIX user of each, and because nobody is told the id of another access point.
        Head jobs of `miniwdl-aws-submit` do not: they have a role of their own (`client_role`; without EFS that of the
        machines of head jobs), which may submit with every job definition in the account that no context has marked,
        and so act as its role, in the queues of this context. Only who may pass that role, or submit to the head queue
        with a definition of his own, gets at it: give users `WorkflowContext.grant_submit` instead.

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
        self.client_role: iam.Role | None = None
        self._check_reach()
        self._grant_machines(self.compute.instance_role)
        allow(self.compute.instance_role, *self.outputs.read_rights)
        self.outputs.grant_key(self.compute.instance_role, read_only=True)
        if self.storage.efs_access_point_id:
            self.storage.allow_mounts_without_iam()  # the client's task definitions cannot say "with a role"
            self.grant_resolution(self.head_role)
        self._grant_client()
        self._tag_head_queue()
        self.head_job_definition = self.new_job_definition(
            "HeadJob",
            self.head_container(
                "Head",
                image=image,
                command=self.head_command("Ref::workflow", "Ref::inputs", "Ref::outputs", self._run_directory),
                environment={
                    **self.program_environment(["fetched.sh", "miniwdl_head.sh"], backend_files()),
                    **self._environment(),
                },
            ),
            parameters={"inputs": "{}", "outputs": self._upload_folder},
            timeout=_LONGEST_RUN,
        )

    @property
    @override
    def takes_io_shares(self) -> bool:
        return True

    @property
    @override
    def chooses_machines(self) -> bool:
        return True

    @property
    @override
    def client_configuration(self) -> str:
        settings = {
            "AWS_DEFAULT_REGION": REGION,
            "MINIWDL__AWS__WORKFLOW_QUEUE": self.compute.head_queue_arn,
            "MINIWDL__AWS__S3_UPLOAD_FOLDER": self._upload_folder,
            "MINIWDL__AWS__JOB_TAGS": json.dumps({TAG: self.context_name}),
            **self._task_settings,
        }
        return "\n".join(
            [
                "# The head queue's tags tell miniwdl-aws-submit the rest: task queues, on EFS access point and role.",
                *(f"export {name}={_quoted(value)}" for name, value in settings.items()),
                f"# miniwdl-aws-submit WORKFLOW.wdl INPUT=VALUE --follow{''.join(self._client_options())}",
            ]
        )

    @property
    @override
    def check_task(self) -> CheckTask:
        tag = {TAG: self.context_name}
        return CheckTask(
            name=f"{self.context_name}-task-check-",
            container=task_container(log_group_name=self.log_group_name),
            mounts_as_head=True,  # the client mounts by the access point alone, or binds the machine's directory
            definition_tags=tag,
            tags=tag,
        )

    @override
    def resource_reasons(self) -> dict[str, str]:
        freely = (
            "miniwdl-aws-submit names job definitions freely, after tasks: its head jobs may register and use any job "
            "definition of this account and Region that no other context marked."
        )
        return {**super().resource_reasons(), ":job-definition/*": freely}

    @property
    @override
    def ownership(self) -> Ownership:
        tags, jobs = marked(self.context_name, more_keys=[_PARENT_TAG])
        return Ownership(f"{self.context_name}-task-*", tags, jobs)

    @property
    @override
    def volume_jobs(self) -> VolumeJobs:
        tags, jobs = marked(self.context_name, more_keys=[_PARENT_TAG])
        on_efs = {"MINIWDL__AWS__FSAP": "{accessPoint}"} if self.storage.efs_access_point_id else {}
        return VolumeJobs(
            ownership=Ownership(f"{volume_names(self.context_name)}-task-*", tags, jobs),
            environment={"WORKFLOW_DEFINITIONS": "{names}", **on_efs},
            memory_variables=("MINIWDL__AWS__MEMORY_DELTA",),
        )

    @override
    def grant_volume_head(self, grantee: iam.IGrantable) -> None:
        super().grant_volume_head(grantee)
        if self.storage.efs_access_point_id:
            own = f"${{aws:PrincipalTag/{ACCESS_POINT_TAG}}}"
            self.grant_resolution(grantee, own)

    @property
    @override
    def runs(self) -> RunDirectories:
        # miniwdl writes one of them last of all: https://miniwdl.readthedocs.io/en/latest/runner_cli.html
        return RunDirectories("miniwdl_run", ("outputs.json", "error.json"), failure_markers=("error.json",))

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

    def _grant_machines(self, role: iam.IRole) -> None:
        """Allow the role of machines what jobs without a role of their own need: the data, and their log."""
        for location in self.data:
            location.grant_read_write(role)
        self.log_group.grant_write(role)
        self.grant_default_log(role)

    def grant_resolution(self, grantee: iam.IGrantable, access_point: str = "") -> None:
        """Allow to look up of which file system the access point is, as miniwdl-aws does when it starts.

        Args:
            grantee: Who may: a role of head jobs.
            access_point: The id of the access point. Default: that of the context.
        """
        allow(grantee, self._resolution(access_point) if access_point else self._own_resolution)

    @cached_property
    def _own_resolution(self) -> iam.PolicyStatement:
        return self._resolution(self.storage.efs_access_point_id)

    def _resolution(self, access_point: str | None) -> iam.PolicyStatement:
        return iam.PolicyStatement(
            sid="ResolveAccessPoint",
            actions=["elasticfilesystem:DescribeAccessPoints"],
            resources=[self.place.arn("elasticfilesystem", f"access-point/{access_point}")],
        )

    def _grant_client(self) -> None:
        """Let head jobs of `miniwdl-aws-submit` work, which know nothing of the context but the tags of its queue.

        They name job definitions after tasks alone. On EFS they have the role that the queue's tag names; else none,
        and so that of the machines of head jobs.
        """
        role: iam.IRole
        if self.compute.head_instance_role is None:
            role = self.client_role = self.new_role("ClientRole", "Head jobs of miniwdl-aws-submit")
            self.storage.grant_read_write(role)
            allow(
                role,
                *self.s3_rights(),
                *image_pulls(self.place),  # the client gives the role to ECS as execution role too
                default_log(self.place),
                self._own_resolution,
            )
            self.grant_keys(role)
        else:
            role = self.compute.head_instance_role
            self._grant_machines(role)
            self.outputs.grant_read_write(role)
        # A policy of its own: the environments wait for the role's other policy, and this one names their queues.
        iam.Policy(self, "ClientJobs", roles=[role], statements=list(self.task_submission(self._client_ownership)))

    @property
    def _client_ownership(self) -> Ownership:
        """What is not marked by a context, or by this one; and of jobs only those that a miniwdl submitted."""
        own = {"StringEqualsIfExists": {f"aws:ResourceTag/{TAG}": self.context_name}}
        return Ownership(
            "*",
            tags={"StringEqualsIfExists": {f"aws:RequestTag/{TAG}": self.context_name}},
            jobs={**own, "Null": {f"aws:ResourceTag/{_PARENT_TAG}": "false"}},
            definitions=own,
        )

    def _client_options(self) -> list[str]:
        if self.storage.efs_access_point_id:
            return [] if self.placement.assign_public_ip else [" --no-public-ip"]
        memory = self.memory_with_overhead(self.head_memory).to_gibibytes()
        return [f" --no-efs --mount {self.shared_directory} --memory-GiB {memory:g}"]

    @cached_property
    def _task_settings(self) -> dict[str, str]:
        """What is the same for a client and for head jobs that are submitted without it."""
        overhead = self.storage.task_memory_overhead.to_mebibytes()
        return {
            **({"MINIWDL__AWS__MEMORY_DELTA": f"{_MEMORY_DELTA + overhead:g}"} if overhead else {}),
            "MINIWDL__AWS__CONTAINER_PROPERTIES": self._log_settings(),
            "MINIWDL__CALL_CACHE__DIR": f"{self._run_directory}/_CACHE",
            "MINIWDL__CALL_CACHE__GET": "true",
            "MINIWDL__CALL_CACHE__PUT": "true",
            # It must be within the mount, and is on EFS if nothing is said.
            **({} if self.storage.efs_access_point_id else {"MINIWDL__DOWNLOAD_CACHE__DIR": self._downloads}),
        }

    def _log_settings(self) -> str:
        """Where tasks log to: AWS Batch's own log group is shared by the account, and keeps all for good."""
        options = {"awslogs-group": self.log_group_name, "awslogs-stream-prefix": "task"}
        return json.dumps({"logConfiguration": {"logDriver": "awslogs", "options": options}}, separators=(",", ":"))

    def _environment(self) -> dict[str, str]:
        """What the client would set, for head jobs that are submitted without it."""
        fallback = self.compute.fallback_queue
        return {
            "MINIWDL__FILE_IO__ROOT": self.shared_directory,
            "MINIWDL__AWS__TASK_QUEUE": self.compute.kinds[0].arn,
            **({"MINIWDL__AWS__TASK_QUEUE_FALLBACK": fallback.job_queue_arn} if fallback else {}),
            **({"MINIWDL__AWS__FSAP": self.storage.efs_access_point_id} if self.storage.efs_access_point_id else {}),
            "MINIWDL__SCHEDULER__CONTAINER_BACKEND": _ON_EFS if self.storage.efs_access_point_id else _ON_MACHINES,
            "WORKFLOW_CONTEXT": self.context_name,
            **(self.compute.io.environment if self.compute.io else {}),
            **self.compute.machines_environment,
            **self._task_settings,
        }

    def _tag_head_queue(self) -> None:
        # The names are miniwdl-aws's own, and it wants all of them: with some given it looks for none.
        fallback = self.compute.fallback_queue
        tags = {
            **({"WorkflowEngineRoleArn": self.client_role.role_arn} if self.client_role else {}),
            "DefaultTaskQueue": self.compute.kinds[0].arn,
            **({"DefaultTaskQueueFallback": fallback.job_queue_arn} if fallback else {}),
            **({"DefaultFsap": self.storage.efs_access_point_id} if self.storage.efs_access_point_id else {}),
        }
        of_queue = cdk.Tags.of(self.compute.head_queue)
        for name, value in tags.items():
            of_queue.add(name, value)


def backend_files() -> dict[str, str]:
    """The backend that head jobs bring along, as an installed package, by whose entry points miniwdl finds it.

    https://miniwdl.readthedocs.io/en/latest/WDL.html#module-WDL.runtime
    """
    information = f"miniwdl/{_MODULE}-1.dist-info"
    return {
        f"miniwdl/{_MODULE}.py": read_script("miniwdl_backend.py"),
        f"miniwdl/{_MACHINES_MODULE}.py": files("workflow_context.pbs").joinpath("machines.py").read_text("utf-8"),
        f"{information}/METADATA": f"Metadata-Version: 2.1\nName: {_MODULE}\nVersion: 1\n",
        f"{information}/entry_points.txt": "[miniwdl.plugin.container_backend]\n"
        f"{_ON_EFS} = {_MODULE}:OnEfs\n{_ON_MACHINES} = {_MODULE}:OnMachines\n",
    }


def _quoted(value: str) -> str:
    """JSON as a word of the shell; anything else is one already."""
    return f"'{value}'" if value.startswith("{") else value
