"""The construct that gives runs storage: where it works, and what those may do who manage it."""

import json
from collections.abc import Callable
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2, aws_iam as iam, aws_s3 as s3
from templates import Template, only, resources

from workflow_context import (
    CromwellEngine,
    EfsFileSystem,
    NextflowEngine,
    S3FileSystem,
    S3Location,
    StorageDispatcher,
    WorkflowContext,
)
from workflow_stacks.local.iam.evaluation import Policies, evaluate
from workflow_stacks.local.iam.policy import parse_policy

BUCKET = "lab-results"


class Lab(cdk.Stack):
    """A stack with a network, in which contexts can be made."""

    def __init__(self) -> None:
        super().__init__(cdk.App(), "Lab")
        self.vpc = ec2.Vpc(self, "Vpc", max_azs=1)
        self.bucket = s3.Bucket.from_bucket_name(self, "Bucket", BUCKET)

    def context(self, name: str, engine: Any = NextflowEngine, **more: Any) -> WorkflowContext:
        given = {"outputs": S3Location(self.bucket, name), "storage": None, **more}
        given["storage"] = given["storage"] or EfsFileSystem(self, f"{name}Storage", placement=self.vpc)
        return WorkflowContext(self, name, engine=engine, placement=self.vpc, **given)


@pytest.fixture(scope="module")
def template() -> Template:
    lab = Lab()
    dispatcher = StorageDispatcher(lab, "Dispatcher", context=lab.context("One"))
    grants = {
        "Manager": dispatcher.grant_manage,
        "Caller": dispatcher.grant_provision,
        "Runner": dispatcher.grant_use,
    }
    for name, grant in grants.items():
        grant(iam.Role(lab, name, assumed_by=iam.AccountRootPrincipal()))
    stage = cdk.Stage.of(lab)
    assert stage is not None
    found: Template = stage.synth().get_stack_by_name("Lab").template
    return found


def statements(template: Template, role: str) -> list[dict[str, Any]]:
    [policy] = [one for name, one in resources(template, "AWS::IAM::Policy").items() if name.startswith(role)]
    found: list[dict[str, Any]] = policy["Properties"]["PolicyDocument"]["Statement"]
    return found


def resources_of(template: Template, role: str, action: str) -> str:
    return "".join(
        json.dumps(one["Resource"]) for one in statements(template, role) if action in json.dumps(one["Action"])
    )


def test_who_manages_storage_writes_records_and_no_data_of_runs(template: Template) -> None:
    written = resources_of(template, "Manager", "s3:PutObject")
    assert "One-storage/*" in written
    assert "One/" not in written
    assert "One/runs/*" in resources_of(template, "Manager", "s3:GetObject")


def test_who_manages_storage_starts_the_job_that_deletes_and_no_other(template: Template) -> None:
    submitted = resources_of(template, "Manager", "batch:SubmitJob")
    definitions = [name for name in resources(template, "AWS::Batch::JobDefinition") if f'"{name}"' in submitted]
    assert ["StorageExpiry" in name for name in definitions] == [True]


def test_who_may_use_storage_submits_head_jobs_on_it_and_does_not_take_them_away(template: Template) -> None:
    assert "/use-storage" in (called := resources_of(template, "Runner", "execute-api"))
    assert "remove" not in called
    submitted = resources_of(template, "Runner", "batch:SubmitJob")
    assert "_*-head*" in submitted


class TestPoliciesOfJobsOnStorage:
    """What they allow is decided by the tags of the role that they are attached to."""

    @pytest.fixture
    def may(self, template: Template) -> Callable[..., bool]:
        policies = resources(template, "AWS::IAM::ManagedPolicy")
        documents = {
            kind: [_plain(one["Properties"]["PolicyDocument"]) for name, one in policies.items() if wanted in name]
            for kind, wanted in (("head", "DispatcherUse"), ("task", "DispatcherUseJobs"))
        }
        assert [len(one) for one in documents.values()] == [2, 1]

        def may(kind: str, action: str, resource: str, **context: str) -> bool:
            statements = [one for document in documents[kind] for one in parse_policy(json.dumps(document))]
            keys = {
                "aws:principaltag/workflow-storage": ("run-a",),
                "aws:principaltag/workflow-access-point": ("fsap-a",),
            }
            return evaluate(
                action,
                resource,
                {**keys, **{name.replace("__", ":"): (value,) for name, value in context.items()}},
                Policies(statements),
            ).allowed

        return may

    @pytest.mark.parametrize("kind", ["head", "task"])
    def test_each_mounts_its_own_storage_and_no_other(self, may: Callable[..., bool], kind: str) -> None:
        point = "arn:P:elasticfilesystem:R:A:access-point"
        for id, mounts in (("fsap-a", True), ("fsap-b", False)):
            for action in ("ClientMount", "ClientWrite"):
                key = {"elasticfilesystem__accesspointarn": f"{point}/{id}"}
                assert may(kind, f"elasticfilesystem:{action}", "FS", **key) is mounts
        assert not may(kind, "elasticfilesystem:ClientMount", "FS")

    def test_head_jobs_use_the_job_definitions_and_the_role_of_their_storage_alone(
        self, may: Callable[..., bool], template: Template
    ) -> None:
        [path] = {
            one["Properties"]["Environment"]["Variables"]["ROLE_PATH"]
            for one in resources(template, "AWS::Lambda::Function").values()
            if "ROLE_PATH" in one["Properties"]["Environment"]["Variables"]
        }
        context = path.split("/")[2]
        for name, own in (
            (f"{context}_run-a-task:1", True),
            (f"{context}_run-b-task:1", False),
            (f"{context}-fe-x", False),
        ):
            definition = f"arn:P:batch:R:A:job-definition/{name}"
            assert may("head", "batch:SubmitJob", definition) is own, name
            assert may("head", "batch:RegisterJobDefinition", definition) is own, name
            assert not may("task", "batch:SubmitJob", definition)
        passed = {"iam__passedtoservice": "ecs-tasks.amazonaws.com"}
        for role, own in (("run-a-R-task", True), ("run-b-R-task", False), ("run-a-R-head", False)):
            assert may("head", "iam:PassRole", f"arn:P:iam::A:role{path}{role}", **passed) is own, role


def _plain(value: Any) -> Any:
    """A part of a template with short words for what only a deployment knows."""
    known = {"AWS::Partition": "P", "AWS::Region": "R", "AWS::AccountId": "A"}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if not isinstance(value, dict):
        return value
    if "Fn::Join" in value:
        glue, parts = value["Fn::Join"]
        return str(glue).join(_plain(parts))
    if "Ref" in value:
        return known.get(value["Ref"], value["Ref"])
    if "Fn::GetAtt" in value:
        name, attribute = value["Fn::GetAtt"]
        return "FS" if "FileSystem" in name else f"{name}.{attribute}"
    if "Fn::Sub" in value:  # the assets bucket of the CDK
        return value["Fn::Sub"]
    return {key: _plain(one) for key, one in value.items()}


def test_who_may_provision_may_call_the_two_routes_and_nothing_else(template: Template) -> None:
    assert {json.dumps(one["Action"]) for one in statements(template, "Caller")} == {'"execute-api:Invoke"'}
    called = resources_of(template, "Caller", "execute-api")
    assert all(f"provision-storage-{kind}" in called for kind in ("efs", "ofs"))


def test_the_bytes_that_go_are_a_metric(template: Template) -> None:
    found = only(template, "AWS::Logs::MetricFilter")
    assert found["FilterPattern"] == '{ $.bytesFreed = "*" }'
    [transformation] = found["MetricTransformations"]
    assert (transformation["MetricNamespace"], transformation["MetricValue"]) == (
        "WorkflowContext/Storage",
        "$.bytesFreed",
    )


class TestIsRefusedWhere:
    def test_the_file_system_has_no_directories_for_runs(self) -> None:
        lab = Lab()
        storage = S3FileSystem(lab, "Storage", location=S3Location(lab.bucket, "work"))
        with pytest.raises(ValueError, match="S3FileSystem has no directories for single runs"):
            StorageDispatcher(lab, "Dispatcher", context=lab.context("One", storage=storage))

    def test_the_engine_marks_no_runs(self) -> None:
        lab = Lab()
        storage = EfsFileSystem(lab, "Storage", placement=lab.vpc, host_mounted=True)
        with pytest.raises(ValueError, match="CromwellEngine marks no runs that ended"):
            StorageDispatcher(lab, "Dispatcher", context=lab.context("One", CromwellEngine, storage=storage))

    def test_jobs_could_write_the_records(self) -> None:
        lab = Lab()
        with pytest.raises(ValueError, match="the outputs of the context are a whole bucket"):
            StorageDispatcher(lab, "Dispatcher", context=lab.context("One", outputs=lab.bucket))
