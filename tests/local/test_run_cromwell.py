"""`workflow-context local run` with Cromwell's head jobs and tasks, by a stand-in for its jar."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from cromwell_runtime import as_program
from local_runs import deployed, needs_sandbox
from rights import assert_rights
from typer.testing import CliRunner

from workflow_stacks.cli import app as command_line
from workflow_stacks.local import LocalCloud

pytestmark = pytest.mark.cycle

PROJECT = """\
name: Crom
schemaVersion: 1
contexts:
  s3:
    engines: [{type: wdl, engine: cromwell}]
  efs:
    engines: [{type: wdl, engine: cromwell, filesystem: {fsType: EFS}}]
"""
WORKFLOW = "version 1.0\nworkflow hello { input { String name } }\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project, its workflow, and a directory with the stand-in for the jar."""
    needs_sandbox()
    folder = tmp_path_factory.mktemp("cromwell")
    (folder / "agc-project.yaml").write_text(PROJECT)
    (folder / "hello.wdl").write_text(WORKFLOW)
    as_program(folder / "software")
    with deployed(LocalCloud.of_project(folder / "agc-project.yaml"), folder / "agc-project.yaml"):
        yield folder


def run(folder: Path, context: str, *arguments: str):
    more = ["--project", str(folder / "agc-project.yaml"), "--json"]
    return CliRunner().invoke(
        command_line, ["local", "run", context, str(folder / "hello.wdl"), "name=zoe", *arguments, *more]
    )


@pytest.mark.parametrize("context", ["s3", "efs"])
def test_head_job_and_task_run_with_a_jar_that_is_pointed_to(folder: Path, context: str) -> None:
    done = run(folder, context, "--software", str(folder / "software"))

    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout)
    assert result["tasks"] == {"SUCCEEDED": 1}
    [(name, address)] = result["outputs"].items()
    bucket, _, key = address.removeprefix("s3://").partition("/")
    s3 = LocalCloud.of_project(folder / "agc-project.yaml").client("s3")
    assert name == "out"
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"hello zoe\n"


def test_without_the_jar_it_is_said_where_to_put_it(folder: Path) -> None:
    done = run(folder, "s3")

    assert done.exit_code == 1
    assert "chmod +x DIRECTORY/bin/cromwell.jar, and --software DIRECTORY" in done.stderr


def test_roles_did_with_their_rights_what_the_table_says(folder: Path) -> None:
    assert_rights(LocalCloud.of_project(folder / "agc-project.yaml"), folder / "agc-project.yaml")
