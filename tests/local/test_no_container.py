"""What stands in for `docker` and `singularity` in the sandboxes of Toil's tasks."""

import subprocess
import sys
from pathlib import Path

import pytest

from workflow_stacks.local.engines import no_container


@pytest.fixture
def call(tmp_path: Path):
    for name in no_container.PROGRAMS:
        (tmp_path / name).symlink_to(no_container.__file__)

    def run(program: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(tmp_path / program), *arguments],
            env={"PATH": "/usr/bin:/bin", "OF_THE_WORKER": "secret", **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_a_command_of_docker_finds_its_mounts_its_directory_and_its_environment_alone(call, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "in, put").write_text("hello")
    done = call(
        *("docker", "run", "-i", f"--mount=type=bind,source={tmp_path}/work,target={tmp_path}/inside/out"),
        f'--mount=type=bind,"source={tmp_path}/in, put",target={tmp_path}/inside/in,readonly',
        *(f"--workdir={tmp_path}/inside/out", "--rm", "--env=SAID=a=b", "--entrypoint", "", "debian:12"),
        *("sh", "-c", f'cat {tmp_path}/inside/in >made; echo "$SAID $PWD ${{OF_THE_WORKER-nothing}}"; exit 3'),
    )
    assert done.returncode == 3, done.stderr
    assert done.stdout == f"a=b {tmp_path}/inside/out nothing\n"
    assert (tmp_path / "work" / "made").read_text() == "hello"
    assert not list((tmp_path / "inside").iterdir()), "links are gone afterwards"


def test_a_command_of_singularity_reads_inputs_where_empty_files_were_made_for_them(call, tmp_path: Path) -> None:
    (tmp_path / "work" / "inputs").mkdir(parents=True)
    (tmp_path / "work" / "inputs" / "x").touch()
    (tmp_path / "x").write_text("hello")
    done = call(
        *("singularity", "--verbose", "exec", "--pwd", f"{tmp_path}/box/work", "--containall", "--no-mount", "hostfs"),
        *("--bind", f"{tmp_path}/x:{tmp_path}/box/work/inputs/x:ro", "--bind", f"{tmp_path}/work:{tmp_path}/box/work"),
        *("image.sif", "cat", "inputs/x"),
    )
    assert (done.returncode, done.stdout) == (0, "hello"), done.stderr
    assert (tmp_path / "work" / "inputs" / "x").read_text() == ""


def test_what_it_cannot_do_it_says(call) -> None:
    done = call("docker", "build", ".")
    assert done.returncode == 2
    assert "docker build: jobs run in sandboxes here, which cannot do this" in done.stderr
