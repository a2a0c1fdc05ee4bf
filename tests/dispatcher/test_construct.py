"""The construct that gives runs storage: where it works, and what those may do who manage it."""

import json
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
    for name, grant in (("Manager", dispatcher.grant_manage), ("Caller", dispatcher.grant_provision)):
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
