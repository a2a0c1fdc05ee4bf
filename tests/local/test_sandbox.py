"""What a job sees of this machine, and what it can do there, in each kind of sandbox."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from workflow_stacks.local.sandboxes import Mount, SandboxSpec, nfs_owner

IS_ROOT = os.geteuid() == 0


@pytest.fixture(params=["as root", "as a user"])
def run(request, kind, tmp_path, monkeypatch):
    """Run a script in a spec; files of the spec belong to user 1000, or to the user who makes it."""
    if request.param == "as root" and not IS_ROOT:
        pytest.skip("only root can choose the owner of files")
    become = []
    if request.param == "as a user" and IS_ROOT:
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        become = ["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups"]
    base = Path("/var/tmp", f"spec-{os.getpid()}-{tmp_path.name}")  # where any user may look
    shared, data = base / "shared", base / "data"
    for folder in (base / "scratch", shared, data):
        folder.mkdir(parents=True)
    (data / "reference").write_text("ACGT\n")
    if IS_ROOT:
        subprocess.run(["chown", "-R", "1000:1000", base], check=True)

    def run(script: str, more_mounts=(), **settings) -> subprocess.CompletedProcess:
        spec = SandboxSpec(
            name="spec",
            image="debian:12-slim",
            command=["bash", "-c", script],
            environment={"PATH": "/usr/bin:/bin", "HOME": "/root", "GREETING": "good day"},
            mounts=[
                Mount(shared, "/mnt/efs"),
                *(Mount(data, target, read_only=True) for target in ("/mnt/data", *more_mounts)),
            ],
            software=[],
            system={},
            owner=(1000, 1000),
            user=settings.pop("user", (0, 0)),
            scratch=base / "scratch",
            **settings,
        )
        command = kind.arguments(spec)
        if IS_ROOT:
            subprocess.run(["chown", "-R", "1000:1000", base / "scratch"], check=True)
        return subprocess.run([*become, *command], capture_output=True, text=True, cwd="/", timeout=60, check=False)

    run.shared = shared
    yield run
    shutil.rmtree(base)


def printed(done: subprocess.CompletedProcess) -> list[str]:
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_room_has_its_mounts_and_no_other_directory_of_this_machine(run):
    assert printed(run("cat /mnt/data/reference; ls /mnt; ls -d /work /var /home /srv 2>/dev/null || :")) == [
        "ACGT",
        "data",
        "efs",
    ]
    assert printed(run("ls -A /root; ls /tmp")) == []


def test_a_room_has_its_environment_and_nothing_of_ours(run, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "production")
    names = {line.partition("=")[0] for line in printed(run("env"))}
    assert names - {"_", "PWD", "SHLVL", "OLDPWD"} == {"PATH", "HOME", "GREETING"}


def test_something_can_be_mounted_among_the_programs_of_this_machine(run):
    inside = "/usr/local/of-the-job"

    assert printed(run(f"cat {inside}/reference; ls -d /usr/local/bin /usr/bin/env", more_mounts=[inside])) == [
        "ACGT",
        "/usr/bin/env",
        "/usr/local/bin",
    ]
    assert not Path(inside).exists()


def test_read_only_means_read_only(run):
    for place in ("/mnt/data/x", "/mnt/data/reference", "/usr/x", "/etc/alternatives/x"):
        done = run(f"echo x > {place}")
        assert done.returncode, place
        assert "Read-only" in done.stderr or "denied" in done.stderr


def test_files_belong_to_the_user_of_the_access_point_while_the_job_is_root(run):
    assert printed(run("id -u; touch /mnt/efs/made; stat -c %u /mnt/efs/made; mkdir /anywhere")) == ["0", "0"]
    assert (run.shared / "made").stat().st_uid == 1000 if IS_ROOT else os.geteuid()
    assert run("chown 5:5 /mnt/efs/made").returncode, "as on EFS"


def test_a_job_can_be_another_user_of_its_image(run):
    assert printed(run("id -u; id -g; touch /mnt/efs/mine /tmp/too", user=(1234, 99))) == ["1234", "99"]


def test_a_room_sees_no_process_but_its_own(run):
    assert int(printed(run("ls /proc | grep -c '^[0-9]'"))[0]) < 8


def test_scratch_is_private_and_can_be_limited(run):
    full = run("dd if=/dev/zero of=/tmp/big bs=1M count=4", scratch_bytes=2**20)
    assert full.returncode
    assert "No space left on device" in full.stderr
    assert printed(run("touch /tmp/x /root/y; ls /tmp")) == ["x"]


def test_process_substitution_and_shared_memory_work(run):
    """miniwdl writes standard error by `2> >(tee …)`."""
    assert printed(run("cat <(echo in); echo out > /dev/shm/x; cat /dev/shm/x; echo > /dev/null")) == ["in", "out"]


def test_the_exit_code_comes_through(run):
    assert run("exit 42").returncode == 42
    assert run("kill -KILL $$").returncode == 137


@pytest.mark.parametrize(
    ("script", "said", "grace"),
    [
        ("trap 'echo cleaned; exit 0' TERM; echo ready; while :; do sleep 0.1; done", ["ready", "cleaned"], 10),
        ("trap '' TERM; echo ready; while :; do sleep 0.1; done", ["ready"], 0.3),
    ],
    ids=["it cleans up", "it does not listen"],
)
def test_a_room_is_ended_kindly_and_then_not(kind, tmp_path, script, said, grace):
    spec = SandboxSpec(
        name="spec",
        image="debian:12-slim",
        command=["bash", "-c", script],
        environment={"PATH": "/usr/bin:/bin"},
        mounts=[],
        software=[],
        system={},
        owner=(1000, 1000),
        user=(0, 0),
        scratch=tmp_path,
    )

    async def run() -> list[str]:
        process = await asyncio.create_subprocess_exec(
            *kind.arguments(spec), stdout=asyncio.subprocess.PIPE, start_new_session=True
        )
        lines = [await process.stdout.readline()]
        await kind.end(process, spec, grace)
        lines += await process.stdout.read(), b""
        await process.wait()
        return b"".join(lines).decode().splitlines()

    assert asyncio.run(run()) == said


@pytest.mark.parametrize("user", [(0, 0), (1234, 99)], ids=["root", "another user"])
def test_a_job_may_open_its_output_again(kind, tmp_path, user):
    base = Path("/var/tmp", f"spec-{os.getpid()}-{tmp_path.name}")  # where any user may look
    spec = SandboxSpec(
        name="spec",
        image="debian:12-slim",
        command=["bash", "-c", "echo this > /dev/stderr; echo that > /dev/stdout"],
        environment={"PATH": "/usr/bin:/bin"},
        mounts=[],
        software=[],
        system={},
        owner=(1000, 1000),
        user=user,
        scratch=base,
    )

    async def run() -> bytes:
        process = await kind.start(spec)
        said = await process.stdout.read()
        await process.wait()
        return said

    try:
        assert asyncio.run(run()) == b"this\nthat\n"
    finally:
        shutil.rmtree(base)


def test_rob_3_a_job_has_no_right_over_its_mounts_and_gains_none(run):
    told = printed(
        run(
            "for m in /usr /mnt/data; do mount -o remount,rw,bind $m 2>/dev/null && echo remounted $m; done; "
            "grep -E '^(NoNewPrivs|CapBnd|CapEff):' /proc/self/status"
        )
    )

    found = dict(line.split(":\t") for line in told)
    assert found["NoNewPrivs"] == "1"
    assert not int(found["CapBnd"], 16) & ((1 << 21) | (1 << 16) | (1 << 27))  # sys_admin, sys_module, mknod
    assert not int(found["CapEff"], 16) & (1 << 21)


@pytest.mark.parametrize("seconds", [0.0, 0.05, 0.1, 0.2, 0.4])
def test_a_job_that_is_watched_is_told_to_end_whenever_that_is(seconds):
    """A signal that came while the watcher waited was heard when the job was over."""
    command = [sys.executable, "-I", "-S", nfs_owner.__file__, "1000", "1000", "/mnt/efs", "--", "sleep", "30"]
    with subprocess.Popen(command) as watched:
        time.sleep(seconds)
        watched.terminate()

        assert watched.wait(25) in (143, -signal.SIGTERM)
