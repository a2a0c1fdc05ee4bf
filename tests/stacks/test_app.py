"""From a project file and CDK context keys to stacks."""

import json
import os
import subprocess
import sys
from pathlib import Path

import aws_cdk as cdk
import pytest

from workflow_stacks import WorkflowContextError, build_app

ROOT = Path(__file__).parents[2]
PROJECT = """\
name: Demo
schemaVersion: 1
contexts:
  first: {engines: [{type: wdl, engine: miniwdl, filesystem: {fsType: EFS, configuration: {throughputMode: elastic}}}]}
  second: {engines: [{type: snakemake, engine: snakemake}]}
  open: {usePublicSubnets: true, engines: [{type: wdl, engine: miniwdl}]}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    file = tmp_path / "agc-project.yaml"
    file.write_text(PROJECT)
    return file


def stacks(app) -> list[str]:
    return [child.node.id for child in app.node.children if hasattr(child, "stack_name")]


def test_there_is_a_core_stack_and_one_for_each_context(project: Path) -> None:
    assert stacks(build_app(project)) == ["Demo-core", "Demo-first", "Demo-second", "Demo-open"]


def test_context_keys_choose_project_contexts_and_user(project: Path) -> None:
    app = build_app(context={"project": str(project), "context": "second, first", "user": "ada"})
    assert stacks(app) == ["Demo-core", "Demo-ada-second", "Demo-ada-first"]


def test_a_user_has_a_prefix_of_her_own(project: Path) -> None:
    [_core, first] = build_app(project, contexts=["first"], context={"user": "ada"}).synth().stacks
    assert "/users/ada/first/*" in json.dumps(first.template)


def test_a_project_has_no_nat_gateway_when_told_so(project: Path) -> None:
    core = build_app(project, contexts=["open"], context={"natGateways": "0"}).synth().get_stack_by_name("Demo-core")
    assert "AWS::EC2::NatGateway" not in json.dumps(core.template)


def test_a_private_context_without_a_way_out_is_refused(project: Path) -> None:
    with pytest.raises(WorkflowContextError, match=r"context 'first' runs in private subnets.*-c natGateways=1"):
        build_app(project, contexts=["first"], context={"natGateways": "0"})


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ({"context": "frist"}, "no context 'frist'"),
        ({"user": "ada@example.org"}, "user is 'ada@example.org'; it must be 1 to 32 letters and digits"),
        ({"terminationProtection": "no"}, "terminationProtection is 'no'; it must be 'true' or 'false'"),
        ({"rolePath": "genomics"}, "rolePath is 'genomics'; it must begin and end with a slash"),
        ({"natGateways": "9"}, "natGateways is '9'; it must be 0, 1, 2 or 3"),
        ({"bucketRemovalPolicy": "delete"}, "bucketRemovalPolicy is 'delete'; it must be 'retain' or 'destroy'"),
        ({"subnetIds": "subnet-1"}, "subnetIds are given without the VPC they are in. Add -c vpcId=vpc-"),
        ({"vpcId": "vpc-1"}, "to look up its subnets the account and the region must be known"),
    ],
)
def test_fails_with_what_to_do_when_a_key_is_wrong(project: Path, context: dict[str, str], message: str) -> None:
    with pytest.raises(WorkflowContextError, match=message):
        build_app(project, context=context)


def test_fails_with_the_context_when_a_zone_is_not_known(projects: Path) -> None:
    with pytest.raises(WorkflowContextError, match="context 'oneZone': cannot place anything in zone 'us-east-1b'"):
        build_app(projects / "one-zone.yaml")


def test_cdk_json_has_the_feature_flags_that_templates_rely_on() -> None:
    flags = json.loads((ROOT / "cdk.json").read_text())["context"]
    assert flags["@aws-cdk/core:validateAgainstDefaultRules"] is True
    assert flags["@aws-cdk/aws-batch:defaultToAL2023"] is True


def test_the_flags_hold_when_the_cdk_cli_is_not_there(project: Path) -> None:
    app = build_app(project)
    for flag, value in json.loads((ROOT / "cdk.json").read_text())["context"].items():
        assert app.node.try_get_context(flag) == value


def test_python_app_py_synthesizes_from_the_root(project: Path, tmp_path: Path) -> None:
    environment = os.environ | {
        "CDK_OUTDIR": str(tmp_path / "out"),
        "CDK_CONTEXT_JSON": json.dumps({"project": str(project), "context": "first"}),
    }
    run = subprocess.run([sys.executable, "app.py"], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    assert {path.name for path in (tmp_path / "out").glob("*.template.json")} == {
        "Demo-core.template.json",
        "Demo-first.template.json",
    }


def test_python_app_py_says_what_is_wrong_without_a_traceback(tmp_path: Path) -> None:
    environment = os.environ | {"CDK_CONTEXT_JSON": json.dumps({"project": str(tmp_path / "nowhere.yaml")})}
    run = subprocess.run([sys.executable, "app.py"], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert run.returncode == 1
    assert "nowhere.yaml: error: there is no such file" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_warning_is_acknowledged_by_the_name_of_its_check_and_no_other_with_it(tmp_path: Path) -> None:
    file = tmp_path / "agc-project.yaml"
    efs = "{fsType: EFS, configuration: {provisionedThroughput: 137}}"
    file.write_text(
        "name: Demo\nschemaVersion: 1\nworkflows: {w: {type: {language: cwl}, sourceURL: w}}\n"
        f"contexts: {{dev: {{engines: [{{type: wdl, engine: miniwdl, filesystem: {efs}}}]}}}}\n"
    )
    app = build_app(file, outdir=str(tmp_path / "out"))
    bill = cdk.Acknowledgment(id="workflow-context:efs-provisioned-bill", reason="paid by the grant")
    cdk.Validations.of(app).acknowledge(bill)
    app.synth()
    report = json.loads((tmp_path / "out" / "validation-report.json").read_text())
    rules = {violation["ruleName"] for plugin in report["pluginReports"] for violation in plugin["violations"]}
    ours = {rule for rule in rules if "workflow-context:" in rule}
    assert ours == {"Annotation::workflow-context:workflows-have-a-context"}
