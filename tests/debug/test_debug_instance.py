"""The debug instance: closed to all but Session Manager, on every kind of file system, and gone when nobody uses it."""

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from templates import Template, Templates, only, resources
from test_security_review import findings

from workflow_context import DebugInstance
from workflow_context.models.idle_costs import idle_cost
from workflow_context.models.prices import default_prices
from workflow_context.scripts import read_script
from workflow_stacks import build_app
from workflow_stacks.errors import WorkflowContextError
from workflow_stacks.project import validate_project

SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:objectivefs-license-AbCdEf"
OFS = (
    f"{{fsType: OFS, configuration: {{expectedSizeTb: 35, licenseSecretArn: '{SECRET}', "
    "packageUri: 's3://lab/objectivefs.{arch}.rpm'}}"
)
KINDS = {
    "efs": ("type: wdl, engine: miniwdl", "{fsType: EFS}", "mount.efs"),
    "s3files": ("type: snakemake, engine: snakemake", "{fsType: S3Files}", "mount.s3files"),
    "fsx": ("type: wdl, engine: miniwdl", "{fsType: FSxLustre}", "mount.lustre"),
    "ofs": ("type: wdl, engine: miniwdl", OFS, "mount.objectivefs"),
    "s3": ("type: nextflow, engine: nextflow", "{fsType: S3}", ""),
}


def project(folder: Path) -> Path:
    file = folder / "agc-project.yaml"
    lines = [
        f"  {name}: {{debugInstance: true, browse: true, engines: [{{{engine}, filesystem: {storage}}}]}}"
        for name, (engine, storage, _) in KINDS.items()
    ]
    writing = (
        "{debugInstance: {write: true, idleHours: 8, instanceType: m7g.large}, engines: [{type: wdl, engine: miniwdl}]}"
    )
    file.write_text("\n".join(["name: P", "schemaVersion: 1", "contexts:", *lines, f"  writing: {writing}", ""]))
    return file


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], Templates]:
    """The open findings of cdk-nag, and the templates."""
    folder = tmp_path_factory.mktemp("debug")
    app = build_app(project(folder), outdir=str(folder / "out"))
    found = findings(app, folder / "out")
    stacks = [child for child in app.node.children if isinstance(child, cdk.Stack)]
    return found, {one.stack_name: json.loads((folder / "out" / one.template_file).read_text()) for one in stacks}


@pytest.fixture(scope="module")
def templates(reviewed: tuple[list[str], Templates]) -> dict[str, Template]:
    return {name.removeprefix("P-"): one for name, one in reviewed[1].items() if name != "P-core"}


def user_data(template: Template) -> str:
    return json.dumps(only(template, "AWS::EC2::Instance")["UserData"])


def debug_policy(template: Template) -> list[dict[str, Any]]:
    return [
        statement
        for name, one in resources(template, "AWS::IAM::Policy").items()
        if "DebugRole" in name
        for statement in one["Properties"]["PolicyDocument"]["Statement"]
    ]


def test_cdk_nag_finds_nothing(reviewed: tuple[list[str], Templates]) -> None:
    assert reviewed[0] == []


def test_cfn_lint_finds_nothing(templates: dict[str, Template]) -> None:
    from cfnlint.api import lint

    for template in templates.values():
        assert [str(one) for one in lint(json.dumps(template)) if one.rule.id.startswith("E")] == []


def test_there_is_none_unless_it_is_asked_for(variants: Templates) -> None:
    assert not any(resources(template, "AWS::EC2::Instance") for template in variants.values())


def test_it_has_no_key_no_public_address_and_metadata_by_session_only(templates: dict[str, Template]) -> None:
    for template in templates.values():
        instance = only(template, "AWS::EC2::Instance")
        assert "KeyName" not in instance
        [interface] = instance["NetworkInterfaces"]
        assert interface["AssociatePublicIpAddress"] is False
        assert instance["MetadataOptions"] == {"HttpPutResponseHopLimit": 1, "HttpTokens": "required"}
        assert instance["InstanceInitiatedShutdownBehavior"] == "stop"
        [disk] = instance["BlockDeviceMappings"]
        assert disk["Ebs"]["Encrypted"] is True
        assert disk["Ebs"]["VolumeType"] == "gp3"


def test_nothing_is_let_in_but_the_servers_of_lustre_that_call_back(templates: dict[str, Template]) -> None:
    for name, template in templates.items():
        [group] = [one for one in resources(template, "AWS::EC2::SecurityGroup") if "DebugSecurityGroup" in one]
        inward = [
            one["Properties"]
            for one in resources(template, "AWS::EC2::SecurityGroupIngress").values()
            if one["Properties"]["GroupId"] == {"Fn::GetAtt": [group, "GroupId"]}
        ]
        assert "SecurityGroupIngress" not in resources(template, "AWS::EC2::SecurityGroup")[group]["Properties"]
        assert bool(inward) == (name == "fsx")
        assert all("calling back" in one["Description"] and "SourceSecurityGroupId" in one for one in inward)


def test_its_role_has_systems_manager_and_what_the_mount_needs(templates: dict[str, Template]) -> None:
    for template in templates.values():
        [role] = [
            one["Properties"] for name, one in resources(template, "AWS::IAM::Role").items() if "DebugRole" in name
        ]
        assert "AmazonSSMManagedInstanceCore" in json.dumps(role["ManagedPolicyArns"])
        assert len(role["ManagedPolicyArns"]) == 1
    actions = [action for one in debug_policy(templates["efs"]) for action in one["Action"]]
    assert actions == ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientRootAccess"]
    assert debug_policy(templates["fsx"]) == []


@pytest.mark.parametrize("name", ["efs", "s3files", "ofs", "s3"])
def test_it_may_write_nothing_unless_it_is_asked_for(templates: dict[str, Template], name: str) -> None:
    allowed = json.dumps([one["Action"] for one in debug_policy(templates[name])])
    assert not any(word in allowed for word in ("Write", "Put", "Delete"))


def test_it_may_write_where_it_is_asked_for(templates: dict[str, Template]) -> None:
    assert "ClientWrite" in json.dumps(debug_policy(templates["writing"]))
    assert "READ_ONLY=yes" not in user_data(templates["writing"])


@pytest.mark.parametrize("name", [name for name, (_, _, client) in KINDS.items() if client])
def test_the_file_system_is_mounted_read_only_where_jobs_have_it(templates: dict[str, Template], name: str) -> None:
    path = templates[name]["Outputs"]["MountPath"]["Value"]
    assert f"export MOUNT_PATH={path}" in user_data(templates[name])
    assert "READ_ONLY=yes" in user_data(templates[name])
    assert KINDS[name][2] in user_data(templates[name])


def test_on_s3_nothing_is_mounted_and_the_work_directory_can_be_read(templates: dict[str, Template]) -> None:
    assert "MOUNT_PATH" not in user_data(templates["s3"])
    assert "s3:GetObject" in json.dumps(debug_policy(templates["s3"]))


def test_the_smallest_machine_is_taken_that_the_file_system_fits_on(templates: dict[str, Template]) -> None:
    types = {name: only(template, "AWS::EC2::Instance")["InstanceType"] for name, template in templates.items()}
    # 35 TB of ObjectiveFS take 6 GiB of a machine.
    assert types == dict.fromkeys(KINDS, "t3.small") | {"ofs": "t3.large", "writing": "m7g.large"}


def test_the_time_that_is_written_is_that_after_which_it_stops(templates: dict[str, Template]) -> None:
    assert "IDLE_MINUTES=240" in user_data(templates["efs"])
    assert "IDLE_MINUTES=480" in user_data(templates["writing"])


def test_idle_it_costs_its_disk_alone(templates: dict[str, Template]) -> None:
    estimate = idle_cost(templates["efs"], default_prices())
    [line] = [one for one in estimate.lines if "debug instance" in one.item]
    assert (line.quantity, "0.0208 USD for each hour" in line.item) == (20, True)
    assert not [one for one in estimate.unpriced if "EC2" in str(one)]


def test_somebody_can_be_allowed_to_open_a_shell_and_no_more(tmp_path: Path) -> None:
    app = build_app(project(tmp_path), context={"context": "efs"})
    stack = app.node.find_child("P-efs")
    debug = next(child for child in stack.node.find_all() if isinstance(child, DebugInstance))
    user = iam.User(debug, "User")
    debug.grant_session(user).assert_success()
    template = app.synth().get_stack_by_name("P-efs").template
    [policy] = [one for name, one in resources(template, "AWS::IAM::Policy").items() if "User" in name]
    statements = policy["Properties"]["PolicyDocument"]["Statement"]
    [opening] = [one for one in statements if one["Action"] == "ssm:StartSession"]
    assert opening["Condition"] == {"BoolIfExists": {"ssm:SessionDocumentAccessCheck": "true"}}
    assert "SSM-SessionManagerRunShell" in json.dumps(opening["Resource"])
    assert [one["Action"] for one in statements if one["Resource"] == "*"] == [
        ["ec2:DescribeInstances", "ssm:DescribeInstanceInformation"]
    ]


def test_public_subnets_are_refused_with_what_works_there(tmp_path: Path) -> None:
    file = tmp_path / "agc-project.yaml"
    keys = "debugInstance: true, usePublicSubnets: true, engines: [{type: wdl, engine: miniwdl}]"
    file.write_text(f"name: P\nschemaVersion: 1\ncontexts:\n  one: {{{keys}}}\n")
    with pytest.raises(WorkflowContextError, match="instance of your own"):
        validate_project(file)


@pytest.mark.parametrize("written", ["often", "[true]", "{idleHours: 0}", "{hours: 3}"])
def test_what_is_no_option_is_refused(tmp_path: Path, written: str) -> None:
    file = tmp_path / "agc-project.yaml"
    file.write_text(
        "name: P\nschemaVersion: 1\ncontexts:\n  one:\n"
        f"    debugInstance: {written}\n    engines: [{{type: wdl, engine: miniwdl}}]\n"
    )
    with pytest.raises(WorkflowContextError, match="debugInstance"):
        validate_project(file)


class TestIdleStop:
    """The script of the timer, with stand-ins for the commands of the machine."""

    @pytest.fixture
    def run(self, tmp_path: Path) -> Any:
        folder, calls = tmp_path / "bin", tmp_path / "calls"
        folder.mkdir()
        (tmp_path / "run").mkdir()
        calls.touch()
        texts = {
            "pgrep": '[ -n "${SESSIONS:-}" ]',
            "shutdown": 'echo "shutdown $*" >>"$CALLS"',
            "systemctl": 'echo "systemctl $*" >>"$CALLS"',
        }
        for name, text in texts.items():
            (folder / name).write_text(f"#!/bin/bash\n{text}\n")
            (folder / name).chmod(0o755)

        def start(name: str, **variables: str) -> list[str]:
            settings = {"IDLE_MINUTES": "240", "IDLE_STOP": "/usr/local/sbin/workflow-idle-stop"}
            environment = {"PATH": f"{folder}:{os.environ['PATH']}", "CALLS": str(calls), "ROOT": str(tmp_path)}
            subprocess.run(["bash", "-c", read_script(name, settings)], env={**environment, **variables}, check=True)
            return calls.read_text().splitlines()

        return start

    @staticmethod
    def seen(tmp_path: Path, minutes_ago: int) -> Path:
        mark = tmp_path / "run/workflow-session-seen"
        mark.touch()
        os.utime(mark, (time.time() - minutes_ago * 60,) * 2)
        return mark

    def test_the_time_counts_from_the_boot(self, run: Any, tmp_path: Path) -> None:
        assert run("idle_stop.sh") == []
        assert (tmp_path / "run/workflow-session-seen").exists()

    def test_it_stops_when_no_session_was_open_for_the_time(self, run: Any, tmp_path: Path) -> None:
        self.seen(tmp_path, 241)
        assert run("idle_stop.sh") == ["shutdown -h now"]

    def test_it_goes_on_before_that(self, run: Any, tmp_path: Path) -> None:
        self.seen(tmp_path, 200)
        assert run("idle_stop.sh") == []

    def test_an_open_session_keeps_it_however_long(self, run: Any, tmp_path: Path) -> None:
        mark = self.seen(tmp_path, 10000)
        assert run("idle_stop.sh", SESSIONS="1") == []
        assert time.time() - mark.stat().st_mtime < 3600

    def test_the_timer_runs_at_every_boot(self, run: Any, tmp_path: Path) -> None:
        assert run("idle_timer.sh") == ["systemctl daemon-reload", "systemctl enable --now workflow-idle.timer"]
        units = tmp_path / "etc/systemd/system"
        assert "WantedBy=timers.target" in (units / "workflow-idle.timer").read_text()
        service = (units / "workflow-idle.service").read_text()
        assert "Environment=IDLE_MINUTES=240\nExecStart=/usr/local/sbin/workflow-idle-stop\n" in service


MOUNTED = [kind for kind, (_, _, command) in KINDS.items() if command]


def browse_definition(template: Template) -> dict[str, Any]:
    [found] = [
        one["Properties"]["ContainerProperties"]
        for name, one in resources(template, "AWS::Batch::JobDefinition").items()
        if "Browse" in name
    ]
    return dict(found)


@pytest.mark.parametrize("kind", MOUNTED)
def test_the_job_that_browses_mounts_read_only_on_every_kind(templates: dict[str, Template], kind: str) -> None:
    container = browse_definition(templates[kind])
    [point] = container["MountPoints"]
    assert (point["ReadOnly"], point["SourceVolume"]) == (True, container["Volumes"][0]["Name"])
    assert len(json.dumps(container["Command"])) < 8192


@pytest.mark.parametrize("kind", MOUNTED)
def test_the_role_of_the_job_that_browses_may_write_nowhere(templates: dict[str, Template], kind: str) -> None:
    allowed = {
        action
        for name, one in resources(templates[kind], "AWS::IAM::Policy").items()
        if "BrowserRole" in name
        for statement in one["Properties"]["PolicyDocument"]["Statement"]
        for action in (statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]])
    }
    reading = {"ClientMount", "ClientRootAccess", "GetObject", "GetObjectVersion", "GetObjectTagging", "ListBucket"}
    assert {action.partition(":")[2] for action in allowed} <= reading | {"GetBucketLocation"}


def test_s3_needs_no_job_to_be_browsed(templates: dict[str, Template]) -> None:
    assert "BrowseJobDefinition" not in templates["s3"]["Outputs"]
    assert "BrowseJobDefinition" in templates["efs"]["Outputs"]
