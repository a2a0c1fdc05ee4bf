"""A package from outside adds a file system and an engine, by its entry points alone: every command knows both."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

EXAMPLE = Path(__file__).parents[1] / "examples" / "own_kinds"
PROJECT = EXAMPLE / "project" / "lab.yaml"

ALL = f"""
import json, sys
from typer.testing import CliRunner
from workflow_stacks.cli import app

def run(*arguments):
    result = CliRunner().invoke(app, [*arguments])
    return {{"code": result.exit_code, "out": result.stdout, "err": result.stderr, "cdk": "aws_cdk" in sys.modules}}

project = ["--project", {str(PROJECT)!r}]
print(json.dumps({{
    "schema": run("schema"),
    "validate": run("validate", *project),
    "list": run("list", *project),
    "describe": run("describe", "zfs", "--json", *project),
    "engines": run("engines", "--json"),
    "table": run("engines", "--markdown"),
    "recommend": run("recommend", "--json", "--workload", "gatk-germline-wgs", "--engine", "cwltool"),
    "cost": run("cost", "zfs", "--json", *project),
    "run": run("cost", "zfs", "--json", "--workload", "gatk-germline-wgs", *project),
    "diagram": run("diagram", "zfs", "--json", *project),
}}))
"""


def install(folder: Path, source: Path) -> dict[str, str]:
    """Make a package importable, with its metadata, as an installer would; return the environment that knows it."""
    project = tomllib.loads((source / "pyproject.toml").read_text())["project"]
    information = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    groups = [
        "\n".join([f"[{group}]", *(f"{name} = {value}" for name, value in points.items())])
        for group, points in project["entry-points"].items()
    ]
    (information / "entry_points.txt").write_text("\n\n".join(groups))
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(source)])}


def python(code: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What every command says when the package is there."""
    done = python(ALL, install(tmp_path_factory.mktemp("site"), EXAMPLE))
    assert done.returncode == 0, done.stderr
    answers: dict[str, dict[str, Any]] = json.loads(done.stdout)
    assert {name: answer["err"] for name, answer in answers.items() if answer["code"]} == {}
    return answers


def test_project_files_are_checked_without_the_cdk(told) -> None:
    for command in ("schema", "validate", "list", "describe", "engines", "table", "recommend"):
        assert not told[command]["cdk"], command


def test_the_schema_knows_both(told) -> None:
    schema = json.loads(told["schema"]["out"])
    assert "cwltool" in schema["$defs"]["Engine"]["properties"]["engine"]["enum"]
    assert "cwl" in schema["$defs"]["Engine"]["properties"]["type"]["enum"]
    assert "#/$defs/OpenZfsSettings" in json.dumps(schema["$defs"]["Engine"]["properties"]["filesystem"])
    assert schema["$defs"]["OpenZfsSettings"]["properties"]["fsType"]["const"] == "FSxOpenZFS"
    assert schema["$defs"]["OpenZfsConfiguration"]["properties"]["storageCapacityGib"]["minimum"] == 64


def test_a_project_that_uses_both_is_valid(told) -> None:
    assert told["validate"]["code"] == 0
    assert "FSxOpenZFS 64 MB/s" in " ".join(told["list"]["out"].split())


def test_describe_shows_its_settings(told) -> None:
    described = json.loads(told["describe"]["out"])
    assert described["engine"] == "cwltool"
    assert described["filesystem"]["configuration"] == {"storageCapacityGib": 512, "throughputMbps": 64}


def test_the_table_of_engines_has_a_row_and_a_column_more(told) -> None:
    by_name = {entry["engine"]: entry for entry in json.loads(told["engines"]["out"])}
    assert by_name["cwltool"]["fsTypes"] == ["EFS", "FSxOpenZFS"]
    assert by_name["snakemake"]["fsTypes"][-1] == "FSxOpenZFS"
    assert "FSxOpenZFS" not in by_name["miniwdl"]["fsTypes"]
    assert "| cwltool | cwl | default | - | - | - | - | yes |" in told["table"]["out"]


def test_recommend_compares_it(told) -> None:
    advice = json.loads(told["recommend"]["out"])
    assert {option["fsType"] for option in advice["options"]} == {"EFS", "FSxOpenZFS"}


def test_cost_prices_it_idle_and_with_a_workload(told) -> None:
    idle = json.loads(told["cost"]["out"])["idle"]["Lab-zfs"]
    assert "FSx for OpenZFS, whole capacity" in json.dumps(idle)
    assert "no price for its throughput" in json.dumps(idle)
    assert "FSx for OpenZFS" not in json.dumps(json.loads(told["run"]["out"])["runs"][0]["standing"])


def test_the_diagram_draws_it(told) -> None:
    nodes = json.loads(told["diagram"]["out"])["nodes"]
    [file_system] = [node for node in nodes if node["kind"] == "filesystem"]
    assert file_system["name"] == "FSx for OpenZFS"
    assert "512 GiB" in file_system["details"]


def test_fails_with_the_name_of_the_package_when_it_cannot_be_imported(tmp_path: Path) -> None:
    broken = tmp_path / "source"
    broken.mkdir()
    (broken / "pyproject.toml").write_text(
        '[project]\nname = "broken-kinds"\nversion = "1"\n'
        '[project.entry-points."workflow_context.engines"]\nnone = "no_such_module:ENGINE"\n'
    )
    environment = install(tmp_path / "site", broken)
    done = python(
        f"import sys; sys.argv = ['x', 'validate', '--project', {str(PROJECT)!r}]; "
        "from workflow_stacks.cli import main; main()",
        environment,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "'none' (workflow_context.engines: no_such_module:ENGINE) of the package broken-kinds" in done.stderr


def test_fails_when_two_packages_add_the_same_engine(tmp_path: Path) -> None:
    environment = install(tmp_path / "site", EXAMPLE)
    twice = tmp_path / "site" / "other-1.dist-info"
    twice.mkdir()
    (twice / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1\n")
    (twice / "entry_points.txt").write_text("[workflow_context.engines]\nmine = other:MINE\n")
    (tmp_path / "site" / "other.py").write_text(
        "from workflow_context.catalog import EngineEntry\nMINE = EngineEntry('cwltool', ('cwl',), 'S3', ('S3',), '')\n"
    )
    done = python("import workflow_context.catalog", environment)
    assert "two engines are named 'cwltool'" in done.stderr
