"""Who may borrow what: no role of a context acts in AWS Batch as another context, or as something unrelated.

AWS asks nobody who submits a job for the right to pass its role. So each principal of every context is asked, by the
evaluator of the local cloud and the policies of the templates, for what is not its own.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import pytest
from rendered import deployed, environment
from templates import Template, Templates, resources

from workflow_stacks.local.iam.evaluation import Policies, evaluate
from workflow_stacks.local.iam.policy import parse_policy
from workflow_stacks.local.iam.reference import supported
from workflow_stacks.local.iam.request import request_tags, resource_tags

PLACE = "arn:aws:batch:us-east-1:123456789012:"
UNRELATED = f"{PLACE}job-definition/hospital-prod-etl:3"
MARK = "workflow-context"

# Engines that name job definitions after nothing of the context, and cannot be told otherwise: a head job may submit
# with, and register, those of every context of the same engine; of another engine's and of anybody else's none.
BY_ENGINE = {
    "nf-": "Nextflow names job definitions after images (AwsBatchTaskHandler.normalizeJobDefinitionName)",
    "cromwell_": "Cromwell's backend names job definitions after images and volumes",
    "toil-": "Toil names job definitions by random ids (toil.batchSystems.awsBatch)",
    "snakejob-def-": "the AWS Batch plugin of Snakemake names job definitions after rules (batch_job_builder.py)",
}
# Of these neither jobs can be marked: a head job may end those of every context whose engine cannot.
UNMARKED = ("cromwell_", "toil-", "snakejob-def-")
# Head jobs of miniwdl-aws-submit know the tags of the queue only, name job definitions after tasks and tag none. They
# may use every job definition that bears no context's mark.
CLIENTS = ("ClientRole", "HeadInstanceRole")


@dataclass(frozen=True)
class Thing:
    """A job definition or a job of a context: its ARN and its tags."""

    arn: str
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Principal:
    """A role of a context, and what its inline policies allow."""

    context: str
    role: str
    policies: Policies

    def may(self, action: str, thing: Thing, request: dict[str, str] | None = None) -> bool:
        context = {**resource_tags(thing.tags), **request_tags(request or {})}
        return evaluate(action, thing.arn, supported(action, context), self.policies).allowed

    @property
    def is_client(self) -> bool:
        return any(name in self.role for name in CLIENTS)


@dataclass(frozen=True)
class Context:
    """A context as AWS Batch sees it."""

    name: str
    template: Template

    @property
    def beginning(self) -> str:
        """What names of job definitions begin with that its head jobs register."""
        [head] = [name for name in resources(self.template, "AWS::IAM::Role") if "EngineHeadRole" in name]
        register = [
            resource
            for policy in resources(self.template, "AWS::IAM::Policy").values()
            if {"Ref": head} in policy["Properties"]["Roles"]
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]
            if "batch:RegisterJobDefinition" in statement["Action"]
            for resource in _listed(statement["Resource"])
        ]
        assert len(register) == 1
        return deployed(register[0]).split("job-definition/")[1].removesuffix("*")

    @property
    def by_engine(self) -> bool:
        return self.beginning in BY_ENGINE

    @property
    def mark(self) -> dict[str, str]:
        """The tag of its jobs."""
        if self.beginning in UNMARKED:
            return {}
        if self.beginning == "nf-":
            text = environment(self.template)["NEXTFLOW_CONFIG"]
            return {MARK: text.split(f"'{MARK}': '")[1].split("'")[0]}
        return {MARK: environment(self.template)["WORKFLOW_CONTEXT"]}

    @property
    def definitions(self) -> Iterator[Thing]:
        """Those that its head jobs register, and those of the template."""
        # Those of engines that name them bear no mark.
        yield Thing(f"{PLACE}job-definition/{self.beginning}something:1", {} if self.by_engine else self.mark)
        for name, definition in resources(self.template, "AWS::Batch::JobDefinition").items():
            named = definition["Properties"].get("JobDefinitionName", f"{name}-4f8a")
            yield Thing(f"{PLACE}job-definition/{deployed(named)}:2", definition["Properties"].get("Tags", {}))

    @property
    def job(self) -> Thing:
        """One of its tasks. A job of miniwdl says which job submitted it."""
        return Thing(f"{PLACE}job/of-{self.name}", {**self.mark, "AWS_BATCH_PARENT_JOB_ID": "1"} if self.mark else {})

    @property
    def principals(self) -> Iterator[Principal]:
        for name in resources(self.template, "AWS::IAM::Role"):
            documents = [
                policy["Properties"]["PolicyDocument"]["Statement"]
                for policy in resources(self.template, "AWS::IAM::Policy").values()
                if {"Ref": name} in policy["Properties"]["Roles"]
            ]
            parsed = tuple(one for document in documents for one in parse_policy(_rendered(document)))
            yield Principal(self.name, name, Policies(parsed))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _rendered(statements: list[dict[str, Any]]) -> str:
    """Statements with what their references may become; values of conditions may hold references too."""

    def plain(value: Any) -> Any:
        if isinstance(value, list):
            return [plain(one) for one in value]
        if isinstance(value, dict) and len(value) == 1 and next(iter(value)).startswith(("Fn::", "Ref")):
            return deployed(value)
        if isinstance(value, dict):
            return {key: plain(one) for key, one in value.items()}
        return value

    return json.dumps({"Statement": plain(statements)})


@pytest.fixture(scope="module")
def contexts(variants: Templates, storages: Templates, engine_templates: Templates) -> list[Context]:
    """The contexts of three projects, as if they were in one account: names of stacks differ."""
    found = {**variants, **storages, **{f"Engines-{name}": one for name, one in engine_templates.items()}}
    return [Context(name, one) for name, one in found.items() if resources(one, "AWS::Batch::JobQueue")]


@pytest.fixture(scope="module")
def principals(contexts: list[Context]) -> list[Principal]:
    found = [principal for context in contexts for principal in context.principals]
    assert len(found) > 100
    return found


def test_no_role_submits_with_a_job_definition_of_another_context(
    contexts: list[Context], principals: list[Principal]
) -> None:
    """LIF-4: a task of miniwdl on FSx could act with 35 roles of others."""
    beginnings = {context.name: context.beginning for context in contexts}
    borrowed = [
        (principal, other)
        for principal, other in product(principals, contexts)
        if principal.context != other.name
        for definition in other.definitions
        if principal.may("batch:SubmitJob", definition, {MARK: "any"}) or principal.may("batch:SubmitJob", definition)
    ]
    unexplained = {
        (principal.role, other.name)
        for principal, other in borrowed
        if not (other.by_engine and (principal.is_client or beginnings[principal.context] == other.beginning))
    }
    assert not unexplained
    # What is explained is so: an exception that is none any more must be struck off.
    assert {other.beginning for _, other in borrowed} == set(BY_ENGINE)


def test_no_role_registers_or_deregisters_under_the_name_of_another_context(
    contexts: list[Context], principals: list[Principal]
) -> None:
    """LIF-4: a new revision under the name of a neighbour's job definition is a foreign image in his context."""
    beginnings = {context.name: context.beginning for context in contexts}
    for principal, other in product(principals, contexts):
        if principal.context == other.name or beginnings[principal.context] == other.beginning:
            continue
        for definition in other.definitions:
            if principal.is_client and not definition.tags:
                continue
            assert not principal.may("batch:DeregisterJobDefinition", definition), principal.role
            if not principal.is_client:  # registers names of every kind, but marks none as another's
                name = Thing(definition.arn.rpartition(":")[0])
                assert not principal.may("batch:RegisterJobDefinition", name), principal.role
            revision = Thing(definition.arn)
            if other.mark and not other.by_engine:
                assert not principal.may("batch:TagResource", revision, other.mark), principal.role


def test_nothing_unrelated_can_be_submitted_or_registered(principals: list[Principal]) -> None:
    thing = Thing(UNRELATED)
    for action in ("batch:SubmitJob", "batch:RegisterJobDefinition", "batch:DeregisterJobDefinition"):
        able = {one.role for one in principals if one.may(action, thing)}
        assert all(any(name in role for name in CLIENTS) for role in able), able


def test_no_role_ends_a_job_of_another_context(contexts: list[Context], principals: list[Principal]) -> None:
    unmarked = {context.name for context in contexts if context.beginning in UNMARKED}
    assert unmarked
    for principal, other, action in product(principals, contexts, ("batch:TerminateJob", "batch:CancelJob")):
        if principal.context != other.name and not {principal.context, other.name} <= unmarked:
            assert not principal.may(action, other.job), (principal.role, other.name)


def test_head_jobs_end_the_jobs_of_their_own_context(contexts: list[Context]) -> None:
    for context in contexts:
        [head] = [one for one in context.principals if "EngineHeadRole" in one.role]
        assert head.may("batch:TerminateJob", context.job), context.name


def test_head_jobs_submit_with_the_tags_of_their_context_and_its_run_and_of_no_other(contexts: list[Context]) -> None:
    for context in contexts:
        [head] = [one for one in context.principals if "EngineHeadRole" in one.role]
        definition = next(context.definitions)
        tags = {**context.mark, "workflow-context:run": "20261126-0001-abcd"} if context.mark else {}
        assert head.may("batch:SubmitJob", definition, tags), context.name
        if tags:
            assert head.may("batch:TagResource", definition, tags), context.name
        assert not head.may("batch:TagResource", definition, {**tags, MARK: "another"}), context.name


def test_tasks_and_their_machines_have_no_rights_in_aws_batch(
    principals: list[Principal], contexts: list[Context]
) -> None:
    """LIF-14: every container reaches the role of its machine."""
    tasks = [one for one in principals if "TaskRole" in one.role or "ComputeInstanceRole" in one.role]
    assert len(tasks) > len(contexts)
    for principal, context in product(tasks, contexts):
        for definition in context.definitions:
            assert not principal.may("batch:SubmitJob", definition), principal.role
        assert not principal.may("batch:TerminateJob", context.job), principal.role


def test_a_machine_joins_clusters_of_aws_batch_only_and_writes_no_foreign_log(principals: list[Principal]) -> None:
    """LIF-14: AWS's managed policy lets a task pose as the agent of any cluster, and write into any log."""
    machines = [one for one in principals if "InstanceRole" in one.role]
    ecs, logs = "arn:aws:ecs:us-east-1:123456789012:", "arn:aws:logs:us-east-1:123456789012:log-group:"
    for machine in machines:
        own = Thing(f"{ecs}cluster/AWSBatch-TaskEnvironment-4f8a-a1b2c3d4")
        assert machine.may("ecs:RegisterContainerInstance", own), machine.role
        instance = Thing(f"{ecs}container-instance/AWSBatch-TaskEnvironment-4f8a-a1b2c3d4/0123")
        assert machine.may("ecs:Poll", instance), machine.role
        assert not machine.may("ecs:RegisterContainerInstance", Thing(f"{ecs}cluster/hospital-prod")), machine.role
        assert not machine.may("ecs:Poll", Thing(f"{ecs}container-instance/hospital-prod/0123")), machine.role
        for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
            assert not machine.may(action, Thing(f"{logs}/hospital/prod:log-stream:one")), machine.role


def test_containers_assume_their_roles_for_this_account_only(contexts: list[Context]) -> None:
    """LIF-26."""
    for context in contexts:
        for name, role in resources(context.template, "AWS::IAM::Role").items():
            [trust] = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
            if "ecs-tasks" in json.dumps(trust["Principal"]):
                condition = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
                assert trust.get("Condition") == condition, name


def test_head_jobs_and_tasks_run_on_machines_with_roles_of_their_own(contexts: list[Context]) -> None:
    on_machines = 0
    for context in contexts:
        profiles = {
            name: environment["Properties"]["ComputeResources"]["InstanceRole"]["Fn::GetAtt"][0]
            for name, environment in resources(context.template, "AWS::Batch::ComputeEnvironment").items()
            if "InstanceRole" in environment["Properties"]["ComputeResources"]
        }
        heads = {profile for name, profile in profiles.items() if "HeadInstances" in name}
        on_machines += len(heads)
        assert not heads & {profile for name, profile in profiles.items() if "HeadInstances" not in name}, context.name
    assert on_machines
