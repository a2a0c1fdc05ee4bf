"""CromwellEngine: what the template says, whether a HOCON parser understands it, and how a head job starts."""

import gzip
import json
import os
import subprocess
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2, aws_s3 as s3
from rendered import allowed, environment, head_container, output, user_data
from templates import Templates, resources

from workflow_context import (
    CromwellEngine,
    EfsFileSystem,
    Network,
    S3Location,
    WorkflowContext,
)
from workflow_context.scripts import install_script, read_script

ENTRY_POINT = ("/bin/bash", "-c", "java ${JAVA_OPTS} -jar /app/cromwell.jar ${CROMWELL_ARGS} ${*}", "--")
"""That of the image: project/Publishing.scala of Cromwell."""


@pytest.fixture(scope="module")
def settings(engine_templates: Templates) -> Callable[[str], Any]:
    """The rendered configuration of a context, as a HOCON parser reads it; without what Cromwell itself includes."""
    pyhocon = pytest.importorskip("pyhocon", reason="reading cromwell.conf needs pyhocon")

    def read(context: str) -> Any:
        text = output(engine_templates[context], "ClientConfiguration")
        return pyhocon.ConfigFactory.parse_string(text.replace('include required(classpath("application"))\n', ""))

    return read


class TestConfiguration:
    """A HOCON parser reads the file. Whether Cromwell wants these keys, its source was read for; it is not run."""

    def test_the_backend_is_that_of_aws_batch(self, settings: Callable[[str], Any]) -> None:
        read = settings("cromwell")
        assert read["backend.default"] == "AWSBatch"
        provider = read["backend.providers.AWSBatch"]
        assert provider["actor-factory"] == "cromwell.backend.impl.aws.AwsBatchBackendLifecycleActorFactory"
        assert read["aws.auths"] == [{"name": "default", "scheme": "default"}]
        assert read["engine.filesystems.s3.auth"] == provider["config.auth"] == "default"

    def test_executions_are_in_the_work_directory(self, settings: Callable[[str], Any]) -> None:
        config = settings("cromwell")["backend.providers.AWSBatch.config"]
        assert config["root"] == "s3://project-bucket/contexts/cromwell/work/cromwell-execution"

    def test_tasks_go_to_the_task_queue_and_write_to_the_log_of_the_context(
        self, settings: Callable[[str], Any], engine_templates: Templates
    ) -> None:
        template = engine_templates["cromwell"]
        attributes = settings("cromwell")["backend.providers.AWSBatch.config.default-runtime-attributes"]
        assert attributes["queueArn"] == output(template, "TaskQueue")
        assert attributes["logGroupName"] in resources(template, "AWS::Logs::LogGroup")
        assert attributes["scriptBucketName"] == "project-bucket"

    def test_tasks_that_lose_a_spot_machine_are_tried_again_and_others_are_not(
        self, settings: Callable[[str], Any]
    ) -> None:
        attributes = settings("cromwellSpot")["backend.providers.AWSBatch.config.default-runtime-attributes"]
        assert attributes["awsBatchRetryAttempts"] == 5
        pulls = [
            {"Action": "RETRY", "onReason": "CannotPullContainerError*"},
            {"Action": "RETRY", "onReason": "DockerTimeoutError*"},
        ]
        lost, ended = {"Action": "RETRY", "onStatusReason": "Host EC2*"}, {"Action": "EXIT", "onReason": "*"}
        assert attributes["awsBatchEvaluateOnExit"] == [*pulls, lost, ended]
        on_demand = settings("cromwell")["backend.providers.AWSBatch.config.default-runtime-attributes"]
        assert on_demand["awsBatchRetryAttempts"] == 3
        assert on_demand["awsBatchEvaluateOnExit"] == [*pulls, ended]

    def test_a_shared_directory_is_named_and_globs_do_not_make_hard_links(self, settings: Callable[[str], Any]) -> None:
        config = settings("cromwellEfs")["backend.providers.AWSBatch.config"]
        assert config["filesystems.local.efs"] == "/mnt/efs"
        assert config["glob-link-command"] == "ln -fs GLOB_PATTERN GLOB_DIRECTORY"
        assert "glob-link-command" not in settings("cromwell")["backend.providers.AWSBatch.config"]


class TestInstances:
    def test_have_what_the_backend_binds_into_every_task(self, engine_templates: Templates) -> None:
        """The paths are fixed in AwsBatchJobDefinition.scala and AwsBatchJob.scala."""
        installed = user_data(engine_templates["cromwell"])
        assert "export AWS_CLI_HOME=/usr/local/aws-cli\n" in installed
        assert "export AWS_CLI=/usr/local/aws-cli/v2/current/bin/aws\n" in installed
        assert "/usr/local/bin/fetch_and_run.sh" in installed

    def test_mount_efs_before_they_take_jobs(self, engine_templates: Templates) -> None:
        assert "MOUNT_PATH=/mnt/efs" in user_data(engine_templates["cromwellEfs"])
        assert "MOUNT_PATH" not in user_data(engine_templates["cromwell"])

    @pytest.mark.parametrize("failures", [0, 2])
    def test_the_script_of_a_task_is_fetched_and_run(self, tmp_path: Path, failures: int) -> None:
        commands = {
            "aws": f'#!/bin/sh\necho "$*" >>{tmp_path}/calls\n[ "$(wc -l <{tmp_path}/calls)" -gt {failures} ] '
            '|| exit 1\necho "echo ran; exit 3" >"$5"\n',
            "sleep": "#!/bin/sh\n",
        }
        for name, text in commands.items():
            (tmp_path / name).write_text(text)
            (tmp_path / name).chmod(0o755)
        done = subprocess.run(
            ["bash", "-c", read_script("fetch_and_run.sh")],
            env={
                "PATH": f"{tmp_path}:{os.environ['PATH']}",
                "AWS": str(tmp_path / "aws"),
                "BATCH_FILE_S3_URL": "s3://b/scripts/0f",
            },
            capture_output=True,
            text=True,
        )
        assert (done.stdout, done.returncode) == ("ran\n", 3)
        assert (tmp_path / "calls").read_text().splitlines()[-1].startswith("s3 cp --no-progress s3://b/scripts/0f ")

    def test_the_script_is_put_there_for_anyone_to_run(self, tmp_path: Path) -> None:
        path = tmp_path / "usr/local/bin/fetch_and_run.sh"
        subprocess.run(["bash", "-c", install_script("fetch_and_run.sh", str(path))], check=True)
        assert path.read_text() == read_script("fetch_and_run.sh")
        assert path.stat().st_mode & 0o777 == 0o755


class TestHeadJob:
    def test_starts_cromwell_with_its_files_by_the_entry_point_of_the_image(
        self, engine_templates: Templates, tmp_path: Path
    ) -> None:
        """The entry point with a `java` that says what it was given. The image itself is not run."""
        template = engine_templates["cromwell"]
        (tmp_path / "java").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\nhead -n 1 *\n')
        (tmp_path / "java").chmod(0o755)
        command = ["https://example.org/hello.wdl", '{"hello.names": ["a b", "c"]}', "s3://b/results/"]
        done = subprocess.run(
            [*ENTRY_POINT, *command],
            env={
                **environment(template),
                "PATH": f"{tmp_path}:{os.environ['PATH']}",
                "TMPDIR": str(tmp_path),
            },
            capture_output=True,
            text=True,
            check=True,
        )
        arguments = done.stdout.splitlines()[: done.stdout.splitlines().index("options.json") + 1]
        assert arguments == [
            *(
                "--add-opens=java.base/sun.security.util=ALL-UNNAMED",
                "-Xmx3g",
                "-Dconfig.file=cromwell.conf",
                "-jar",
                "/app/cromwell.jar",
            ),
            *("run", "https://example.org/hello.wdl", "--inputs", "inputs.json", "--options", "options.json"),
        ]
        assert '==> inputs.json <==\n{"hello.names": ["a b", "c"]}' in done.stdout
        assert "==> cromwell.conf <==\n// Save as cromwell.conf" in done.stdout

    def test_long_inputs_come_compressed(self, engine_templates: Templates, tmp_path: Path) -> None:
        """10 KB of GATK's inputs are over the 8,192 characters of a job."""
        inputs = json.dumps({f"wf.input_{n}": f"s3://broad-references/hg38/v0/part-{n:04}.vcf.gz" for n in range(200)})
        packed = b64encode(gzip.compress(inputs.encode())).decode()
        assert len(inputs) > 10_000 > 3_000 > len(packed)
        (tmp_path / "java").write_text("#!/bin/sh\ncat inputs.json\n")
        (tmp_path / "java").chmod(0o755)
        variables = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "TMPDIR": str(tmp_path)}
        told = {**environment(engine_templates["cromwell"]), **variables}
        for given, code in ((packed, 0), ("s3://bucket/inputs.json", 2)):
            command = [*ENTRY_POINT, "https://example.org/w.wdl", given, "s3://b/results"]
            done = subprocess.run(command, env=told, capture_output=True, text=True, check=False)
            assert done.returncode == code
            assert done.stdout == ("" if code else inputs)

    @pytest.mark.parametrize(("run", "scripts"), [({}, ""), ({"WORKFLOW_RUN_ID": "r1"}, "/r1")])
    def test_gives_tasks_their_role_and_keeps_the_scripts_of_a_run_in_a_folder_of_the_context(
        self, engine_templates: Templates, tmp_path: Path, run: dict[str, str], scripts: str
    ) -> None:
        template = engine_templates["cromwell"]
        (tmp_path / "java").write_text("#!/bin/sh\ncat options.json\n")
        (tmp_path / "java").chmod(0o755)
        variables = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "TMPDIR": str(tmp_path)}
        command = [*ENTRY_POINT, "https://example.org/w.wdl", "{}", "s3://b/results/r1/"]
        done = subprocess.run(
            command, env={**environment(template), **variables, **run}, capture_output=True, text=True, check=True
        )
        assert json.loads(done.stdout) == {
            "aws_batch_job_role_arn": output(template, "TaskRole"),
            "aws_batch_script_bucket_prefix": f"contexts/cromwell/cromwell/scripts{scripts}",
            "final_workflow_outputs_dir": "s3://b/results/r1",
        }

    @pytest.mark.parametrize("is_whole", [True, False])
    def test_a_workflow_may_come_packed_with_what_it_imports(
        self, engine_templates: Templates, tmp_path: Path, is_whole: bool
    ) -> None:
        (tmp_path / "main.wdl").write_text("main\n")
        (tmp_path / "lib").mkdir()
        (tmp_path / "lib" / "tasks.wdl").write_text("imported\n")
        packed = subprocess.run(
            ["tar", "cz", "main.wdl", "lib/tasks.wdl"], cwd=tmp_path, capture_output=True, check=True
        ).stdout
        given = b64encode(packed).decode() if is_whole else "main.wdl"
        (tmp_path / "java").write_text('#!/bin/sh\necho "$*"; cat main.wdl lib/tasks.wdl\n')
        (tmp_path / "java").chmod(0o755)
        variables = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "TMPDIR": str(tmp_path)}
        told = {**environment(engine_templates["cromwell"]), **variables}
        command = [*ENTRY_POINT, given, "{}", "s3://b/results/"]
        done = subprocess.run(command, env=told, capture_output=True, text=True, check=False)
        assert done.returncode == (0 if is_whole else 2), done.stderr
        if is_whole:
            assert "run main.wdl --inputs inputs.json" in done.stdout
            assert done.stdout.endswith("main\nimported\n")
        else:
            assert "workflow is neither an address nor" in done.stderr

    def test_runs_on_fargate_with_a_pinned_upstream_image(self, engine_templates: Templates) -> None:
        container = head_container(engine_templates["cromwell"])
        assert "FargatePlatformConfiguration" in container
        assert container["Image"] == "docker.io/broadinstitute/cromwell:93-0232cbd"


class TestRights:
    def test_head_jobs_register_only_definitions_that_cromwell_names(self, engine_templates: Templates) -> None:
        names = "arn:aws:batch:us-east-1:123456789012:job-definition/cromwell_*"
        assert allowed(engine_templates["cromwell"], "HeadRole", "batch:RegisterJobDefinition") == [names]

    def test_tasks_write_to_the_work_directory_and_only_read_results_and_scripts(
        self, engine_templates: Templates
    ) -> None:
        for context in ("cromwell", "cromwellEfs"):
            written = allowed(engine_templates[context], "TaskRole", "s3:PutObject")
            assert {one.rsplit(":", 1)[-1].split("/", 1)[1] for one in written} == {
                f"contexts/{context}/work/*",
                "wgs/*",
            }

    def test_head_jobs_pass_the_task_role_and_no_other(self, engine_templates: Templates) -> None:
        template = engine_templates["cromwell"]
        assert allowed(template, "HeadRole", "iam:PassRole") == [output(template, "TaskRole")]


def test_a_file_system_that_instances_do_not_mount_is_refused() -> None:
    stack = cdk.Stack()
    placement = Network(stack, "Network", vpc=ec2.Vpc(stack, "Vpc", restrict_default_security_group=False)).placement()
    with pytest.raises(ValueError, match=r"give EfsFileSystem\(host_mounted=True\)"):
        WorkflowContext(
            stack,
            "Context",
            engine=CromwellEngine,
            placement=placement,
            storage=EfsFileSystem(stack, "Storage", placement=placement),
            outputs=S3Location(s3.Bucket(stack, "Bucket"), "outputs"),
        )
