"""SnakemakeEngine: what the templates say, on a mounted file system and on S3."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from policies import may
from rendered import allowed, deployed, environment, head_container, output, statements, submission
from templates import Template, Templates, resources

from workflow_context.engines.bundled_plugin import bundled_plugin
from workflow_context.program import archive, head_files
from workflow_context.scripts import read_script

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def mounted(variants: Templates) -> Template:
    return variants["Variants-snakemake"]


@pytest.fixture(scope="module")
def on_s3(storages: Templates) -> Template:
    return storages["Storages-s3"]


def definitions(template: Template) -> list[dict[str, Any]]:
    return [one["Properties"] for one in resources(template, "AWS::Batch::JobDefinition").values()]


class TestPlugin:
    def test_is_the_one_that_was_tried(self) -> None:
        assert version("snakemake-executor-plugin-cluster-generic") == "1.0.9"

    def test_comes_with_its_licence(self) -> None:
        [text] = [text for name, text in bundled_plugin().items() if name.endswith("LICENSE")]
        assert "Permission is hereby granted" in text

    def test_snakemake_finds_it_where_head_jobs_have_it(self, tmp_path: Path) -> None:
        for name, text in bundled_plugin().items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        code = (
            "from snakemake_interface_executor_plugins.registry import ExecutorPluginRegistry as Registry\n"
            "import sys, snakemake_executor_plugin_cluster_generic as found\n"
            "print(found.__file__, Registry().is_installed('cluster-generic'))"
        )
        said = subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONPATH": str(tmp_path / "plugins")},
            capture_output=True,
            text=True,
            check=True,
        )
        assert said.stdout.split() == [str(tmp_path / next(iter(bundled_plugin()))), "True"]


class TestMounted:
    def test_head_jobs_start_with_their_script_and_the_plugin(self, mounted: Template) -> None:
        parts = ("front_end.sh", "snakemake_sources.sh", "snakemake_shared_head.sh")
        program = {
            **head_files(parts),
            "job_status.sh": read_script("job_status.sh"),
            **bundled_plugin(),
        }
        assert hashlib.sha256(archive(program)).hexdigest() in environment(mounted)["WORKFLOW_PROGRAM"]

    def test_the_command_has_the_parameters(self, mounted: Template) -> None:
        [definition] = [
            one for one in definitions(mounted) if "Ref::snakefile" in one["ContainerProperties"]["Command"]
        ]
        assert definition["ContainerProperties"]["Command"][3:] == [
            "head",
            *(f"Ref::{name}" for name in ("snakefile", "directory", "jobs", "options")),
        ]
        assert set(definition["Parameters"]) == {"snakefile", "directory", "jobs", "options"}

    def test_tasks_have_the_mount_and_the_cache_of_the_head_job(self, mounted: Template) -> None:
        [task] = [one for one in definitions(mounted) if str(one.get("JobDefinitionName", "")).endswith("-fe-tasks")]
        container = task["ContainerProperties"]
        assert [one["ContainerPath"] for one in container["MountPoints"]] == ["/mnt/efs"]
        found = {one["Name"]: one["Value"] for one in container["Environment"]}
        assert found["XDG_CACHE_HOME"] == environment(mounted)["XDG_CACHE_HOME"] == "/mnt/efs/snakemake/cache"
        assert "WORKFLOW_PROGRAM" not in found

    def test_head_jobs_submit_only_to_the_queues_of_the_context_with_its_definitions(self, mounted: Template) -> None:
        found = allowed(mounted, "HeadRole", "batch:SubmitJob")
        name = environment(mounted)["WORKFLOW_CONTEXT"]
        queues = {output(mounted, one) for one in ("TaskQueue", "FallbackQueue")}
        assert {one for one in found if ":job-definition/" not in one and ":job/" not in one} <= {
            *queues,
            output(mounted, "HeadQueue"),
        }
        assert [one for one in found if ":job-definition/" in one][-1].endswith(f"/{name}-fe-*")

    def test_head_jobs_end_only_jobs_of_the_context(self, mounted: Template) -> None:
        [ending] = [one for one in statements(mounted, "HeadRole") if one.get("Sid") == "EndOwnTasks"]
        name = environment(mounted)["WORKFLOW_CONTEXT"]
        assert ending["Condition"] == {"StringEquals": {"aws:ResourceTag/workflow-context": name}}

    def test_head_jobs_read_the_logs_of_the_context_and_no_others(self, mounted: Template) -> None:
        [group] = resources(mounted, "AWS::Logs::LogGroup")
        assert [group in one for one in allowed(mounted, "HeadRole", "logs:GetLogEvents")] == [True]

    def test_head_jobs_pass_the_roles_of_tasks_and_no_others(self, mounted: Template) -> None:
        roles = allowed(mounted, "HeadRole", "iam:PassRole")
        assert len(roles) == 2
        assert {"TaskRole" in one or "ExecutionRole" in one for one in roles} == {True}

    def test_a_client_is_told_how_to_submit(self, mounted: Template) -> None:
        options = submission(mounted)
        assert options["--job-definition"] == output(mounted, "HeadJobDefinition")
        assert options["--job-queue"] == output(mounted, "HeadQueue")
        assert json.loads(options["--parameters"])["directory"] == "/mnt/efs/snakemake/work"


class TestS3:
    def test_the_plugin_is_told_of_queue_role_and_place(self, on_s3: Template) -> None:
        command = [deployed(part) for part in head_container(on_s3)["Command"]]
        options = dict(zip(command[8::2], command[9::2], strict=True))
        assert options["--executor"] == "aws-batch"
        assert options["--aws-batch-job-queue"] == output(on_s3, "TaskQueue")
        assert options["--default-storage-provider"] == "s3"
        assert options["--shared-fs-usage"] == "none"

    def test_head_jobs_start_with_what_fetches_the_workflow_and_not_the_plugin(self, on_s3: Template) -> None:
        program = hashlib.sha256(archive(head_files(("snakemake_sources.sh", "snakemake_head.sh")))).hexdigest()
        assert program in environment(on_s3)["WORKFLOW_PROGRAM"]

    def test_both_may_ask_whether_the_bucket_is_there(self, on_s3: Template) -> None:
        """AWS-2 (i): HeadBucket names no prefix; on 403 the storage plugin tries to make the bucket."""
        bucket = environment(on_s3)["WORKFLOW_HOME"].removeprefix("s3://").partition("/")[0]
        for role in ("HeadRole", "TaskRole"):
            listed = [one for one in allowed(on_s3, role, "s3:ListBucket") if may(on_s3, role, "s3:ListBucket", one)]
            assert [one for one in listed if bucket in one]

    def test_a_rule_may_run_for_a_week(self, on_s3: Template) -> None:
        """AWS-2 (iii): the plugin ends tasks after five minutes when it is told nothing."""
        assert self.options(on_s3)["--aws-batch-task-timeout"] == "604800"

    def test_tasks_run_in_the_image_of_the_head_job_and_its_region(self, on_s3: Template) -> None:
        options = self.options(on_s3)
        assert options["--container-image"] == head_container(on_s3)["Image"]
        assert options["--storage-s3-region"] == "us-east-1"

    def test_head_jobs_submit_and_register_only_definitions_that_the_plugin_names(self, on_s3: Template) -> None:
        names = [one for one in allowed(on_s3, "HeadRole", "batch:SubmitJob") if ":job-definition/" in one]
        assert [one.rpartition("/")[2] for one in names] == ["snakejob-def-*"]
        assert allowed(on_s3, "HeadRole", "batch:RegisterJobDefinition") == names

    @pytest.mark.parametrize("installed", [True, False])
    def test_plugins_are_installed_by_version_where_the_image_has_none(
        self, on_s3: Template, tmp_path: Path, installed: bool
    ) -> None:
        """AWS-2 (iv), and (ii): an object is there, so that no run finds the bucket empty and deletes it."""
        fakes = {
            "python": '#!/bin/sh\nprintf "%s " python "$@" >>calls\n'
            f'case "$2" in "import snakemake_ex"*) exit {0 if installed else 1} ;; esac\n',
            "snakemake": '#!/bin/sh\nprintf "%s " snakemake "$@" >>calls\n',
        }
        for name, text in fakes.items():
            (tmp_path / name).write_text(text)
            (tmp_path / name).chmod(0o755)
        script = "".join(map(read_script, ("snakemake_sources.sh", "snakemake_head.sh")))
        told = {name: environment(on_s3)[name] for name in ("SNAKEMAKE_PLUGINS", "WORKFLOW_HOME")}
        subprocess.run(
            ["bash", "-c", script, "head", "Snakefile", str(tmp_path), "3", "none", "--executor", "aws-batch"],
            env={**told, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
            check=True,
        )
        calls = (tmp_path / "calls").read_text()
        wanted = "snakemake-executor-plugin-aws-batch==0.2.1 snakemake-storage-plugin-s3==0.3.6"
        assert (wanted in calls) == (not installed)
        assert calls.index("/.keep") < calls.index("snakemake --snakefile Snakefile --executor aws-batch --jobs 3")
        assert told["WORKFLOW_HOME"].startswith("s3://")

    def options(self, template: Template) -> dict[str, str]:
        """What Snakemake is told of the context."""
        command = [deployed(part) for part in head_container(template)["Command"]]
        return dict(zip(command[8::2], command[9::2], strict=True))

    def test_no_tasks_of_the_front_end_are_allowed_for(self, on_s3: Template) -> None:
        assert "WORKFLOW_CONTEXT" not in environment(on_s3)
        assert allowed(on_s3, "HeadRole", "logs:GetLogEvents") == []


class TestOptions:
    """What the parameter `options` means."""

    @pytest.fixture
    def run(self, tmp_path: Path) -> Run:
        """Run lines of shell behind `snakemake_sources.sh`."""

        def call(lines: str, *arguments: str) -> subprocess.CompletedProcess[str]:
            script = f"python={sys.executable}\n{read_script('snakemake_sources.sh')}\n{lines}"
            return subprocess.run(
                ["bash", "-c", script, "bash", *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
            )

        return call

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ("none", []),
            ("all --config 'name=two words' b=$(id)", ["all", "--config", "name=two words", "b=$(id)"]),
            ("-n", ["-n"]),
            ("'x=1\n--executor' local", ["x=1\n--executor", "local"]),
            ("''", [""]),
        ],
    )
    def test_options_are_words_that_no_shell_reads(self, run: Run, options: str, words: list[str]) -> None:
        said = run('arguments=(); read_options "$1"; printf "<%s>" "${arguments[@]}"', options)
        assert said.stdout == "".join(f"<{word}>" for word in words or [""])

    def test_options_that_are_not_closed_are_refused(self, run: Run) -> None:
        said = run('arguments=(); read_options "$1"; echo reached', "--config 'a=b")
        assert said.returncode != 0
        assert "No closing quotation" in said.stderr
        assert "reached" not in said.stdout

    def test_a_path_of_a_snakefile_is_left_as_it_is(self, run: Run) -> None:
        said = run('snakefile=$1; fetch_snakefile; echo "$snakefile"', "/mnt/efs/a/Snakefile")
        assert said.stdout == "/mnt/efs/a/Snakefile\n"
