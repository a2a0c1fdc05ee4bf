"""ToilEngine: what the template says, whether Toil itself finds it, and whether its job store may do what it does."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2, aws_s3 as s3
from rendered import allowed, environment, head_container, output, statements, user_data
from run_records import record_of_run
from templates import Templates

from workflow_context import (
    EfsFileSystem,
    Network,
    S3Location,
    ToilEngine,
    WorkflowContext,
)
from workflow_context.program import pbs_files
from workflow_context.scripts import read_script
from workflow_stacks.runs.engines.toil import Toil

NEEDS_TOIL = "running Toil's own code needs toil[aws]"
HEAD_JOB = "0d8e7a51-1111-4222-8333-000000000abc"
SHARED = ("--workDir", "/var/lib/toil", "--coordinationDir", "/var/lib/toil")
RUNNER = """#!/bin/sh
env >"$HOME/environment"
printf '%s\\n' "${0##*/}" "$@"
exit ${RUNNER_CODE:-0}
"""
BOTO3 = """
from pathlib import Path
class client:
    def __init__(self, service): assert service == "s3"
    def put_object(self, Bucket, Key, Body, ContentType):
        (Path.home() / f"{Bucket}+{Key.replace('/', '+')}").write_bytes(Body)
"""
VARIABLES = ("AWS_DEFAULT_REGION", "TOIL_AWS_REGION", "TOIL_AWS_BATCH_QUEUE", "TOIL_AWS_BATCH_JOB_ROLE_ARN")

# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html: where the names differ.
IAM_ACTIONS = {
    "HeadBucket": "ListBucket",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "HeadObject": "GetObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
    "PutBucketEncryption": "PutEncryptionConfiguration",
}


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """What is asked of AWS: operation and parameters; answered by moto."""
    pytest.importorskip("toil.batchSystems.awsBatch", reason=NEEDS_TOIL)
    moto = pytest.importorskip("moto")
    import botocore.client

    found: list[tuple[str, dict[str, Any]]] = []
    make_call = botocore.client.BaseClient._make_api_call

    def record(self: Any, operation: str, parameters: dict[str, Any]) -> Any:
        found.append((operation, parameters))
        # moto does not know the words with which Toil says it.
        return {} if operation == "PutBucketEncryption" else make_call(self, operation, parameters)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", record)
    with moto.mock_aws():
        yield found


@pytest.fixture
def config(engine_templates: Templates, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Toil's own configuration, from its own parser of options, in the environment that is rendered for a client."""
    job = pytest.importorskip("toil.job", reason=NEEDS_TOIL)
    common = pytest.importorskip("toil.common")
    for line in output(engine_templates["toil"], "ClientConfiguration").splitlines():
        if line.startswith("export "):
            monkeypatch.setenv(*line.removeprefix("export ").split("=", 1))
    options = job.Job.Runner.getDefaultArgumentParser().parse_args(
        ["--batchSystem", "aws_batch", "--retryCount", "3", "aws:us-east-1:toil-4ad82b04-123456789012-run"]
    )
    read = common.Config()
    read.setOptions(options)
    return read


class TestClient:
    def test_toil_reads_the_queue_the_role_and_the_region(self, config: Any, engine_templates: Templates) -> None:
        assert config.aws_batch_queue == output(engine_templates["toil"], "TaskQueue")
        assert config.aws_batch_job_role_arn == output(engine_templates["toil"], "TaskRole")
        assert config.aws_batch_region == "us-east-1"

    @pytest.mark.filterwarnings("ignore::DeprecationWarning")
    def test_toil_registers_a_job_definition_that_the_head_role_may_register(
        self, config: Any, calls: list[tuple[str, dict[str, Any]]], engine_templates: Templates
    ) -> None:
        """Toil's batch system makes the definition of its jobs, against a mock: no job runs."""
        from toil.batchSystems.awsBatch import AWSBatchBatchSystem

        config.workflowID = "run"
        system = AWSBatchBatchSystem(config, maxCores=1, maxMemory=2**30, maxDisk=2**30)
        system._get_or_create_job_definition()
        [definition] = [parameters for operation, parameters in calls if operation == "RegisterJobDefinition"]
        [names] = allowed(engine_templates["toil"], "HeadRole", "batch:RegisterJobDefinition")
        assert names.endswith("job-definition/toil-*")
        assert definition["jobDefinitionName"].startswith("toil-")
        container = definition["containerProperties"]
        assert container["image"] == head_container(engine_templates["toil"])["Image"]
        assert container["jobRoleArn"] == output(engine_templates["toil"], "TaskRole")
        assert container["privileged"] is True
        folders = {volume["host"]["sourcePath"] for volume in container["volumes"]}
        assert {"/var/lib/toil", "/var/lib/cwl"} <= folders


class TestJobStore:
    @pytest.mark.filterwarnings("ignore::DeprecationWarning")
    def test_the_roles_allow_what_a_job_store_does(
        self, config: Any, calls: list[tuple[str, dict[str, Any]]], engine_templates: Templates
    ) -> None:
        """A job store is made, used and deleted against a mock; each call must be allowed, on the bucket it is about.

        The mock checks no rights, and what a whole workflow asks of its job store is more than this.
        """
        from toil.common import Toil

        template = engine_templates["toil"]
        prefix = output(template, "JobStore").split(":", 2)[2]
        locator = f"{output(template, 'JobStore')}-{'0' * 28}"
        store = Toil.getJobStore(locator)
        store.initialize(config)
        with store.write_shared_file_stream("answer", encrypted=False) as stream:
            stream.write(b"42")
        with store.read_shared_file_stream("answer") as stream:
            assert stream.read() == b"42"
        Toil.resumeJobStore(locator).destroy()
        asked = {operation for operation, parameters in calls if "Bucket" in parameters}
        assert {"CreateBucket", "UploadPart", "GetObject", "DeleteBucket"} <= asked
        for operation, parameters in calls:
            if "Bucket" not in parameters:
                continue
            versioned = operation == "DeleteObject" and "VersionId" in parameters
            action = f"s3:{'DeleteObjectVersion' if versioned else IAM_ACTIONS.get(operation, operation)}"
            assert parameters["Bucket"].startswith(f"{prefix}-"), operation
            assert parameters["Bucket"].endswith("--toil"), operation
            assert [one for one in allowed(template, "HeadRole", action) if f":::{prefix}-*--toil" in one], action

    def test_tasks_use_job_stores_but_neither_make_nor_delete_them(self, engine_templates: Templates) -> None:
        template = engine_templates["toil"]
        assert [one for one in allowed(template, "TaskRole", "s3:PutObject") if one.endswith("--toil/*")]
        assert not allowed(template, "TaskRole", "s3:CreateBucket")
        assert not allowed(template, "TaskRole", "s3:DeleteBucket")

    def test_no_role_can_make_anything_public(self, engine_templates: Templates) -> None:
        granted = {
            action
            for role in ("HeadRole", "TaskRole")
            for statement in statements(engine_templates["toil"], role)
            for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
        }
        assert not granted & {"s3:PutObjectAcl", "s3:PutBucketAcl", "s3:PutBucketPolicy"}

    def test_two_contexts_have_job_stores_of_their_own(self, engine_templates: Templates) -> None:
        names = {output(engine_templates[context], "JobStore") for context in ("toil", "toilCwl")}
        assert len(names) == 2

    def test_the_name_of_a_job_store_is_not_too_long_for_toil(self, engine_templates: Templates) -> None:
        """At most 56 characters: parse_jobstore_identifier in toil/jobStores/aws/jobStore.py."""
        prefix = output(engine_templates["toil"], "JobStore").split(":", 2)[2]
        assert len(f"{prefix}-{'0' * 28}") <= 56


class TestHeadJob:
    @pytest.fixture
    def run_head(self, engine_templates: Templates, tmp_path: Path) -> Callable[..., list[str]]:
        """Run the head script with runners that say what they were called with, and no S3 to keep that in."""
        program = tmp_path / "program"
        for name, text in pbs_files().items():
            (program / name).parent.mkdir(parents=True, exist_ok=True)
            (program / name).write_text(text)
        (program / "boto3.py").write_text(BOTO3)
        for name in ("toil-wdl-runner", "toil-cwl-runner"):
            (tmp_path / name).write_text(RUNNER)
            (tmp_path / name).chmod(0o755)
        # Nothing outside of this test's directory is made.
        script = read_script("toil_head.sh").replace("mkdir -p /var/lib/toil", ":")

        set_ = environment(engine_templates["toil"])

        def run(*arguments: str, attempt: int = 1, **more: str) -> list[str]:
            done = subprocess.run(
                ["bash", "-c", read_script("fetched.sh") + script, "toil", *arguments],
                env={
                    **{name: value for name, value in set_.items() if name != "BASH_ENV"},
                    "PATH": f"{tmp_path}:{os.environ['PATH']}",
                    "HOME": str(tmp_path),
                    "TMPDIR": str(tmp_path),
                    "AWS_BATCH_JOB_ID": HEAD_JOB,
                    "AWS_BATCH_JOB_ATTEMPT": str(attempt),
                    "python": sys.executable,
                    "folder": str(program),
                    **more,
                },
                capture_output=True,
                text=True,
            )
            assert done.returncode == int(more.get("RUNNER_CODE", 0)), done.stderr
            return done.stdout.splitlines()[1:]

        return run

    def test_a_wdl_workflow_gets_a_job_store_named_after_the_job(
        self, run_head: Callable[..., list[str]], engine_templates: Templates
    ) -> None:
        store = output(engine_templates["toil"], "JobStore")
        assert run_head("wdl", "https://example.org/hello.wdl", "https://example.org/i.json", "s3://b/r/", "new") == [
            *("toil-wdl-runner", "--batchSystem", "aws_batch", "--retryCount", "3", *SHARED),
            *("--jobStore", f"{store}-0d8e7a51111142228333000000000abc"[: len(store) + 29]),
            *("--outputDirectory", "s3://b/r", "https://example.org/hello.wdl", "https://example.org/i.json"),
        ]

    def test_a_cwl_workflow_is_run_by_the_runner_of_its_language(self, run_head: Callable[..., list[str]]) -> None:
        said = run_head("cwl", "https://example.org/hello.cwl", '{"message": "a b"}', "s3://b/r/", "new")
        assert said[0] == "toil-cwl-runner"
        assert said[-4:] == ["--destBucket", "s3://b/r", "https://example.org/hello.cwl", "inputs.json"]

    def test_what_it_prints_at_the_end_is_kept_beside_the_outputs(
        self, run_head: Callable[..., list[str]], tmp_path: Path
    ) -> None:
        said = run_head("wdl", "w.wdl", "{}", "s3://b/r/", "new")
        assert (tmp_path / "b+r+outputs.json").read_text().splitlines() == said

    def test_a_workflow_that_fails_leaves_no_outputs_and_its_exit_code(
        self, run_head: Callable[..., list[str]], tmp_path: Path
    ) -> None:
        run_head("wdl", "w.wdl", "{}", "s3://b/r/", "new", RUNNER_CODE="7")
        assert not (tmp_path / "b+r+outputs.json").exists()

    def test_tasks_do_not_inherit_where_its_own_credentials_are(
        self, run_head: Callable[..., list[str]], tmp_path: Path
    ) -> None:
        """Toil sets the environment of the head job in every task, over the task's own."""
        run_head(
            "wdl", "w.wdl", "{}", "s3://b/r/", "new", AWS_CONTAINER_CREDENTIALS_RELATIVE_URI="/v2/credentials/head"
        )
        passed_on = (tmp_path / "environment").read_text().splitlines()
        assert not [line for line in passed_on if line.startswith(("AWS_CONTAINER_", "AWS_BATCH_", "ECS_"))]
        assert any(line.startswith("AWS_DEFAULT_REGION=") for line in passed_on)
        configured = (tmp_path / ".aws" / "config").read_text()
        assert configured.startswith("[default]\ncredential_process = ")
        assert configured.endswith(" credentials http://169.254.170.2/v2/credentials/head\n")

    def test_its_tasks_are_known_by_the_run(self, run_head: Callable[..., list[str]], tmp_path: Path) -> None:
        run_head("wdl", "w.wdl", "{}", "s3://b/r/", "new", WORKFLOW_RUN_ID="20260101-000000-abcd")
        assert "TOIL_OWNER_TAG=20260101-000000-abcd" in (tmp_path / "environment").read_text().splitlines()

    def test_a_second_attempt_and_a_job_store_that_is_named_are_gone_on_with(
        self, run_head: Callable[..., list[str]]
    ) -> None:
        assert "--restart" not in run_head("wdl", "w.wdl", "{}", "s3://b/r/", "new")
        assert "--restart" in run_head("wdl", "w.wdl", "{}", "s3://b/r/", "new", attempt=2)
        named = run_head("wdl", "w.wdl", "{}", "s3://b/r/", "aws:us-east-1:toil-x-run")
        assert "--restart" in named
        assert "aws:us-east-1:toil-x-run" in named

    def test_a_resumed_run_names_the_job_store_of_its_first_head_job(
        self, run_head: Callable[..., list[str]], engine_templates: Templates
    ) -> None:
        said = run_head("wdl", "w.wdl", "{}", "s3://b/r/", "new")
        heads = (HEAD_JOB, "11111111-2222-4333-8444-555555555555")
        run = record_of_run(engine="toil", head_jobs=heads, parameters={"language": "wdl"})
        resumed = Toil().resume(run, {"JobStore": output(engine_templates["toil"], "JobStore")})
        assert resumed == {"language": "wdl", "jobStore": said[said.index("--jobStore") + 1]}

    def test_runs_on_fargate_and_starts_jobs_with_the_image_it_is(self, engine_templates: Templates) -> None:
        template = engine_templates["toil"]
        assert "FargatePlatformConfiguration" in head_container(template)
        assert environment(template)["TOIL_APPLIANCE_SELF"] == head_container(template)["Image"]

    def test_its_environment_is_that_of_a_client(self, engine_templates: Templates) -> None:
        rendered = output(engine_templates["toil"], "ClientConfiguration")
        for name in VARIABLES:
            assert f"export {name}={environment(engine_templates['toil'])[name]}\n" in rendered


@pytest.mark.parametrize("has_instance_store", [True, False])
def test_work_files_of_jobs_are_on_the_instance_store_where_there_is_one(
    tmp_path: Path, engine_templates: Templates, has_instance_store: bool
) -> None:
    assert read_script("toil_folders.sh") in user_data(engine_templates["toil"])
    (tmp_path / "etc").mkdir()
    commands = {
        "mountpoint": f"#!/bin/sh\nexit {0 if has_instance_store else 1}\n",
        "mount": f'#!/bin/sh\necho "$*" >>{tmp_path}/calls\n',
    }
    for name, text in commands.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    subprocess.run(
        ["bash", "-c", read_script("toil_folders.sh")],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "ROOT": str(tmp_path)},
        check=True,
    )
    assert (tmp_path / "var/lib/toil").is_dir()
    mounted = (tmp_path / "calls").read_text().splitlines() if (tmp_path / "calls").exists() else []
    assert mounted == ([f"{tmp_path}/var/lib/toil", f"{tmp_path}/var/lib/cwl"] if has_instance_store else [])


def test_a_file_system_that_is_mounted_is_refused() -> None:
    stack = cdk.Stack()
    placement = Network(stack, "Network", vpc=ec2.Vpc(stack, "Vpc", restrict_default_security_group=False)).placement()
    with pytest.raises(ValueError, match="give S3FileSystem"):
        WorkflowContext(
            stack,
            "Context",
            engine=ToilEngine,
            placement=placement,
            storage=EfsFileSystem(stack, "Storage", placement=placement, host_mounted=True),
            outputs=S3Location(s3.Bucket(stack, "Bucket"), "outputs"),
        )


def test_its_batch_system_for_pbs_does_not_submit_jobs_yet(tmp_path: Path) -> None:
    """Why Toil works on no mounted file system by qsub: a release in which this fails is one to try it with."""
    (tmp_path / "pbsnodes").write_text("#!/bin/sh\necho Version: 6.1.0\n")
    (tmp_path / "qsub").write_text(f"#!/bin/sh\necho called >{tmp_path}/called\n")
    for name in ("pbsnodes", "qsub"):
        (tmp_path / name).chmod(0o755)
    code = (
        "import sys\n"
        "from toil.common import Toil\n"
        "from toil.job import Job\n"
        "def hello(job): pass\n"
        "options = Job.Runner.getDefaultOptions(sys.argv[1])\n"
        "options.batchSystem, options.retryCount = 'torque', 0\n"
        "with Toil(options) as toil: toil.start(Job.wrapJobFn(hello))\n"
    )
    (tmp_path / "workflow.py").write_text(code)
    said = subprocess.run(
        [sys.executable, "workflow.py", f"file:{tmp_path}/store"],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode
    assert "prepareSubmission() takes from 6 to 8 positional arguments but 9 were given" in said.stderr
    assert not (tmp_path / "called").exists()
