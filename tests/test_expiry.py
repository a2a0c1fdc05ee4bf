"""Runs that nobody needs any more: the schedule that looks for them, and the script that deletes them."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aws_cdk as cdk
import pytest
from templates import Template, Templates, only, resources

from workflow_context import S3Location, StorageExpiry, WorkflowContext
from workflow_context.ended_runs import END_MARK
from workflow_stacks.errors import WorkflowContextError
from workflow_stacks.local.iam.batch_calls import batch_calls
from workflow_stacks.local.iam.evaluation import Policies, evaluate
from workflow_stacks.local.iam.policy import parse_policy
from workflow_stacks.local.iam.request import Request
from workflow_stacks.project import validate_project


@pytest.fixture(scope="module")
def expiring(variants: Templates) -> Template:
    return variants["Variants-expiring"]


def test_runs_are_kept_unless_an_expiration_is_written(variants: Templates) -> None:
    assert not resources(variants["Variants-onDemand"], "AWS::Scheduler::Schedule")


def test_a_job_on_the_head_queue_looks_every_hour(expiring: Template) -> None:
    schedule = only(expiring, "AWS::Scheduler::Schedule")
    assert schedule["ScheduleExpression"] == "rate(1 hour)"
    assert json.dumps(schedule["Target"]["Arn"]).count("aws-sdk:batch:submitJob") == 1
    [definition] = [
        one["Properties"]["ContainerProperties"]
        for name, one in resources(expiring, "AWS::Batch::JobDefinition").items()
        if "Expiry" in name
    ]
    assert definition["Command"][-5:] == ["/mnt/efs", "100", "miniwdl_run", "outputs.json,error.json", "reused"]
    assert definition["MountPoints"] == [{"ContainerPath": "/mnt/efs", "SourceVolume": "efs"}]


def test_runs_of_nextflow_and_snakemake_are_told_by_the_mark_of_our_head_jobs(
    synthesize: Callable[..., Templates], tmp_path: Path
) -> None:
    file = tmp_path / "agc-project.yaml"
    engines = [f"  {name}: {expiring_project(f'type: {name}, engine: {name}')}" for name in ("nextflow", "snakemake")]
    file.write_text("\n".join(["name: P", "schemaVersion: 1", "contexts:", *engines, ""]))
    templates = synthesize(file)
    for name in ("nextflow", "snakemake"):
        [command] = [
            one["Properties"]["ContainerProperties"]["Command"]
            for id_, one in resources(templates[f"P-{name}"], "AWS::Batch::JobDefinition").items()
            if "Expiry" in id_
        ]
        assert command[-3:] == [f"{name}/runs", END_MARK, "apart"]


def test_the_job_can_write_on_the_file_system_and_nothing_else(expiring: Template) -> None:
    [policy] = [
        one["Properties"]["PolicyDocument"]["Statement"]
        for name, one in resources(expiring, "AWS::IAM::Policy").items()
        if "EngineExpiryRole" in name
    ]
    assert [statement["Action"] for statement in policy] == [
        [f"elasticfilesystem:{action}" for action in ("ClientMount", "ClientRootAccess", "ClientWrite")]
    ]


def test_the_role_of_the_schedule_may_submit_its_job_and_no_other(expiring: Template) -> None:
    schedule = only(expiring, "AWS::Scheduler::Schedule")
    payload = json.loads(_deployed(schedule["Target"]["Input"], expiring))
    role = schedule["Target"]["RoleArn"]["Fn::GetAtt"][0]
    documents = [
        json.dumps(_deployed(one["Properties"]["PolicyDocument"], expiring))
        for one in resources(expiring, "AWS::IAM::Policy").values()
        if {"Ref": role} in one["Properties"]["Roles"]
    ]
    policies = Policies(tuple(statement for document in documents for statement in parse_policy(document)))

    def may_submit(**changed: str) -> bool:
        body = {name[0].lower() + name[1:]: value for name, value in payload.items()} | changed
        request = Request("batch", "POST", "/v1/submitjob", {}, {}, json.dumps(body).encode(), *PLACE)
        return all(
            evaluate(call.action, call.resource, call.context, policies).allowed
            for call in batch_calls(request, NOTHING_DEPLOYED)
        )

    assert may_submit()
    assert not may_submit(jobDefinition="arn:aws:batch:us-east-1:123456789012:job-definition/another:1")
    assert not may_submit(jobQueue="arn:aws:batch:us-east-1:123456789012:job-queue/another")


PLACE = ("us-east-1", "123456789012")
NOTHING_DEPLOYED: Any = SimpleNamespace(queue=lambda _: None, definition=lambda _: None)
KINDS = {"AWS::Batch::JobQueue": "job-queue/{}", "AWS::Batch::JobDefinition": "job-definition/{}:1"}
PSEUDO = {"AWS::Partition": "aws", "AWS::Region": PLACE[0], "AWS::AccountId": PLACE[1]}


def _deployed(value: Any, template: Template) -> Any:
    """A part of a template as it may read once deployed, with the ARNs of Batch."""
    match value:
        case {"Fn::Join": [separator, parts]}:
            return separator.join(_deployed(part, template) for part in parts)
        case {"Ref": name} | {"Fn::GetAtt": [name, *_]}:
            kind = KINDS.get(template["Resources"].get(name, {}).get("Type"), "other/{}")
            return PSEUDO.get(name) or f"arn:aws:batch:{PLACE[0]}:{PLACE[1]}:{kind.format(name)}"
        case dict():
            return {key: _deployed(one, template) for key, one in value.items()}
        case list():
            return [_deployed(one, template) for one in value]
    return value


def test_fails_when_the_time_is_shorter_than_an_hour() -> None:
    from aws_cdk import aws_s3 as s3

    from workflow_context import EfsFileSystem, MiniwdlEngine, Network

    stack = cdk.Stack()
    placement = Network(stack, "Network").placement()
    context = WorkflowContext(
        stack,
        "Context",
        engine=MiniwdlEngine,
        placement=placement,
        storage=EfsFileSystem(stack, "Storage", placement=placement),
        outputs=S3Location(s3.Bucket(stack, "Bucket")),
    )
    with pytest.raises(ValueError, match="after must be at least one hour, got 30 minutes"):
        StorageExpiry(stack, "Expiry", context=context, after=cdk.Duration.minutes(30))


def test_the_catalog_knows_which_engines_mark_runs_that_ended() -> None:
    from workflow_context import WorkflowEngine
    from workflow_context.catalog import ENGINES

    marking = {name for name, entry in ENGINES.items() if entry.load().runs is not WorkflowEngine.runs}
    assert marking == {name for name, entry in ENGINES.items() if entry.marks_ended_runs}


def expiring_project(engine: str) -> str:
    return f"{{engines: [{{{engine}, filesystem: {{fsType: EFS, configuration: {{expirationHours: 24}}}}}}]}}"


def test_runs_of_an_engine_that_keeps_none_on_the_file_system_cannot_expire(
    project_file: Callable[[str], Path],
) -> None:
    with pytest.raises(WorkflowContextError, match=r"'cromwell' cannot expire: its executions are in S3"):
        validate_project(project_file(expiring_project("type: wdl, engine: cromwell")))


def test_that_results_go_with_the_runs_of_snakemake_is_a_warning(project_file: Callable[[str], Path]) -> None:
    _, warnings = validate_project(project_file(expiring_project("type: snakemake, engine: snakemake")))
    assert any("results of 'snakemake' are in the directories of runs" in one.message for one in warnings)
