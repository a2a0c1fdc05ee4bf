"""Runs that nobody needs any more: the schedule that looks for them, and the script that deletes them."""

import json
import os
import subprocess
import time
from pathlib import Path

import aws_cdk as cdk
import pytest
from templates import Template, Templates, only, resources

import workflow_context.scripts
from workflow_context import S3Location, StorageExpiry, WorkflowContext

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
