"""MiniwdlEngine: what its client finds by the tags of the head queue, and what jobs may do."""

import json
from collections.abc import Callable
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_s3 as s3
from policies import may
from rendered import environment, head_container, output, statements
from templates import Template, resources

from workflow_context import (
    BatchCompute,
    ComputeFactory,
    EfsFileSystem,
    FsxLustreFileSystem,
    MiniwdlEngine,
    Network,
    S3FileSystem,
    WorkflowBucket,
    WorkflowContext,
    WorkflowFileSystem,
)
from workflow_context.engines.miniwdl import IMAGE

StorageFactory = Callable[..., WorkflowFileSystem]
JOB = "arn:aws:batch:us-east-1:123456789012:job/1"
BAM = "arn:aws:s3:::lab/miniwdl/run/a.bam"
MARK, PARENT = "aws:ResourceTag/workflow-context", "aws:ResourceTag/AWS_BATCH_PARENT_JOB_ID"
LOGS = "arn:aws:logs:us-east-1:123456789012:log-group:{}:log-stream:x"


def synthesized(storage: StorageFactory, compute: ComputeFactory) -> Template:
    """A context whose outputs go to a bucket that has a name; what clients are told is an output of the stack."""
    stack = cdk.Stack(cdk.App(), "Stack")
    placement = Network(stack, "Network").placement()
    context = WorkflowContext(
        stack,
        "Context",
        engine=MiniwdlEngine,
        placement=placement,
        storage=storage(stack, "Storage", placement=placement),
        compute=compute,
        outputs=s3.Bucket.from_bucket_name(stack, "Outputs", "lab"),
    )
    cdk.CfnOutput(stack, "ClientConfiguration", value=context.engine.client_configuration)
    found: Template = cdk.assertions.Template.from_stack(stack).to_json()
    return found


@pytest.fixture(scope="module")
def template() -> Template:
    return synthesized(EfsFileSystem, BatchCompute)


@pytest.fixture(scope="module")
def on_lustre() -> Template:
    """With Spot capacity, and head jobs on instances."""
    return synthesized(FsxLustreFileSystem, BatchCompute.with_options(spot=True, heads_on_fargate=False))


def head_queue_tags(template: Template) -> dict[str, Any]:
    [queue] = [one for name, one in resources(template, "AWS::Batch::JobQueue").items() if "HeadQueue" in name]
    tags: dict[str, Any] = queue["Properties"]["Tags"]
    return tags


def test_the_tags_of_the_head_queue_name_the_role_the_queue_of_tasks_and_the_access_point(template: Template) -> None:
    tags = head_queue_tags(template)
    assert tags.keys() >= {"WorkflowEngineRoleArn", "DefaultTaskQueue", "DefaultFsap"}
    assert "DefaultTaskQueueFallback" not in tags
    assert "ClientRole" in json.dumps(tags["WorkflowEngineRoleArn"])
    assert "TaskQueue" in json.dumps(tags["DefaultTaskQueue"])
    [point] = resources(template, "AWS::EFS::AccessPoint")
    assert tags["DefaultFsap"] == {"Ref": point}


def test_the_head_job_is_of_the_published_image_and_ends_after_a_week(template: Template) -> None:
    [definition] = [
        one["Properties"] for name, one in resources(template, "AWS::Batch::JobDefinition").items() if "HeadJob" in name
    ]
    assert head_container(template)["Image"] == IMAGE
    assert IMAGE.rpartition(":")[2] != "latest"
    assert definition["Timeout"] == {"AttemptDurationSeconds": 7 * 24 * 3600}
    assert definition["Parameters"]["inputs"] == "{}"
    assert definition["Parameters"]["outputs"] == "s3://lab/miniwdl"


def test_calls_are_cached_on_the_file_system_for_all_workflows(template: Template) -> None:
    found = environment(template)
    assert found["MINIWDL__FILE_IO__ROOT"] == "/mnt/efs"
    assert found["MINIWDL__CALL_CACHE__DIR"] == "/mnt/efs/miniwdl_run/_CACHE"
    assert {found[f"MINIWDL__CALL_CACHE__{one}"] for one in ("GET", "PUT")} == {"true"}
    assert "MINIWDL__AWS__TASK_QUEUE_FALLBACK" not in found
    assert "MINIWDL__DOWNLOAD_CACHE__DIR" not in found


def test_a_client_is_told_the_queue_and_where_outputs_go(template: Template) -> None:
    told = output(template, "ClientConfiguration")
    assert "export MINIWDL__AWS__S3_UPLOAD_FOLDER=s3://lab/miniwdl\n" in told
    assert "HeadQueue" in next(line for line in told.splitlines() if "WORKFLOW_QUEUE" in line)
    assert told.endswith("--follow --no-public-ip")


class TestWithoutEfs:
    def test_head_jobs_and_tasks_bind_the_directory_that_instances_mount(self, on_lustre: Template) -> None:
        found = environment(on_lustre)
        assert found["MINIWDL__SCHEDULER__CONTAINER_BACKEND"].endswith("_no_efs")
        assert "MINIWDL__AWS__FSAP" not in found
        assert found["MINIWDL__DOWNLOAD_CACHE__DIR"].startswith(found["MINIWDL__FILE_IO__ROOT"])
        assert "DefaultFsap" not in head_queue_tags(on_lustre)

    def test_a_client_is_told_to_use_the_directory(self, on_lustre: Template) -> None:
        told = output(on_lustre, "ClientConfiguration")
        assert f"--no-efs --mount {environment(on_lustre)['MINIWDL__FILE_IO__ROOT']} --memory-GiB " in told

    def test_the_queue_to_fall_back_to_is_known_to_clients_and_head_jobs(self, on_lustre: Template) -> None:
        assert "FallbackQueue" in json.dumps(head_queue_tags(on_lustre)["DefaultTaskQueueFallback"])
        assert "FallbackQueue" in environment(on_lustre)["MINIWDL__AWS__TASK_QUEUE_FALLBACK"]

    def test_machines_of_head_jobs_write_the_outputs_and_those_of_tasks_do_not(self, on_lustre: Template) -> None:
        assert may(on_lustre, "HeadInstanceRole", "s3:PutObject", BAM)
        assert not may(on_lustre, "ComputeInstanceRole", "s3:PutObject", BAM)

    def test_machines_of_head_jobs_end_jobs_that_a_job_submitted_and_none_of_other_contexts(
        self, on_lustre: Template
    ) -> None:
        assert may(on_lustre, "HeadInstanceRole", "batch:TerminateJob", JOB, {PARENT: "2"})
        assert not may(on_lustre, "HeadInstanceRole", "batch:TerminateJob", JOB, {PARENT: "2", MARK: "another"})
        assert not may(on_lustre, "HeadInstanceRole", "batch:TerminateJob", JOB)
        assert not may(on_lustre, "ComputeInstanceRole", "batch:TerminateJob", JOB, {PARENT: "2"})


class TestRights:
    def test_head_jobs_end_jobs_of_their_context_only(self, template: Template) -> None:
        name = environment(template)["WORKFLOW_CONTEXT"]
        assert may(template, "HeadRole", "batch:TerminateJob", JOB, {MARK: name})
        assert not may(template, "HeadRole", "batch:TerminateJob", JOB, {MARK: "another"})
        assert not may(template, "HeadRole", "batch:TerminateJob", JOB, {PARENT: "2"})

    def test_head_jobs_of_the_client_end_jobs_that_a_job_submitted_and_none_of_other_contexts(
        self, template: Template
    ) -> None:
        assert may(template, "ClientRole", "batch:TerminateJob", JOB, {PARENT: "2"})
        assert not may(template, "ClientRole", "batch:TerminateJob", JOB, {PARENT: "2", MARK: "another"})
        assert not may(template, "ClientRole", "batch:TerminateJob", JOB)

    @pytest.mark.parametrize("role", ["ClientRole", "InstanceRole"])
    def test_jobs_without_a_definition_of_the_context_write_to_the_log_of_batch_alone(
        self, template: Template, role: str
    ) -> None:
        assert may(template, role, "logs:PutLogEvents", LOGS.format("/aws/batch/job"))
        assert not may(template, role, "logs:PutLogEvents", LOGS.format("/aws/lambda/other"))

    def test_tasks_read_the_outputs_and_head_jobs_alone_write_them(self, template: Template) -> None:
        assert may(template, "InstanceRole", "s3:GetObject", BAM)
        assert not may(template, "InstanceRole", "s3:PutObject", BAM)
        assert may(template, "HeadRole", "s3:PutObject", BAM)

    def test_tasks_have_no_rights_in_batch(self, template: Template) -> None:
        actions = {
            action
            for statement in statements(template, "InstanceRole")
            for action in (statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]])
        }
        assert actions
        assert not [action for action in actions if action.startswith(("batch:", "iam:"))]

    def test_clients_without_a_role_may_mount(self, template: Template) -> None:
        [storage] = resources(template, "AWS::EFS::FileSystem").values()
        effects = [one["Effect"] for one in storage["Properties"]["FileSystemPolicy"]["Statement"]]
        assert effects == ["Deny", "Allow"]


def test_fails_when_instances_mount_no_directory() -> None:
    stack = cdk.Stack(cdk.App(), "Wrong")
    placement = Network(stack, "Network").placement()
    bucket = WorkflowBucket(stack, "Bucket")
    with pytest.raises((ValueError, RuntimeError), match="miniwdl reaches S3FileSystem only by a directory"):
        WorkflowContext(
            stack,
            "Context",
            engine=MiniwdlEngine,
            placement=placement,
            storage=S3FileSystem(stack, "Storage", location=bucket.location("work")),
            outputs=bucket.location("out"),
        )
