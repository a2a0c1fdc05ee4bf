"""ROB-8, ROB-9, ROB-19, ROB-20: deployments that fail, are interrupted, or meet each other."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from workflow_stacks.cli import local
from workflow_stacks.errors import WorkflowContextError
from workflow_stacks.local import LocalCloud
from workflow_stacks.local.cloud.resources import deployed_stacks
from workflow_stacks.local.runs import deployment
from workflow_stacks.local.runs.deployment import LocalDeployment, ended_by_signals
from workflow_stacks.local.runs.progress import Progress


def test_rob_8_a_demo_of_a_project_that_is_not_there_deletes_nothing(tmp_path):
    kept = tmp_path / ".workflow-context" / "local" / "s3" / "bucket"
    kept.mkdir(parents=True)

    with pytest.raises(WorkflowContextError, match="there is no such file"):
        CliRunner().invoke(
            local.app, ["demo", "--project", str(tmp_path / "no-such-file.yaml")], catch_exceptions=False
        )

    assert kept.exists()


@pytest.mark.parametrize(
    ("status", "stands"),
    [
        ("CREATE_COMPLETE", True),
        ("UPDATE_COMPLETE", True),
        ("UPDATE_ROLLBACK_COMPLETE", True),
        ("ROLLBACK_COMPLETE", False),
        ("ROLLBACK_FAILED", False),
        ("CREATE_IN_PROGRESS", False),
        ("REVIEW_IN_PROGRESS", False),
        ("DELETE_FAILED", False),
    ],
)
def test_rob_9_a_stack_that_was_rolled_back_is_not_deployed(status, stands):
    class CloudFormation:
        def get_paginator(self, _):
            return self

        def paginate(self):
            return [{"Stacks": [{"StackName": "Demo-wdl", "StackStatus": status}]}]

    assert deployed_stacks(lambda _: CloudFormation()) == (["Demo-wdl"] if stands else [])


def test_lif_24_a_user_has_stacks_of_his_own_as_on_aws(tmp_path, monkeypatch):
    file = tmp_path / "agc-project.yaml"
    file.write_text("name: Lab\nschemaVersion: 1\ncontexts:\n  wdl: {engines: [{type: wdl, engine: miniwdl}]}\n")
    asked = []

    class Cli:
        def __init__(self, _cloud, *, context, search):
            asked.append(context["user"])
            assert search

        def diff(self, stacks):
            asked.append(stacks)
            return False, ""

    monkeypatch.setattr(deployment, "CdkCli", Cli)
    monkeypatch.setattr(deployment, "deployed_stacks", lambda _: ["Lab-ada-wdl"])

    LocalDeployment(LocalCloud(tmp_path / "cloud"), file, user="ada").diff(["wdl"])

    assert asked == ["ada", ["Lab-ada-wdl"]]


def test_rob_20_one_deployment_of_a_project_at_a_time(tmp_path, capsys):
    cloud = LocalCloud(tmp_path)
    first, second = (LocalDeployment(cloud, tmp_path / "agc-project.yaml", Progress()) for _ in range(2))
    order = []

    def other():
        with second._alone():
            order.append("second")

    with first._alone():
        waiting = threading.Thread(target=other)
        waiting.start()
        time.sleep(0.3)
        order.append("first")
    waiting.join(60)

    assert order == ["first", "second"]
    assert "Waiting for another deployment of this project to end" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=["terminate", "terminal closed"])
def test_rob_19_a_request_to_terminate_cleans_up_as_ctrl_c_does(number):
    before = signal.getsignal(number)

    def told():
        with ended_by_signals():
            os.kill(os.getpid(), number)
            time.sleep(1)

    with pytest.raises(KeyboardInterrupt):
        told()

    assert signal.getsignal(number) == before


def test_rob_19_the_cdk_cli_ends_with_whoever_started_it(tmp_path):
    """After a kill -9 it went on for ten seconds, and no other deployment could begin."""
    script = (
        "import sys; from pathlib import Path; from workflow_stacks.local.cloud.cdk_cli import _stream\n"
        "_stream(['sh', '-c', 'echo $$; exec sleep 60'], {'PATH': '/usr/bin:/bin'}, Path(sys.argv[1]),"
        " lambda line: print(line, flush=True))"
    )
    parent = subprocess.Popen([sys.executable, "-c", script, tmp_path], stdout=subprocess.PIPE, text=True)
    with parent:
        child = Path("/proc", parent.stdout.readline().strip())
        assert child.exists()
        parent.kill()
    deadline = time.monotonic() + 5
    while child.exists() and time.monotonic() < deadline:
        time.sleep(0.02)

    assert not child.exists() or "Z" in child.joinpath("stat").read_text().rpartition(")")[2].split()[0]
