"""`workflow-context cost CONTEXT --workload`: the context that is there."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from workflow_stacks.cli import app

PROJECT = """
name: Estimates
schemaVersion: 1
contexts:
  oneZone:
    instanceTypes: [r5.4xlarge]
    engines:
      - type: wdl
        engine: miniwdl
        filesystem:
          fsType: EFS
          configuration: {availabilityZone: us-east-1a, transitionToIA: AFTER_30_DAYS}
  ofs:
    requestSpotInstances: true
    architecture: arm64
    instanceTypes: [c7g.4xlarge]
    engines:
      - type: nextflow
        engine: nextflow
        filesystem:
          fsType: OFS
          configuration:
            expectedSizeTb: 30
            licenseSecretArn: arn:aws:secretsmanager:us-east-1:123456789012:secret:objectivefs-license-AbCdEf
            packageUri: s3://lab-software/objectivefs-7.2-1.{arch}.rpm
  fsxSmall:
    engines:
      - type: nextflow
        engine: nextflow
        filesystem: {fsType: FSxLustre, configuration: {storageCapacityGib: 1200}}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("estimates") / "agc-project.yaml"
    file.write_text(PROJECT)
    return file


def run(project: Path, *args: str):
    return CliRunner().invoke(app, [*args, "--project", str(project)])


@pytest.fixture(scope="module")
def one_zone(project: Path) -> dict:
    outcome = run(project, "cost", "oneZone", "--workload", "gatk-bam-to-vcf", "--json")
    assert outcome.exit_code == 0, outcome.output
    return json.loads(outcome.stdout)


def test_a_one_zone_context_is_priced_without_an_account(one_zone: dict) -> None:
    [priced] = one_zone["runs"]
    storage = next(line for line in priced["lines"] if line["item"] == "EFS storage")
    assert (priced["fileSystem"], storage["unitPriceUsd"]) == ("EFS One Zone bursting, IA after 30 days", 0.16)
    assert (priced["instanceType"], one_zone["region"]) == ("r5.4xlarge", "us-east-1")


def test_an_objectivefs_context_has_its_machines_its_memory_and_an_unpriced_licence(project: Path) -> None:
    outcome = run(project, "cost", "ofs", "--workload", "gatk-bam-to-vcf", "--json")
    told = json.loads(outcome.stdout)
    [priced] = told["runs"]
    items = [line["item"] for line in priced["lines"]]
    assert "tasks on c7g.4xlarge, Spot" in items
    assert "5 GB more memory for each task" in items
    assert any(item.startswith("head job alone on") for item in items)
    assert told["unpricedCount"] == 1
    assert priced["spotRangeUsd"][0] < priced["usdPerRun"] < priced["spotRangeUsd"][1]


def test_the_bottom_line_says_at_least_and_how_many_are_not_priced(project: Path) -> None:
    outcome = run(project, "cost", "ofs")
    *_, last = [line for line in outcome.stdout.split("\n\n") if line.strip()]
    assert "idle: at least " in last
    assert "1 item not priced" in " ".join(last.split())


def test_a_workload_that_does_not_fit_is_refused_in_a_sentence(project: Path) -> None:
    outcome = run(project, "cost", "fsxSmall", "--workload", "nfcore-sarek-tumor-normal")
    assert outcome.exit_code == 1
    assert "does not fit" in outcome.stderr
    assert "set storageCapacityGib to" in outcome.stderr


def test_recommend_keeps_to_the_engine_and_the_machines_of_a_context(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    outcome = run(project, "recommend", "oneZone", "--workload", "gatk-bam-to-vcf", "--json")
    assert "Acknowledge with" not in outcome.output + capfd.readouterr().err  # nothing of the CDK's own words
    told = json.loads(outcome.stdout)
    assert told["engine"] == "miniwdl"
    assert {option["instanceType"] for option in told["options"]} == {"r5.4xlarge"}
    assert all("miniwdl" in option["engines"] for option in told["options"])


def test_where_nothing_can_be_priced_the_command_fails(tmp_path: Path) -> None:
    file = tmp_path / "huge.yaml"
    file.write_text(
        "name: huge\ninputGib: 1\ntasks: 1\nconcurrency: 1\ntaskHours: 1\ntaskVcpus: 500\ntaskMemoryGib: 9000\n"
    )
    outcome = CliRunner().invoke(app, ["cost", "--workload", str(file)])
    assert outcome.exit_code == 1
    assert "no file system can be priced" in outcome.stderr


@pytest.mark.parametrize("columns", ["60", "80"])
def test_no_number_of_a_table_is_split(columns: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    file = tmp_path / "dear.yaml"
    file.write_text(
        "name: dear\ninputGib: 60000\ntasks: 20000\nconcurrency: 1000\ntaskHours: 20\nrunsPerMonth: 9\n"
        "retentionHours: 720\n"
    )
    told = json.loads(CliRunner().invoke(app, ["recommend", "--workload", str(file), "--json"]).stdout)
    printed = CliRunner().invoke(app, ["recommend", "--workload", str(file)]).stdout
    for option in told["options"]:
        assert f"{option['usdPerMonth']:,.2f}" in printed
        assert f"{option['usdPerRun']:,.2f}" in printed
    assert max(map(len, printed.splitlines())) <= int(columns)


def test_presets_are_named_in_the_help() -> None:
    for command in ("cost", "recommend"):
        said = "".join(CliRunner().invoke(app, [command, "--help"]).stdout.split())
        assert "gatk-germline-wgs" in said.replace("│", "")
