"""Lets runs use the storage that a dispatcher gave: roles and job definitions of their own for the jobs of each."""

import json
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_batch as batch, aws_iam as iam, aws_kms as kms, aws_lambda as lambda_, aws_logs as logs
from constructs import Construct

from .context import WorkflowContext
from .engines.volume_jobs import OWN_VOLUME, VolumeJobs, volume_names
from .functions import new_function
from .models.objectivefs_memory import ROWS
from .nag import acknowledge_policies
from .pbs.settings import TAG
from .place import Place
from .program import PROGRAM_PREFIX
from .s3_location import S3_WILDCARD, S3Location
from .scripts import read_script
from .storage.run_volumes import ACCESS_POINT_TAG, VOLUME_TAG, RunVolumes

HEAD, TASK = "head", "task"
_LOCATIONS_IN_A_POLICY = 4
"""So that a policy stays below 6,144 characters.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""


class StorageUse(Construct):
    """The function that makes what jobs on storage of a single run need, and takes it back, for `StorageDispatcher`.

    On the first use of a storage it makes a role for its head jobs and one for its task jobs, and copies of the job
    definitions of the context that mount the storage. When the context was deployed anew, the next use makes new ones.

    Args:
        scope: Where the construct lives.
        id: Its name there.
        context: The context.
        volumes: The directories for single runs of its file system.
        jobs: How its engine uses one.
        records: Where is written down what was provisioned.
        settings: What the functions of a dispatcher find set.
        log_retention: How long the log of the function is kept.
        encryption_key: Key for that log; None for that of CloudWatch Logs.

    Attributes:
        function: The function.
        policies: Those that it attaches, for each kind of jobs. They stay when the stack goes: IAM deletes no policy
            that a role has, and the roles of storage that has not expired are not of the stack.

    Security considerations:
        No policy is written at run time. The policies are of this stack, and name the storage by the tags of the role
        that they are attached to (`${aws:PrincipalTag/…}`): jobs mount that access point only, submit with job
        definitions of that storage only, and pass the role of its task jobs only.
        The function can make roles below one path of IAM, with the mark of this context, and attach those policies to
        them, and no other; give these roles and the execution role of the context to jobs; register job definitions of
        the names that it gives. IAM has no condition on the trust policy of a role: whoever could change the code of
        the function could have others act with those policies. A run can end jobs of other runs of its context, as
        without storage of its own.

    Cost:
        Roles, policies and job definitions cost nothing; an account has at most 1,000 roles, unless AWS raises that
        quota, so about 400 storages can have been used and not expired.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        context: WorkflowContext,
        volumes: RunVolumes,
        jobs: VolumeJobs,
        records: S3Location,
        settings: dict[str, str],
        log_retention: logs.RetentionDays,
        encryption_key: kms.IKey | None,
    ) -> None:
        super().__init__(scope, id)
        self._engine, self._volumes, self._jobs = context.engine, volumes, jobs
        self._stack, self._place = cdk.Stack.of(self), Place.of(self)
        self._name = context.engine.context_name
        self._path = f"/workflow-context/{self._name}/"
        self.policies = self._new_policies()
        overhead = context.storage.task_memory_overhead.to_mebibytes()
        self.function = new_function(
            self,
            "Use",
            code=lambda_.Code.from_inline(read_script("use_storage.py")),
            description="Lets runs use storage of their own in the workflow context",
            timeout=cdk.Duration.seconds(28),  # an HTTP API waits for 30
            memory_size=256,
            environment={
                **settings,
                "ACCOUNT": self._place.account,
                "CONTEXT": self._name,
                "JOBS": self._stack.to_json_string(self._told()),
                "MOUNT_PATH": str(context.storage.mount_path),
                "ROLES": self._role_arn(""),
                "ROLE_PATH": self._path,
                "OVERHEAD_MIB": f"{overhead:g}",
                **(
                    {"MEMORY_GIB": json.dumps(ROWS), "MEMORY_VARIABLES": ",".join(jobs.memory_variables)}
                    if overhead
                    else {}
                ),
            },
            log_retention=log_retention,
            log_encryption_key=encryption_key,
            after_failure="Whoever calls waits for the answer, and calls again.",
        )
        records.grant_read_write(self.function)
        for statement in self._rights():
            self.function.add_to_role_policy(statement)
        acknowledge_policies(
            self,
            {
                "s3:": S3_WILDCARD,
                "iam:": "The roles of storage of this context, which are named after it; their path is of no other.",
                "batch:Describe": "AWS Batch has no resource level for this action.",
                "batch:": "The job definitions of storage of this context, which are named after it.",
                **{
                    action: reason
                    for action, reason in context.engine.wildcard_reasons().items()
                    if action not in ("s3:", "batch:Describe")
                },
            },
            {PROGRAM_PREFIX: "The programs of jobs in the assets bucket of the CDK, which hold no data."},
        )

    def definition_arn(self, kind: str) -> str:
        """The ARN of the job definitions of one kind of jobs on whatever storage, of every revision."""
        return self._place.arn("batch", f"job-definition/{volume_names(self._name, '*')}-{kind}*")

    @property
    def _definitions(self) -> dict[str, batch.EcsJobDefinition]:
        task = self._jobs.task_definition
        return {**({TASK: task} if task else {}), HEAD: self._engine.head_job_definition}

    def _told(self) -> dict[str, Any]:
        """What the function is told of each kind of jobs."""
        return {
            kind: {
                "definition": definition.job_definition_arn,
                "policies": [policy.managed_policy_arn for policy in self.policies[kind]],
                **({"environment": dict(self._jobs.environment)} if kind == HEAD else {}),
            }
            for kind, definition in self._definitions.items()
        }

    def _new_policies(self) -> dict[str, list[iam.ManagedPolicy]]:
        """The policies of each kind of jobs: what they share, and for head jobs what those do in AWS Batch."""
        shared = self._new_policy("Jobs", "Storage, outputs and references")
        self._volumes.grant_use(shared)
        self._engine.outputs.grant_read_write(shared)
        for reference in self._engine.references:
            reference.storage.grant_read(shared)
        policies = [shared]
        for start in range(0, len(self._engine.data), _LOCATIONS_IN_A_POLICY):
            policy = self._new_policy(f"Data{start}", "Data")
            for location in self._engine.data[start : start + _LOCATIONS_IN_A_POLICY]:
                location.grant_read_write(policy)
            policies.append(policy)
        head = self._new_policy("Head", "Tasks")
        head.add_statements(*self._engine.task_submission(self._jobs.ownership))
        self._engine.grant_volume_head(head)
        if self._jobs.task_definition:
            passed = [self._role_arn(f"{OWN_VOLUME}-{self._place.region}-{TASK}"), self._engine.execution_role.role_arn]
            head.add_statements(_pass(passed))
        return {**({TASK: policies} if self._jobs.task_definition else {}), HEAD: [*policies, head]}

    def _new_policy(self, id: str, what: str) -> iam.ManagedPolicy:
        policy = iam.ManagedPolicy(self, id, description=f"{what} of jobs on storage of one run, named by their role")
        # IAM deletes no policy that a role has, and roles of storage that has not expired are not of the stack.
        policy.apply_removal_policy(cdk.RemovalPolicy.RETAIN)
        return policy

    def _rights(self) -> list[iam.PolicyStatement]:
        roles = self._role_arn("run-*")
        arns = [policy.managed_policy_arn for policies in self.policies.values() for policy in policies]
        marked = {
            "StringEquals": {f"aws:RequestTag/{TAG}": self._name},
            "StringLike": {f"aws:RequestTag/{VOLUME_TAG}": "run-*"},
            "ForAllValues:StringEquals": {"aws:TagKeys": [TAG, VOLUME_TAG, ACCESS_POINT_TAG]},
        }
        definitions = self._place.arn("batch", f"job-definition/{volume_names(self._name, 'run-*')}")
        tagged = {
            "StringEquals": {f"aws:RequestTag/{TAG}": self._name},
            "ForAllValues:StringEquals": {"aws:TagKeys": [TAG]},
        }
        return [
            iam.PolicyStatement(
                sid="MakeRoles", actions=["iam:CreateRole", "iam:TagRole"], resources=[roles], conditions=marked
            ),
            iam.PolicyStatement(
                sid="GivePolicies",
                actions=["iam:AttachRolePolicy", "iam:DetachRolePolicy"],
                resources=[roles],
                conditions={"ArnEquals": {"iam:PolicyARN": list(dict.fromkeys(arns))}},
            ),
            iam.PolicyStatement(sid="DeleteRoles", actions=["iam:DeleteRole"], resources=[roles]),
            _pass([roles, self._engine.execution_role.role_arn]),
            iam.PolicyStatement(
                sid="CopyDefinitions",
                actions=["batch:RegisterJobDefinition", "batch:DeregisterJobDefinition"],
                resources=[definitions],
            ),
            iam.PolicyStatement(
                sid="TagDefinitions", actions=["batch:TagResource"], resources=[definitions], conditions=tagged
            ),
            iam.PolicyStatement(
                sid="FindDefinitions",
                actions=["batch:DescribeJobDefinitions"],
                resources=["*"],  # no resource level
            ),
        ]

    def _role_arn(self, name: str) -> str:
        return self._stack.format_arn(
            service="iam", region="", resource="role", resource_name=f"{self._path.removeprefix('/')}{name}"
        )


def _pass(roles: list[str]) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        sid="PassRoles",
        actions=["iam:PassRole"],
        resources=roles,
        conditions={"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
    )
