"""`workflow-context local`, as a newcomer types it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from workflow_stacks.cli import local
from workflow_stacks.local import LocalCloud

REPOSITORY = Path(__file__).parents[2]
EXAMPLE = REPOSITORY / "examples" / "demo" / "agc-project.yaml"
COMMAND = [sys.executable, "-c", "from workflow_stacks.cli.local import app; app()"]


@pytest.fixture
def project(tmp_path):
    """The example project in a folder of its own, whose local cloud is stopped afterwards."""
    shutil.copytree(EXAMPLE.parent, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*"))
    yield tmp_path / EXAMPLE.name
    LocalCloud(tmp_path / ".workflow-context" / "local").stop()


@pytest.fixture
def run(project, monkeypatch):
    monkeypatch.chdir(REPOSITORY)

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(local.app, [*arguments, "--project", str(project)], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.stdout

    return run


def test_up_status_down(run, project):
    assert "not running" in run("status")
    up = json.loads(run("up", "--json"))
    assert up["running"] is True
    assert up["state"] == str(project.parent / ".workflow-context" / "local")
    assert up["endpoint"] in run("status")
    assert "Nothing is deployed" in run("resources")
    assert "stopped" in run("down")
    assert json.loads(run("status", "--json"))["running"] is False
    assert "was not running" in run("down", "--delete")
    assert not Path(up["state"]).exists()


@pytest.mark.cycle
def test_deploy_diff_and_destroy_of_one_context(run):
    made = json.loads(run("deploy", "wdlSpot", "--json"))
    assert [stack["stack"] for stack in made] == ["Demo-core", "Demo-wdlSpot"]
    [file_system] = made[1]["fileSystems"]
    assert file_system["throughputMode"] == "elastic"
    assert {environment["type"] for environment in made[1]["computeEnvironments"]} == {"FARGATE", "SPOT", "EC2"}

    assert "No differences" in run("diff", "wdlSpot")
    shown = run("resources")
    assert file_system["id"] in shown
    assert "elastic" in shown

    assert run("destroy").count("Retained bucket: demo-core-") == 2
    assert "nothing yet" in run("status")


@pytest.mark.cycle
def test_the_demo_is_complete_and_leaves_nothing_running(project):
    ended = subprocess.run([*COMMAND, "demo", "--project", project], cwd=REPOSITORY, capture_output=True, text=True)

    assert ended.returncode == 0, ended.stderr
    assert "Demo-wdlSpot (CREATE_COMPLETE)" in ended.stdout
    assert "Demo-snakeOnDemand (CREATE_COMPLETE)" in ended.stdout
    if "was not run" not in ended.stdout:  # a machine without sandboxes, and says so
        assert "The workflow succeeded" in ended.stdout
        assert "variants.cohort  s3://demo-core-bucket" in ended.stdout
    assert _left_running(project.parent) == []


@pytest.mark.cycle
def test_an_interrupted_demo_leaves_nothing_running(project):
    """By Ctrl-C, which a request to terminate becomes: test_local_deployment.py."""
    demo = subprocess.Popen(
        [*COMMAND, "demo", "--project", project],
        cwd=REPOSITORY,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with demo:
        for line in demo.stderr:
            if "Deploying" in line:
                break
        time.sleep(0.5)
        demo.send_signal(signal.SIGINT)
        _, rest = demo.communicate(timeout=90)

    assert demo.returncode != 0
    assert "Traceback" not in rest
    assert _left_running(project.parent) == []


def _left_running(folder: Path) -> list[str]:
    """The processes that work in a folder or know of it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            known = process.joinpath("cmdline").read_bytes() + process.joinpath("environ").read_bytes()
            if process.name != str(os.getpid()) and (
                str(folder).encode() in known or str(folder) in str(process.joinpath("cwd").readlink())
            ):
                found.append(known[:100].decode(errors="replace"))
        except OSError:
            continue
    return found
