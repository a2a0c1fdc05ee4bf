"""NextflowEngine: what the template says, and whether Nextflow itself understands it."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from nextflow_runtime import nextflow
from rendered import allowed, environment, head_container, output, statements, user_data, user_data_size
from templates import Templates, resources

from workflow_context.scripts import read_script


@pytest.fixture(scope="module")
def spot_settings(engine_templates: Templates, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The rendered configuration of a Spot context, as Nextflow reads it: key to value."""
    folder = tmp_path_factory.mktemp("nextflow")
    (folder / "context.config").write_text(output(engine_templates["nextflowSpot"], "ClientConfiguration"))
    said = nextflow(["-C", "context.config", "config", "-flat"], folder)
    return dict(line.split(" = ", 1) for line in said.splitlines() if " = " in line)


class TestConfiguration:
    def test_nextflow_reads_every_setting(self, spot_settings: dict[str, str], engine_templates: Templates) -> None:
        """Nextflow's own parser accepts the file; its Batch plugin, which reads `aws.batch`, is not asked."""
        template = engine_templates["nextflowSpot"]
        assert spot_settings.keys() == {
            "workDir",
            "params.outdir",
            "process.executor",
            "process.queue",
            "process.errorStrategy",
            "process.maxRetries",
            "process.resourceLabels",
            "aws.region",
            "aws.batch.cliPath",
            "aws.batch.jobRole",
            "aws.batch.logsGroup",
            "aws.batch.maxSpotAttempts",
        }
        assert spot_settings["process.executor"] == "'awsbatch'"
        assert spot_settings["aws.batch.jobRole"] == f"'{output(template, 'TaskRole')}'"

    def test_jobs_have_the_tags_of_the_context_and_of_the_run_unless_a_process_has_its_own(
        self, engine_templates: Templates, tmp_path: Path
    ) -> None:
        template = engine_templates["nextflow"]
        (tmp_path / "context.config").write_text(output(template, "ClientConfiguration"))
        (tmp_path / "here.config").write_text("process.executor = 'local'\nworkDir = 'work'\n")
        (tmp_path / "main.nf").write_text(
            "process ONE {\n    output: stdout\n    script:\n"
            '    "echo ${task.getResourceLabels()}"\n}\n'
            "process OWN {\n    resourceLabels team: 'genomics'\n    output: stdout\n    script:\n"
            '    "echo ${task.getResourceLabels()}"\n}\nworkflow { ONE() | view; OWN() | view }\n'
        )
        command = ["-c", "context.config", "-c", "here.config", "run", "main.nf"]
        said = nextflow(command, tmp_path, {"WORKFLOW_RUN_ID": "run-1"})
        assert "workflow-context:run:run-1" in said
        assert "[team:genomics]" in said
        assert "workflow-context:Engines" in said

    def test_a_killed_task_is_run_again_on_the_fallback_queue(
        self, engine_templates: Templates, tmp_path: Path
    ) -> None:
        """Nextflow runs a process that is killed once, here and not on AWS: it shows which queue it would submit to."""
        template = engine_templates["nextflowSpot"]
        (tmp_path / "context.config").write_text(output(template, "ClientConfiguration"))
        (tmp_path / "here.config").write_text("process.executor = 'local'\nworkDir = 'work'\n")
        (tmp_path / "main.nf").write_text(
            "process KILLED {\n    output: stdout\n    script:\n"
            '    "[ ${task.attempt} -gt 1 ] || exit 137; echo ${task.queue}"\n}\n'
            "workflow { KILLED() | view }\n"
        )
        said = nextflow(["-c", "context.config", "-c", "here.config", "run", "main.nf"], tmp_path)
        assert output(template, "FallbackQueue") in said.splitlines()

    def test_a_task_is_submitted_to_the_queue_of_the_machines_that_it_needs(
        self, engine_templates: Templates, tmp_path: Path
    ) -> None:
        template = engine_templates["nextflowKinds"]

        def name_of(queue: str) -> str:
            return output(template, queue).rpartition("/")[2]

        (tmp_path / "context.config").write_text(output(template, "ClientConfiguration"))
        (tmp_path / "here.config").write_text(
            "process.executor = 'local'\nexecutor.memory = '1 TB'\nworkDir = 'work'\n"
        )
        directives = {
            "SMALL": "memory '63 GB'",
            "LARGE": "memory '64 GB'",
            "ACCELERATED": "accelerator 1",
            "LABELED": "label 'arm'",
            "LOST": "memory '64 GB'",
        }
        processes = (
            f"process {name} {{\n    {directive}\n    output: stdout\n    script:\n    "
            f'"{"[ ${task.attempt} -gt 1 ] || exit 137; " if name == "LOST" else ""}echo {name} ${{task.queue}}"\n}}\n'
            for name, directive in directives.items()
        )
        calls = "; ".join(f"{name}() | view" for name in directives)
        (tmp_path / "main.nf").write_text(f"{''.join(processes)}workflow {{ {calls} }}\n")
        said = nextflow(["-c", "context.config", "-c", "here.config", "run", "main.nf"], tmp_path)
        queues = dict(line.split() for line in said.splitlines() if line.split(" ")[0] in directives)
        assert queues == {
            "SMALL": output(template, "TaskQueue"),
            "LARGE": name_of("TaskQueueLarge"),
            "ACCELERATED": name_of("TaskQueueGpu"),
            "LABELED": name_of("TaskQueueArm"),
            "LOST": name_of("FallbackQueueLarge"),
        }

    def test_head_jobs_submit_to_the_queues_of_every_kind_of_machines(self, engine_templates: Templates) -> None:
        for name in ("nextflowKinds", "nextflowEfsKinds", "wdlKinds"):
            template = engine_templates[name]
            own = {output(template, key) for key in template["Outputs"] if key.startswith(("TaskQ", "FallbackQ"))}
            assert len(own) == 8
            assert own <= set(allowed(template, "HeadRole", "batch:SubmitJob")), name

    def test_the_work_directory_is_a_prefix_in_s3(self, engine_templates: Templates) -> None:
        assert output(engine_templates["nextflow"], "WorkDirectory") == "s3://project-bucket/contexts/nextflow/work"

    def test_the_command_line_of_aws_is_where_nextflow_accepts_it(self, engine_templates: Templates) -> None:
        """Absolute and ending in /bin/aws: what `AwsBatchConfig` demands; instances install it there."""
        template = engine_templates["nextflow"]
        assert "cliPath = '/opt/workflow-aws-cli/bin/aws'" in output(template, "ClientConfiguration")
        assert "export AWS_CLI=/opt/workflow-aws-cli/bin/aws\n" in user_data(template)

    def test_spot_tasks_are_retried_by_nextflow_or_by_batch_but_not_by_both(self, engine_templates: Templates) -> None:
        attempts = {
            name: line.strip()
            for name in ("nextflow", "nextflowSpot", "nextflowSpotAlone")
            for line in output(engine_templates[name], "ClientConfiguration").splitlines()
            if "maxSpotAttempts" in line
        }
        assert attempts == {
            "nextflow": "maxSpotAttempts = 0",
            "nextflowSpot": "maxSpotAttempts = 0",
            "nextflowSpotAlone": "maxSpotAttempts = 5",
        }

    def test_a_context_without_spot_leaves_the_error_strategy_to_the_pipeline(
        self, engine_templates: Templates
    ) -> None:
        assert "errorStrategy" not in output(engine_templates["nextflow"], "ClientConfiguration")


class TestHeadJob:
    def test_runs_on_fargate_with_a_pinned_upstream_image(self, engine_templates: Templates) -> None:
        container = head_container(engine_templates["nextflow"])
        assert "FargatePlatformConfiguration" in container
        assert container["Image"] == "docker.io/nextflow/nextflow:25.04.4"

    def test_has_the_configuration_and_keeps_the_cache_where_the_next_head_job_finds_it(
        self, engine_templates: Templates
    ) -> None:
        template = engine_templates["nextflow"]
        variables = environment(template)
        assert variables["NEXTFLOW_CONFIG"] == output(template, "ClientConfiguration")
        assert variables["NXF_CLOUDCACHE_PATH"] == "s3://project-bucket/contexts/nextflow/work/.cache"
        assert variables["NXF_IGNORE_RESUME_HISTORY"] == "true"

    @pytest.fixture
    def run_head(self, tmp_path: Path) -> Callable[..., list[str]]:
        """Run the head script with a `nextflow` that says what it was called with: its arguments, then NXF_UUID."""
        fake = tmp_path / "nextflow"
        fake.write_text('#!/bin/sh\nprintf "%s\\n" "$@" "$NXF_UUID"\ncat context.config\n')
        fake.chmod(0o755)

        def run(*arguments: str, **variables: str) -> list[str]:
            done = subprocess.run(
                ["bash", "-c", read_script("fetched.sh") + read_script("nextflow_head.sh"), "nextflow", *arguments],
                env={
                    "PATH": f"{tmp_path}:{os.environ['PATH']}",
                    "TMPDIR": str(tmp_path),
                    "NEXTFLOW_CONFIG": "// configuration",
                    "AWS_BATCH_JOB_ID": "0d8e7a51-0000-4000-8000-000000000001",
                    "AWS_BATCH_JOB_ATTEMPT": "1",
                    **variables,
                },
                capture_output=True,
                text=True,
                check=True,
            )
            return done.stdout.splitlines()

        return run

    def test_a_new_run_has_the_id_of_its_job_as_session(self, run_head: Callable[..., list[str]]) -> None:
        assert run_head("nf-core/rnaseq", "default", "standard", "none", "new") == [
            *("-c", "context.config", "run", "nf-core/rnaseq"),
            *("-name", "job-0d8e7a51-0000-4000-8000-000000000001-1"),
            "0d8e7a51-0000-4000-8000-000000000001",
            "// configuration",
        ]

    def test_a_second_attempt_resumes_the_first(self, run_head: Callable[..., list[str]]) -> None:
        said = run_head("hello", "default", "standard", "none", "new", AWS_BATCH_JOB_ATTEMPT="2")
        assert said[said.index("-resume") + 1] == "0d8e7a51-0000-4000-8000-000000000001"

    def test_a_later_head_job_resumes_the_session_it_is_given(self, run_head: Callable[..., list[str]]) -> None:
        session = "11111111-2222-4333-8444-555555555555"
        said = run_head("hello", "default", "standard", "none", session)
        assert said[said.index("-resume") + 1] == session
        assert said[-2] == session

    def test_revision_profile_and_parameters_are_passed_on(self, run_head: Callable[..., list[str]]) -> None:
        said = run_head("hello", "3.14.0", "test,docker", "/mnt/efs/params.json", "new")
        assert said[said.index("-revision") :][:6] == [
            *("-revision", "3.14.0", "-profile", "test,docker", "-params-file", "/mnt/efs/params.json")
        ]

    def test_nextflow_takes_the_session_and_the_name_of_a_run(self, tmp_path: Path) -> None:
        """A new session, then one that no history knows: accepted. Whether finished tasks are found again is for the
        cloud cache plugin to say, which is not on Maven Central."""
        (tmp_path / "here.config").write_text("process.executor = 'local'\n")
        (tmp_path / "main.nf").write_text('workflow { println "session ${workflow.sessionId}" }\n')
        script = (read_script("fetched.sh") + read_script("nextflow_head.sh")).replace(
            "exec nextflow -c context.config", "printf '%s\\n'"
        )
        session = "11111111-2222-4333-8444-555555555555"
        arguments = subprocess.run(
            ["bash", "-c", script, "nextflow", "main.nf", "default", "standard", "none", session],
            env={
                "PATH": os.environ["PATH"],
                "NEXTFLOW_CONFIG": "",
                "AWS_BATCH_JOB_ID": session,
                "TMPDIR": str(tmp_path),
            },
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        assert f"session {session}" in nextflow(
            ["-C", "here.config", *arguments], tmp_path, {"NXF_IGNORE_RESUME_HISTORY": "true", "NXF_UUID": session}
        )


class TestRights:
    def test_head_jobs_register_and_submit_only_definitions_that_nextflow_names(
        self, engine_templates: Templates
    ) -> None:
        template = engine_templates["nextflow"]
        names = "arn:aws:batch:us-east-1:123456789012:job-definition/nf-*"
        assert allowed(template, "HeadRole", "batch:RegisterJobDefinition") == [names]
        queues = [name for name in resources(template, "AWS::Batch::JobQueue") if "TaskQueue" in name]
        assert [one.rsplit("/", 1)[-1] for one in allowed(template, "HeadRole", "batch:SubmitJob")] == [
            *queues,
            "nf-*",
            "*",
        ]

    def test_head_jobs_pass_the_task_role_and_no_other(self, engine_templates: Templates) -> None:
        template = engine_templates["nextflow"]
        assert allowed(template, "HeadRole", "iam:PassRole") == [output(template, "TaskRole")]
        [statement] = [one for one in statements(template, "HeadRole") if one["Action"] == "iam:PassRole"]
        assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}

    def test_data_is_read_and_written_as_the_project_file_says(self, engine_templates: Templates) -> None:
        for role in ("HeadRole", "TaskRole"):
            template = engine_templates["nextflow"]
            assert "arn:aws:s3:::public-references/*" in allowed(template, role, "s3:GetObject")
            assert "arn:aws:s3:::public-references/*" not in allowed(template, role, "s3:PutObject")
            assert "arn:aws:s3:::lab-cohorts/wgs/*" in allowed(template, role, "s3:PutObject")

    def test_every_resource_that_is_written_to_ends_at_a_prefix(self, engine_templates: Templates) -> None:
        for role in ("HeadRole", "TaskRole"):
            for resource in allowed(engine_templates["nextflow"], role, "s3:PutObject"):
                assert resource.endswith(("/nextflow/*", "/nextflow/work/*", "lab-cohorts/wgs/*")), resource


def test_user_data_fits_where_ec2_keeps_it(engine_templates: Templates) -> None:
    for name, template in engine_templates.items():
        if resources(template, "AWS::EC2::LaunchTemplate"):
            assert user_data_size(template) < 16 * 1024, name


def test_the_template_holds_no_other_image(engine_templates: Templates) -> None:
    images = {
        one["Properties"]["ContainerProperties"]["Image"]
        for one in resources(engine_templates["nextflow"], "AWS::Batch::JobDefinition").values()
    }
    assert images == {"docker.io/nextflow/nextflow:25.04.4"}
    assert "latest" not in json.dumps(sorted(images))
