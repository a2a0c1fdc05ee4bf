"""Nextflow with its work directory in S3 and its own executor for AWS Batch, on the local cloud.

Its plugins are in no package registry: they are made once, as `nextflow_plugins.py` says, and without them no
pipeline runs here.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from local_runs import LocalCommands, deployed, needs_sandbox, project_on
from nextflow_runtime import as_program, has_plugins
from rights import assert_rights

from workflow_stacks.local.engines import ENGINES

PIPELINE = """
process WRITE {
    container 'docker.io/library/debian:12-slim'
    output: path "written.txt"
    script: "echo hello ${params.who} > written.txt"
}
process READ {
    container 'docker.io/library/debian:12-slim'
    publishDir params.outdir, mode: 'copy'
    input: path "written.txt"
    output: path "said.txt"
    script: "tr a-z A-Z < written.txt > said.txt"
}
workflow { READ(WRITE()) }
"""


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCommands]:
    needs_sandbox()
    if not has_plugins():
        pytest.skip("the plugins of Nextflow for S3 and AWS Batch are not here: see tests/nextflow_plugins.py")
    folder = tmp_path_factory.mktemp("nextflow-s3")
    software = as_program(folder / "nextflow", with_plugins=True)
    project = project_on(["S3"], engine="nextflow", language="nextflow")
    command = LocalCommands.of(folder, project, {"main.nf": PIPELINE}, {"S3": software})
    with deployed(command.cloud, command.project_file):
        yield command
        assert_rights(command.cloud, command.project_file)


def said(command: LocalCommands, run: str, folder: Path) -> str:
    code, told = command("outputs", run, "--download", str(folder))
    assert code == 0, told
    [file] = folder.rglob("said.txt")
    return file.read_text()


@pytest.mark.cycle
@pytest.mark.timeout(600)
def test_two_runs_keep_apart_and_a_resumed_one_runs_no_task_again(command: LocalCommands, tmp_path: Path) -> None:
    first = command.succeeded("S3", command.path("main.nf"), "who=one")
    assert first["tasks"] == {"SUCCEEDED": 2}
    second = command.succeeded("S3", command.path("main.nf"), "who=two")
    assert said(command, first["runId"], tmp_path / "first") == "HELLO ONE\n"
    assert said(command, second["runId"], tmp_path / "second") == "HELLO TWO\n"

    code, resumed = command("resume", second["runId"], "--follow")
    assert (code, resumed["state"]) == (0, "SUCCEEDED"), resumed
    assert sum(resumed["tasks"].values()) <= 2
    assert said(command, first["runId"], tmp_path / "again") == "HELLO ONE\n"


def test_without_a_plugin_that_finds_the_local_cloud_it_is_told_what_works(tmp_path: Path) -> None:
    nextflow = ENGINES["nextflow"]
    assert "fsType: EFS" in nextflow.obstacle("", [tmp_path])
    assert nextflow.obstacle("/mnt/efs", [tmp_path]) == ""
    (tmp_path / "nf-amazon-2.15.0").mkdir()
    assert nextflow.obstacle("", [tmp_path]) == ""
