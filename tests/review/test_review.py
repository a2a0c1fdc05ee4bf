"""`workflow-context review`, and `-c nag=` of a synthesis."""

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from workflow_stacks import app as app_module, build_app
from workflow_stacks.cli import app as cli
from workflow_stacks.errors import WorkflowContextError
from workflow_stacks.review import Review
from workflow_stacks.security_packs import PACKS, security_packs

MINIMAL = Path(__file__).parents[1] / "projects" / "minimal.yaml"


def test_an_unknown_pack_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(WorkflowContextError, match=r"'HIPPA': did you mean 'HIPAA'\? .*AwsSolutions, HIPAA, NIST, PCI"):
        security_packs(["HIPPA"])


def test_without_cdk_nag_the_command_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cdk_nag", None)
    with pytest.raises(WorkflowContextError, match=r"pip install 'cdk-workflow-context\[review\]'"):
        security_packs(["HIPAA"])


def test_no_pack_needs_no_cdk_nag(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cdk_nag", None)
    assert security_packs([]) == {}


def test_every_pack_is_there() -> None:
    assert security_packs(PACKS).keys() == PACKS.keys()


def test_a_synthesis_is_held_against_the_packs_that_nag_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Without a reason for it, a finding that is there in every context is open.
    monkeypatch.setattr("workflow_context.bucket.acknowledge", lambda *_: None)
    app = build_app(MINIMAL, context={"nag": "AwsSolutions, HIPAA"}, outdir=str(tmp_path))
    monkeypatch.setattr(app_module, "build_app", lambda: app)
    with pytest.raises(SystemExit) as ended:
        app_module.main()
    assert ended.value.code == 1
    reports = json.loads((tmp_path / "validation-report.json").read_text())["pluginReports"]
    rules = {one["ruleName"].partition("[")[0] for report in reports for one in report["violations"]}
    assert any("S3BucketReplicationEnabled" in rule for rule in rules), rules


def test_the_review_is_json_and_says_which_role_may_do_what(
    reviewed: Review, reviewed_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflow_stacks.review.review", lambda *_: reviewed)
    ran = CliRunner().invoke(cli, ["review", "--json", "--project", str(reviewed_project)])
    assert ran.exit_code == 0
    written = json.loads(ran.stdout)
    assert written["packs"].keys() == PACKS.keys()
    assert not any(pack["open"] for pack in written["packs"].values())
    (role,) = [one for one in written["roles"] if one["stack"] == "Reviewed-wdl" and "ExecutionRole" in one["role"]]
    assert role["assumedBy"] == ["ecs-tasks.amazonaws.com"]
    assert role["assumedIf"] == ["aws:SourceAccount is AccountId"]
    pulls = {
        "service": "Amazon ECR",
        "actions": ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        "resources": ["any Amazon ECR repository of this account and Region"],
        "conditions": [],
    }
    assert pulls in role["permissions"]


def test_an_open_finding_is_printed_and_the_exit_code_is_1(
    reviewed: Review, reviewed_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finding = reviewed.acknowledged[0].finding
    opened = Review(reviewed.packs, [finding], reviewed.acknowledged[1:], reviewed.roles)
    monkeypatch.setattr("workflow_stacks.review.review", lambda *_: opened)
    ran = CliRunner().invoke(cli, ["review", "--project", str(reviewed_project)])
    assert ran.exit_code == 1
    assert f"{finding.pack}: 1 open" in ran.stdout
    assert finding.path in ran.stdout.replace("\n    ", "")


def test_every_role_of_the_templates_is_told(reviewed: Review) -> None:
    told = {(one.stack, one.name) for one in reviewed.roles}
    assert len(told) == len(reviewed.roles)
    for name in ("HeadRole", "ExecutionRole", "InstanceRole"):
        assert any(name in role for stack, role in told if stack == "Reviewed-wdl")
    assert all(one.permissions or one.managed_policies for one in reviewed.roles)


def test_what_a_missing_tag_or_any_account_lets_in_is_said(reviewed: Review) -> None:
    client, machine = (
        next(one for one in reviewed.roles if one.stack == "Reviewed-wdl" and name in one.name)
        for name in ("ClientRole", "ComputeInstanceRole")
    )
    [submit] = [one for one in client.permissions if "batch:SubmitJob" in one.actions]
    assert [one.rpartition(", ")[2] for one in submit.conditions] == ["or is not there"]
    [pull] = [one for one in machine.permissions if "ecr:BatchGetImage" in one.actions]
    assert pull.resources == ["any Amazon ECR repository of any account and any Region"]
