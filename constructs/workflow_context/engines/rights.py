"""What the jobs of an engine may do, and why."""

from functools import cache, cached_property

import aws_cdk as cdk
import jsii
from aws_cdk import aws_iam as iam
from constructs import Construct

from workflow_context.allow import allow
from workflow_context.nag import acknowledge_policies
from workflow_context.place import Place
from workflow_context.program import PROGRAM_PREFIX
from workflow_context.s3_location import S3_WILDCARD

from .parts import ContextParts
from .task_rights import Ownership, marked, task_rights

_JOB_IDS = "AWS Batch gives jobs their ids when they are submitted."
_OLD_PROGRAMS = (
    "The programs of head jobs in the assets bucket of the CDK, this version and those deployed before: jobs that were "
    "submitted with them may still wait. They hold no data and no secrets."
)


def container_role(scope: Construct, id: str, description: str) -> iam.Role:
    """Define a role for containers, without any right.

    Args:
        scope: Where it lives.
        id: Its name there.
        description: What it is for.
    """
    return iam.Role(scope, id, assumed_by=_ecs_of_this_account(), description=description)


@cache
def _ecs_of_this_account() -> iam.IPrincipal:
    # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
    return iam.ServicePrincipal(
        "ecs-tasks.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID}}
    )


@cache
def image_pulls(place: Place) -> tuple[iam.PolicyStatement, ...]:
    """The statements by which ECS pulls images from the private registry of the account.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html

    Args:
        place: Where the registry is. Those of one place are made once.
    """
    return (
        iam.PolicyStatement(actions=["ecr:GetAuthorizationToken"], resources=["*"]),
        iam.PolicyStatement(
            sid="PullImages",
            actions=["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            resources=[place.arn("ecr", "repository/*")],
        ),
    )


@cache
def default_log(place: Place) -> iam.PolicyStatement:
    """The statement to write the log of jobs whose definitions name none: AWS Batch sends it to `/aws/batch/job`.

    Args:
        place: Where the log is. That of one place is made once.
    """
    return iam.PolicyStatement(
        sid="WriteDefaultLog",
        actions=["logs:CreateLogStream", "logs:PutLogEvents"],
        resources=[place.arn("logs", "log-group:/aws/batch/job:*")],
    )


class EngineRights(Construct, metaclass=jsii.JSIIAbstractClass):
    """What the roles of an engine may do, and the reasons for wildcards in their policies.

    Args:
        scope: Where the construct lives.
        id: Its name there.
        parts: What the context gives it.

    Attributes:
        head_role: The role of head jobs.
        place: Where the stack is deployed.
    """

    def __init__(self, scope: Construct, id: str, parts: ContextParts) -> None:
        super().__init__(scope, id)
        # That of the queues, which has been asked for.
        self.place = Place.of(parts.compute)
        self.placement = parts.placement
        self.compute = parts.compute
        self.storage = parts.storage
        self.outputs = parts.outputs
        self.data = tuple(parts.data)
        self.references = tuple(parts.references)
        self.head_role = self.new_role("HeadRole", "Head jobs of the workflow context")
        self.storage.grant_read_write(self.head_role)
        allow(self.head_role, *self.s3_rights(), *self.task_submission())
        self.grant_keys(self.head_role)
        self.grant_references(self.head_role)
        acknowledge_policies(self, self.wildcard_reasons(), self.resource_reasons())

    def s3_rights(self) -> list[iam.PolicyStatement]:
        """The statements to read and write the outputs, and the data as far as it is not read-only.

        `grant_keys` comes beside them.
        """
        return [right for location in (self.outputs, *self.data) for right in location.read_write_rights]

    def grant_keys(self, role: iam.IRole) -> None:
        """Allow a role the keys of the buckets of outputs and data, as far as they have some.

        Args:
            role: The role.
        """
        for location in (self.outputs, *self.data):
            location.grant_key(role)

    def grant_references(self, role: iam.IRole) -> None:
        """Allow a role to mount and read what its jobs find beside the file system.

        Args:
            role: The role.
        """
        for reference in self.references:
            reference.storage.grant_read(role)

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

    def new_role(self, id: str, description: str) -> iam.Role:
        """Define a role for containers, without any right.

        Args:
            id: Its name in the engine.
            description: What it is for.
        """
        return container_role(self, id, description)

    def task_submission(self, ownership: Ownership | None = None) -> tuple[iam.PolicyStatement, ...]:
        """The statements by which head jobs submit to the context's own queues, and follow and end what they submitted.

        Args:
            ownership: How what is the context's own is told from others. Default: `ownership`.
        """
        queues = [arn for kind in self.compute.kinds for arn in kind.arns]
        consumed = [self.compute.io.arn] if self.compute.io else []
        return task_rights(self.place, queues, ownership or self.ownership, consumed)

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

    def grant_image_pulls(self, role: iam.IRole) -> None:
        """Allow ECS to pull images from the private registry of this account with a role.

        Args:
            role: The execution role of jobs.
        """
        allow(role, *image_pulls(self.place))

    def grant_default_log(self, role: iam.IRole) -> None:
        """Allow a role to write the log of jobs whose definitions name none: AWS Batch sends it to `/aws/batch/job`.

        Args:
            role: The role of the machines, or the execution role of the jobs.
        """
        allow(role, default_log(self.place))

    def grant_task_search(self, *actions: str) -> None:
        """Allow head jobs to search for definitions or jobs by their names, where the engine does so.

        Args:
            *actions: `batch:DescribeJobDefinitions`, `batch:ListJobs`.
        """
        self.head_role.add_to_policy(
            iam.PolicyStatement(sid="SearchTasks", actions=list(actions), resources=["*"])  # no resource level
        )

    def grant_machine_facts(self) -> None:
        """Allow head jobs to look up on which machine a task ran."""
        for statement in (
            iam.PolicyStatement(
                sid="FindMachines",
                actions=["batch:DescribeJobQueues", "batch:DescribeComputeEnvironments", "ec2:DescribeInstances"],
                resources=["*"],
            ),
            iam.PolicyStatement(
                sid="FindTasks",
                actions=["ecs:DescribeTasks", "ecs:DescribeContainerInstances"],
                resources=[self.place.arn("ecs", f"{kind}/*") for kind in ("task", "container-instance")],
            ),
        ):
            self.head_role.add_to_policy(statement)
