"""`workflow-context recommend`."""

import json

from typer.testing import CliRunner

from workflow_context.catalog import ENGINES
from workflow_stacks.cli import app


def run(*args: str):
    return CliRunner().invoke(app, ["recommend", *args])


def test_the_file_systems_stand_side_by_side_with_what_would_change_the_choice():
    outcome = run("--workload", "nfcore-sarek-tumor-normal", "--json")
    told = json.loads(outcome.stdout)
    assert told["recommended"] == told["options"][0]["file_system"]
    assert len(told["options"]) == 7
    assert told["changes_of_mind"]
    assert "readGib" in told["assumed"]


def test_an_engine_limits_the_choice_to_its_file_systems():
    told = json.loads(run("--workload", "gatk-germline-wgs", "--engine", "miniwdl", "--json").stdout)
    assert {option["fsType"] for option in told["options"]} <= set(ENGINES["miniwdl"].storages)


def test_the_table_names_assumptions_dates_and_confidence(monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    outcome = run("--workload", "gatk-germline-wgs")
    assert outcome.exit_code == 0
    assert "What would change this" in outcome.stdout
    assert "are assumed, not measured" in outcome.stdout
    assert "2026-10-08" in outcome.stdout
    assert "price list, second-hand" in outcome.stdout


def test_a_picture_is_written(tmp_path):
    file = tmp_path / "recommend.svg"
    assert run("--workload", "gatk-germline-wgs", "--plot", str(file)).exit_code == 0
    assert "<svg" in file.read_text()


def test_an_unknown_engine_is_refused_with_the_engines():
    outcome = run("--workload", "gatk-germline-wgs", "--engine", "make")
    assert outcome.exit_code == 1
    assert "miniwdl" in outcome.stderr
