"""Which kind of sandbox jobs run in, by what works on this machine and by choice."""

import os
import subprocess
from pathlib import Path

import pytest

from workflow_stacks.local import sandboxes
from workflow_stacks.local.sandboxes import CannotRunError, Mount, SandboxSpec
from workflow_stacks.local.sandboxes.containers import ContainerEngine


@pytest.fixture
def chosen(monkeypatch):
    """Choose a kind of sandbox by the environment."""
    sandboxes.find_sandbox.cache_clear()
    yield lambda name: monkeypatch.setenv(sandboxes.CHOICE, name)
    sandboxes.find_sandbox.cache_clear()


def test_a_machine_without_any_sandbox_says_what_to_install(monkeypatch, chosen):
    monkeypatch.setattr(sandboxes, "_kinds", list)
    chosen("")

    with pytest.raises(CannotRunError, match="Jobs cannot run on this machine"):
        sandboxes.find_sandbox()


def test_the_kind_of_sandbox_can_be_chosen(chosen, kind):
    chosen(kind.name)

    assert sandboxes.find_sandbox().name == kind.name


def test_a_choice_that_does_not_work_is_refused_with_those_there_are(chosen):
    chosen("singularity")

    with pytest.raises(CannotRunError, match="is 'singularity', which does not work on this machine"):
        sandboxes.find_sandbox()


@pytest.mark.parametrize(
    ("answer", "works"),
    [("run) exit 127;;", True), ("run) exit 126;;", False), ("*) exit 1;;", False)],
    ids=["it looks for the program", "it may not run", "no daemon"],
)
def test_a_container_engine_works_when_it_gets_as_far_as_running_something(tmp_path, monkeypatch, answer, works):
    program = tmp_path / "docker"
    program.write_text(f"#!/bin/sh\ncase $1 in {answer} esac\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    assert ContainerEngine("docker").works() is works


def test_the_command_of_a_container_has_what_the_room_has(tmp_path, monkeypatch):
    program = tmp_path / "docker"
    program.write_text('#!/bin/sh\nfor one; do echo "$one"; done\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    engine = ContainerEngine("docker")
    spec = SandboxSpec(
        name="job-1",
        image="quay.io/biocontainers/samtools:1.21",
        command=["samtools", "sort", "x.bam"],
        environment={"PATH": "/ours", "A": "1"},
        mounts=[Mount(Path("/state/efs/x"), "/mnt/efs"), Mount(Path("/data"), "/data", read_only=True)],
        software=[Path("/venv")],
        system={},
        owner=(1000, 1000),
        user=(0, 0),
        scratch=tmp_path,
    )

    told = subprocess.check_output(engine.arguments(spec), text=True).split("\n")

    assert " ".join(told).strip() == (
        "run --rm --name job-1 --network host --user 1000:1000 --volume /state/efs/x:/mnt/efs --volume /data:/data:ro "
        "--env A=1 --env HOME=/tmp -- quay.io/biocontainers/samtools:1.21 samtools sort x.bam"
    )
