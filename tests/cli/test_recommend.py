"""`workflow-context recommend`."""

import json
import re

import pytest
from typer.testing import CliRunner

from workflow_context.catalog import ENGINES
from workflow_context.models.workloads import presets
from workflow_stacks.cli import app


def run(*args: str):
    return CliRunner().invoke(app, ["recommend", *args])


def test_the_file_systems_stand_side_by_side_with_what_would_change_the_choice():
    outcome = run("--workload", "nfcore-sarek-tumor-normal", "--json")
    told = json.loads(outcome.stdout)
    assert told["recommended"] == told["options"][0]["fileSystem"]
    assert len(told["options"]) == 9
    assert told["breakPoints"]
    assert "readGib" in told["assumed"]


def test_the_choice_stands_first_with_what_it_is_better_than():
    shown = " ".join(run("--workload", "gatk-bam-to-vcf").stdout.split())
    assert shown.startswith(
        "gatk-bam-to-vcf: EFS bursting, the cheapest of 6 that slow a run by at most 10 %; 1 would slow it more "
    )
    assert "EFS bursting: bursting" not in shown
    assert "EFS provisioned: provisioned 12 MiB/s" in shown


def test_an_engine_limits_the_choice_to_its_file_systems():
    told = json.loads(run("--workload", "gatk-germline-wgs", "--engine", "miniwdl", "--json").stdout)
    assert {option["fsType"] for option in told["options"]} <= set(ENGINES["miniwdl"].storages)


@pytest.mark.parametrize("columns", [80, 160])
@pytest.mark.parametrize("preset", presets())
def test_the_table_names_assumptions_dates_and_confidence_within_the_terminal(preset, columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    outcome = run("--workload", preset)
    assert outcome.exit_code == 0
    assert "What would change the recommendation" in outcome.stdout
    assert "are assumed, not measured" in " ".join(outcome.stdout.split())
    assert re.search(r"^price [a-z]: 2026-10-08, price list, from a public copy$", outcome.stdout, re.MULTILINE)
    assert max(map(len, outcome.stdout.splitlines())) <= columns


def test_every_file_system_has_the_letters_of_its_prices_beside_it_and_each_letter_is_told(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    table, _, below = run("--workload", "nfcore-rnaseq-test-full").stdout.partition(
        "What would change the recommendation"
    )
    rows = [line.split()[-1] for line in table.splitlines() if re.search(r"[0-9.]+x +[a-z]+$", line)]
    told = re.findall(r"^price ([a-z]): (.+), (.+)$", table, re.MULTILINE)
    assert len(rows) == 7
    assert set("".join(rows)) == {letter for letter, _, _ in told}
    assert re.findall(r"^price ([a-z]):", below, re.MULTILINE)


def test_a_picture_is_written(tmp_path):
    file = tmp_path / "recommend.svg"
    assert run("--workload", "gatk-germline-wgs", "--plot", str(file)).exit_code == 0
    assert "<svg" in file.read_text()


def test_an_unknown_engine_is_refused_with_the_engines():
    outcome = run("--workload", "gatk-germline-wgs", "--engine", "make")
    assert outcome.exit_code == 1
    assert "miniwdl" in outcome.stderr
