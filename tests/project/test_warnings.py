"""What a right EFS configuration may surprise with: its bill, its credits, its one zone."""

import json
import re
from textwrap import indent

import pytest
from typer.testing import CliRunner

from workflow_stacks.cli import app
from workflow_stacks.project import Finding, check_project, parse_project


def findings(text: str) -> list[Finding]:
    return check_project(parse_project(text.encode()))


def warnings(found: list[Finding]) -> list[str]:
    assert all(finding.level == "warning" for finding in found)
    return [finding.message for finding in found]


def of_file_system(configuration: str, keys: str = "") -> list[Finding]:
    engine = f"{{type: wdl, engine: miniwdl, filesystem: {{fsType: EFS, configuration: {{{configuration}}}}}}}"
    text = f"name: Test\nschemaVersion: 1\ncontexts:\n  dev:\n    engines: [{engine}]\n"
    return findings(text + indent(keys, "    "))


@pytest.mark.parametrize(("mibps", "count"), [(1024, 0), (1025, 1)])
def test_throughput_above_1024_needs_a_quota(mibps: int, count: int) -> None:
    quota = f"{mibps} MiB/s is more than AWS grants in most Regions"

    found = warnings(of_file_system(f"provisionedThroughput: {mibps}"))
    assert len([each for each in found if each.startswith(quota)]) == count
    assert all("us-east-1, us-east-2, us-west-2, eu-west-1 it grants 3,413" in each for each in found if quota in each)


def test_what_provisioned_throughput_costs_is_a_warning_with_the_date_and_confidence_of_the_price() -> None:
    [finding] = of_file_system("provisionedThroughput: 1024")

    assert finding.message == (
        "1024 MiB/s cost about 6,144 USD a month, used or not (us-east-1, price of 2024-07-01, from a public copy)"
    )
    assert finding.path.endswith("filesystem.configuration.provisionedThroughput")
    assert "throughputMode: elastic" in finding.remedy


@pytest.mark.parametrize(("mibps", "count"), [(1, 0), (16, 0), (17, 1), (100, 1)])
def test_provisioned_throughput_below_100_usd_a_month_is_no_surprise(mibps: int, count: int) -> None:
    assert len(warnings(of_file_system(f"provisionedThroughput: {mibps}"))) == count


@pytest.mark.parametrize(
    ("configuration", "why"), [("", " (bursting throughput is the default)"), ("throughputMode: bursting", "")]
)
def test_credits_that_256_vcpus_use_up_in_a_day_are_a_warning(configuration: str, why: str) -> None:
    [finding] = of_file_system(configuration)

    assert finding.level == "warning"
    assert finding.message == (
        "at full load (256 vCPUs) a nearly empty file system runs out of burst credits in about 12 hours; "
        f"its throughput then drops to 1 MiB/s{why}"
    )
    assert "throughputMode: elastic" in finding.remedy
    assert "Assumed: 0.21 MiB/s read and 0.13 written for each vCPU" in finding.remedy


def test_the_command_that_looks_closer_agrees_with_the_warning() -> None:
    [finding] = of_file_system("throughputMode: bursting")
    assert re.search("it costs [0-9,]+ USD for a day of that", finding.remedy)
    command = finding.remedy.partition("workflow-context ")[2].split()

    told = json.loads(CliRunner().invoke(app, [*command, "--json"]).stdout)

    assert round(told["creditsExhaustedAfterHours"]) == 12


@pytest.mark.parametrize(
    ("configuration", "keys"),
    [
        ("throughputMode: bursting", "maxVCpus: 100"),
        ("throughputMode: elastic", "maxVCpus: 10000"),
        ("provisionedThroughput: 16", "maxVCpus: 10000"),
        ("fileSystemId: fs-01234567, accessPointId: fsap-01234567, securityGroupId: sg-01234567", "maxVCpus: 10000"),
    ],
    ids=["few vCPUs", "elastic", "provisioned", "imported"],
)
def test_credits_are_no_surprise_where_they_last_a_day_do_not_exist_or_are_not_known(
    configuration: str, keys: str
) -> None:
    assert of_file_system(configuration, keys) == []


def test_contexts_that_share_a_surprise_are_named_in_one_warning() -> None:
    text = "name: Test\nschemaVersion: 1\ncontexts:\n"
    text += "".join(f"  c{number}:\n    engines: [{{type: wdl, engine: miniwdl}}]\n" for number in range(6))
    [finding] = findings(text)

    assert finding.path.startswith("contexts.c0.")
    assert finding.message.endswith("(also in c1, c2, c3 and 2 more)")


def test_surprises_wait_until_the_file_has_no_errors() -> None:
    assert {
        finding.level
        for finding in findings(
            "name: Test\nschemaVersion: 1\ncontexts:\n  wrong:\n"
            "    engines: [{type: wdl, engine: miniwdl, filesystem: {fsType: S3}}]\n"
            "  right:\n    engines: [{type: wdl, engine: miniwdl}]\n"
        )
    } == {"error"}


def test_tasks_in_one_zone_are_a_warning() -> None:
    [finding] = of_file_system("throughputMode: elastic, availabilityZone: us-east-1a")

    assert finding.message.startswith("tasks run in us-east-1a only, where the data is")
    assert finding.path.endswith("configuration.availabilityZone")


@pytest.mark.parametrize("fs_type", ["S3", "S3Files", "FSxLustre"])
def test_other_file_systems_do_not_surprise(fs_type: str) -> None:
    text = "name: Test\nschemaVersion: 1\ncontexts:\n  dev:\n    engines: [{type: snakemake, engine: snakemake, "

    assert findings(f"{text}filesystem: {{fsType: {fs_type}}}}}]\n") == []


def test_a_warning_about_a_default_points_to_a_key_that_is_in_the_file() -> None:
    text = "name: Test\nschemaVersion: 1\ncontexts:\n  dev:\n    engines:\n      - type: wdl\n        engine: miniwdl\n"
    [finding] = findings(text)

    assert (finding.line, finding.path) == (6, "contexts.dev.engines[0]")


def test_every_finding_has_the_name_of_its_check() -> None:
    text = (
        "name: Test\nschemaVersion: 1\n"
        "workflows: {w: {type: {language: cwl}, sourceURL: w}}\n"
        "contexts:\n  dev:\n    fallbackToOnDemand: true\n    instanceTypes: [q9.large]\n    engines:\n"
        "      - {type: wdl, engine: miniwdl, filesystem: {fsType: EFS, configuration: "
        "{provisionedThroughput: 2048, availabilityZone: us-east-1a}}}\n"
    )
    assert {finding.check for finding in findings(text)} == {
        "workflows-have-a-context",
        "fallback-goes-with-spot",
        "instance-types-have-a-form",
        "efs-provisioned-quota",
        "efs-provisioned-bill",
        "efs-one-zone",
    }
