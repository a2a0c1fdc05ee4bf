"""`workflow-context shell`: the stopped machine is started, waited for, and opened by the AWS CLI."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from workflow_stacks.errors import WorkflowContextError
from workflow_stacks.project import load_project
from workflow_stacks.runs.debug_instance import debug_instance_of, session_command, wait_until_ready
from workflow_stacks.runs.target import Target


class Machine:
    """EC2 and Systems Manager, as far as they know of one instance: its states, one after the other."""

    meta = SimpleNamespace(region_name="eu-west-1")

    def __init__(self, *states: str) -> None:
        self.states: Iterator[str] = iter(states)
        self.state = ""
        self.started: list[str] = []

    def describe_instances(self, **_: Any) -> Any:
        self.state = next(self.states, self.state)
        name = self.state.removesuffix("+online")
        return {"Reservations": [{"Instances": [{"State": {"Name": name}}]}]}

    def start_instances(self, *, InstanceIds: list[str]) -> None:  # noqa: N803  as boto3 has it
        self.started += InstanceIds

    def describe_instance_information(self, **_: Any) -> Any:
        return {"InstanceInformationList": [{"PingStatus": "Online"}] if self.state.endswith("+online") else []}


@pytest.fixture
def target(tmp_path: Path) -> Any:
    file = tmp_path / "agc-project.yaml"
    file.write_text("name: P\nschemaVersion: 1\ncontexts:\n  one: {engines: [{type: wdl, engine: miniwdl}]}\n")

    def make(machine: Machine, **outputs: str) -> Target:
        return Target(lambda _: machine, load_project(file), file, "one", "", outputs)

    return make


def wait(target: Target, seconds: float = 0) -> list[str]:
    said: list[str] = []
    times = iter(range(0, 100000, max(1, round(seconds))))
    wait_until_ready(target, "i-1", say=said.append, sleep=lambda _: None, clock=lambda: float(next(times)))
    return said


def test_a_stopped_machine_is_started_and_waited_for(target: Any) -> None:
    machine = Machine("stopping", "stopped", "pending", "running", "running+online")
    said = wait(target(machine))
    assert machine.started == ["i-1"]
    assert [line.partition(" is ")[2] for line in said] == [
        "stopping …",
        "starting …",
        "pending …",
        "running, and not yet under Systems Manager …",
    ]


def test_a_machine_that_runs_is_opened_at_once(target: Any) -> None:
    machine = Machine("running+online")
    assert wait(target(machine)) == []
    assert machine.started == []


def test_one_that_does_not_come_up_ends_the_wait_with_what_may_be_missing(target: Any) -> None:
    with pytest.raises(WorkflowContextError, match="NAT gateway or interface endpoints"):
        wait(target(Machine("running")), seconds=200)


def test_one_that_is_gone_is_told(target: Any) -> None:
    with pytest.raises(WorkflowContextError, match="deploy the context again"):
        wait(target(Machine("terminated")))


def test_a_context_without_one_is_told_how_to_get_it(target: Any) -> None:
    with pytest.raises(WorkflowContextError, match="debugInstance: true"):
        debug_instance_of(target(Machine()))


def commands(folder: Path, *names: str) -> str:
    for name in names:
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o755)
    return str(folder)


def test_what_is_not_installed_is_named_with_where_to_get_it(
    target: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", commands(tmp_path))
    with pytest.raises(WorkflowContextError, match=r"AWS CLI .*install"):
        session_command(target(Machine()), "i-1")
    commands(tmp_path, "aws")
    with pytest.raises(WorkflowContextError, match=r"session-manager-plugin.*https://docs"):
        session_command(target(Machine()), "i-1")
    commands(tmp_path, "session-manager-plugin")
    assert session_command(target(Machine()), "i-1") == (
        ["aws", "ssm", "start-session", "--region", "eu-west-1", "--target", "i-1"]
    )
