"""Runs that nobody needs any more: the schedule that looks for them, and the script that deletes them."""

import json
import os
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aws_cdk as cdk
import pytest
from templates import Template, Templates, only, resources

import workflow_context.scripts
from workflow_context import S3Location, StorageExpiry, WorkflowContext
from workflow_stacks.local.iam.batch_calls import batch_calls
from workflow_stacks.local.iam.evaluation import Policies, evaluate
from workflow_stacks.local.iam.policy import parse_policy
from workflow_stacks.local.iam.request import Request

SCRIPT = Path(workflow_context.scripts.__file__).with_name("expire_runs.sh")
HOUR = 3600


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
    assert definition["Command"][-2:] == ["/mnt/efs", "100"]
    assert definition["MountPoints"] == [{"ContainerPath": "/mnt/efs", "SourceVolume": "efs"}]


def test_the_job_can_write_on_the_file_system_and_nothing_else(expiring: Template) -> None:
    [policy] = [
        one["Properties"]["PolicyDocument"]["Statement"]
        for name, one in resources(expiring, "AWS::IAM::Policy").items()
        if "EngineExpiryRole" in name
    ]
    assert [statement["Action"] for statement in policy] == [
        ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"]
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


class TestScript:
    @pytest.fixture
    def mount(self, tmp_path: Path) -> Path:
        for run, ages in {"old": [9, 30], "going": [30, 1], "odd name; $(touch x)": [20]}.items():
            for number, age in enumerate(ages):
                file = tmp_path / "miniwdl_run" / run / f"call-{number}" / "stdout.txt"
                file.parent.mkdir(parents=True)
                file.write_text("x")
                self.age(file, age)
        for folder in sorted(tmp_path.rglob("*"), reverse=True):
            if folder.is_dir():
                self.age(folder, 30)
        return tmp_path

    @staticmethod
    def age(path: Path, hours: float) -> None:
        then = time.time() - hours * HOUR
        os.utime(path, (then, then))

    def run(self, mount: Path, hours: int) -> str:
        return subprocess.run(
            ["sh", "-c", SCRIPT.read_text(), "expire", str(mount), str(hours)],
            cwd=mount,
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    def test_a_run_without_a_fresh_file_is_deleted_whole(self, mount: Path) -> None:
        printed = self.run(mount, 8)
        assert sorted(path.name for path in (mount / "miniwdl_run").iterdir()) == ["going"]
        assert printed.count("deleting ") == 2

    def test_a_run_that_is_still_going_keeps_its_old_files_too(self, mount: Path) -> None:
        self.run(mount, 8)
        assert (mount / "miniwdl_run" / "going" / "call-0" / "stdout.txt").exists()

    def test_nothing_is_deleted_before_its_time(self, mount: Path) -> None:
        assert "deleting" not in self.run(mount, 40)

    def test_a_link_to_elsewhere_is_left_alone(self, mount: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
        elsewhere = tmp_path_factory.mktemp("elsewhere")
        self.age(elsewhere, 100)
        (mount / "miniwdl_run" / "link").symlink_to(elsewhere)
        self.run(mount, 8)
        assert elsewhere.exists()
        assert (mount / "miniwdl_run" / "link").is_symlink()

    def test_an_empty_file_system_is_fine(self, tmp_path: Path) -> None:
        assert "done" in self.run(tmp_path, 1)


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
