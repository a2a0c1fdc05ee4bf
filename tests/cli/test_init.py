"""`workflow-context init` writes a project that validates, synthesizes and runs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from workflow_context.catalog import ENGINES
from workflow_stacks.cli import app
from workflow_stacks.project import validate_project


def init(*arguments: object):
    return CliRunner().invoke(app, ["init", *map(str, arguments)])


@pytest.mark.parametrize("engine", ENGINES)
def test_the_project_of_each_engine_validates_without_a_problem(engine: str, tmp_path: Path) -> None:
    outcome = init("Lab", "--engine", engine, "--directory", tmp_path)

    assert outcome.exit_code == 0, outcome.output
    project, warnings = validate_project(tmp_path / "agc-project.yaml")
    assert project.name == "Lab"
    assert project.contexts["dev"].engine.engine == engine
    assert (tmp_path / project.workflows["hello"].source_url).is_file()
    assert not [warning for warning in warnings if "credits" not in str(warning)]


def test_the_schema_that_the_project_file_names_for_editors_is_beside_it(tmp_path: Path) -> None:
    init("Lab", "--directory", tmp_path)
    named = (tmp_path / "agc-project.yaml").read_text().splitlines()[0].partition("$schema=")[2]
    assert "contexts" in json.loads((tmp_path / named).read_text())["properties"]


def test_app_and_cdk_json_synthesize_it(tmp_path: Path) -> None:
    init("Lab", "--directory", tmp_path)
    command = json.loads((tmp_path / "cdk.json").read_text())["app"]
    assert command == "python app.py"

    subprocess.run([sys.executable, "app.py"], cwd=tmp_path, check=True, env={"CDK_OUTDIR": str(tmp_path / "cdk.out")})

    assert {file.name for file in (tmp_path / "cdk.out").glob("*.template.json")} == {
        "Lab-core.template.json",
        "Lab-dev.template.json",
    }


@pytest.mark.parametrize(("folder", "name"), [("my-lab 2", "mylab2"), ("2026", "MyProject"), ("42cells", "cells")])
def test_the_name_is_made_of_that_of_the_folder(folder: str, name: str, tmp_path: Path) -> None:
    assert init("--directory", tmp_path / folder).exit_code == 0
    assert validate_project(tmp_path / folder / "agc-project.yaml")[0].name == name


def test_nothing_is_overwritten_and_then_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("mine")

    outcome = init("Lab", "--directory", tmp_path)

    assert outcome.exit_code == 1
    assert "nothing was written: app.py exists already" in outcome.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["app.py"]
    assert (tmp_path / "app.py").read_text() == "mine"


@pytest.mark.parametrize("name", ["2fast", "my-lab", "a" * 65])
def test_a_name_that_no_stack_can_have_is_refused(name: str, tmp_path: Path) -> None:
    outcome = init(name, "--directory", tmp_path)
    assert outcome.exit_code == 1
    assert "is not a valid name" in outcome.stderr
    assert not list(tmp_path.iterdir())


def test_an_engine_that_does_not_exist_is_refused_with_those_that_do(tmp_path: Path) -> None:
    outcome = init("Lab", "--engine", "luigi", "--directory", tmp_path)
    assert outcome.exit_code == 1
    assert "miniwdl, snakemake" in outcome.stderr


def test_a_folder_that_cannot_be_made_is_a_message(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    outcome = init("Lab", "--directory", tmp_path / "file" / "below")
    assert outcome.exit_code == 1
    assert "cannot be written" in outcome.stderr
    assert "Traceback" not in outcome.output
