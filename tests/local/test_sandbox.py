"""What a job sees of this machine, and what it can do there: in each kind of sandbox, and on the local cloud."""

import asyncio
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from batch_fixture import MOUNT
from botocore.exceptions import ClientError

from workflow_stacks.local import sandboxes
from workflow_stacks.local.batch.job_tags import SCRATCH_BYTES, SOFTWARE
from workflow_stacks.local.batch.volumes import MountError, Volumes
from workflow_stacks.local.sandboxes import CannotRunError, Mount, SandboxSpec, nfs_owner
from workflow_stacks.local.sandboxes.bubblewrap import Bubblewrap
from workflow_stacks.local.sandboxes.containers import ContainerEngine
from workflow_stacks.local.sandboxes.unshare import Unshare

IS_ROOT = os.geteuid() == 0


@pytest.fixture(params=[Bubblewrap(), Unshare()], ids=lambda kind: kind.name)
def kind(request):
    if not request.param.works():
        pytest.skip(f"{request.param.name} does not work on this machine")
    return request.param


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
        return subprocess.run([*become, *command], capture_output=True, text=True, cwd="/", timeout=20, check=False)

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


def test_a_job_cannot_see_the_files_of_another_context_nor_anything_outside_its_access_point(lab):
    other = lab.new_definition(volumes=[lab.volume(lab.new_access_point("/other"))])
    secret = Path.home() / ".lab-secret"
    lab.run(f"echo ours > {MOUNT}/ours")
    lab.run(f"echo theirs > {MOUNT}/theirs; ln -s ../lab/ours {MOUNT}/way", definition=other)
    root = lab.cloud.state_dir / "efs" / lab.file_system

    job = lab.run(
        f"ls {MOUNT}; cat {MOUNT}/way {MOUNT}/../lab/ours {root}/lab/ours; ls {secret.parent} {lab.cloud.state_dir}; "
        f"find / -xdev -name ours 2>/dev/null; [ -e {lab.cloud.state_dir} ] && echo visible",
        definition=other,
    )

    seen = [line for line in lab.log(job) if "No such file" not in line and "cannot access" not in line]
    assert [line for line in seen if line != f"{secret.parent}:"] == ["theirs", "way"]
    assert sorted(one.name for one in root.iterdir()) == ["lab", "other"]


@pytest.mark.skipif(not IS_ROOT, reason="only root can choose the owner of files")
def test_an_access_point_has_its_own_user_and_permissions(lab):
    user = {"Uid": 2001, "Gid": 2002}
    definition = lab.new_definition(volumes=[lab.volume(lab.new_access_point("/mine", user))])

    lab.run(f"touch {MOUNT}/file", definition=definition)

    folder = lab.cloud.state_dir / "efs" / lab.file_system / "mine"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o750
    assert [(one.stat().st_uid, one.stat().st_gid) for one in (folder, folder / "file")] == [(2001, 2002)] * 2


TAR = f"cd {MOUNT}; echo x > owned; tar --owner=0 --group=0 -cf owned.tar owned; tar -xf owned.tar; echo tar $?"


def test_aws_7_root_cannot_unpack_an_archive_of_root_where_the_access_point_has_another_user(lab):
    job = lab.run(f"{TAR}; chown 1000:1000 owned; echo own $?; touch /tmp/f; chown 0:0 /tmp/f; echo elsewhere $?")

    said = lab.log(job)
    assert "tar: owned: Cannot change ownership to uid 0, gid 0: Operation not permitted" in said
    assert [line for line in said if line.startswith(("tar ", "own ", "elsewhere "))] == [
        "tar 2",
        "own 0",
        "elsewhere 0",
    ]


def policy(*actions):
    allowed = [f"elasticfilesystem:{action}" for action in actions]
    statement = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": allowed, "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.mark.parametrize(
    ("actions", "said"),
    [
        (("ClientMount", "ClientWrite", "ClientRootAccess"), ["tar 0", "given 0"]),
        (("ClientMount", "ClientWrite"), ["refused"]),
    ],
    ids=["trusted", "squashed"],
)
def test_aws_7_root_of_an_access_point_may_give_files_away_where_the_file_system_trusts_it(lab, actions, said):
    efs = lab.cloud.client("efs")
    file_system = efs.create_file_system()["FileSystemId"]
    efs.put_file_system_policy(FileSystemId=file_system, Policy=policy(*actions))
    point = efs.create_access_point(
        FileSystemId=file_system,
        PosixUser={"Uid": 0, "Gid": 0},
        RootDirectory={"Path": "/work", "CreationInfo": {"OwnerUid": 0, "OwnerGid": 0, "Permissions": "755"}},
    )["AccessPointId"]
    volume = lab.volume(point)
    volume["efsVolumeConfiguration"]["fileSystemId"] = file_system
    definition = lab.new_definition(volumes=[volume])

    job = lab.run(
        f"touch {MOUNT}/x || {{ echo refused; exit 1; }}; {TAR}; chown 4:4 owned; echo given $?", definition=definition
    )

    assert [line for line in lab.log(job) if line.startswith(("tar ", "given ", "refused"))] == said


def test_a_job_that_is_watched_ends_as_it_would_alone(lab):
    assert lab.run("exit 7")["container"]["exitCode"] == 7
    assert lab.run("kill -9 $$")["container"]["exitCode"] == 137


def test_rob_3_a_link_on_a_volume_leads_nowhere_else(lab, tmp_path):
    secret = tmp_path / "secret"
    secret.mkdir()
    whole = lab.new_definition(volumes=[{"name": "shared", "host": {"sourcePath": "/mnt/ofs"}}])
    lab.run(f"ln -s {secret} {MOUNT}/link", definition=whole)

    job = lab.run(
        "true", definition=lab.new_definition(volumes=[{"name": "shared", "host": {"sourcePath": "/mnt/ofs/link"}}])
    )

    assert job["status"] == "FAILED"
    assert "leads out of its file system" in job["container"]["reason"]


def test_rob_3_a_link_on_a_file_system_is_no_root_directory(lab, tmp_path):
    lab.run(f"ln -s {tmp_path} {MOUNT}/away")
    efs = {"fileSystemId": lab.file_system, "rootDirectory": "/lab/away"}

    job = lab.run("true", definition=lab.new_definition(volumes=[{"name": "shared", "efsVolumeConfiguration": efs}]))

    assert "leads out of its file system" in job["container"]["reason"]


@pytest.mark.parametrize("role", ["x/..", "x/.", "a b", "x/../.."])
def test_rob_3_a_machine_has_a_name_and_no_path(tmp_path, role):
    volumes = Volumes(tmp_path, lambda _: True, lambda _: None, lambda _: "")
    container = {
        "volumes": [{"name": "shared", "host": {"sourcePath": "/data"}}],
        "mountPoints": [{"sourceVolume": "shared", "containerPath": "/data"}],
    }
    environment = {"computeEnvironmentName": "ce", "computeResources": {"instanceRole": role}}

    with pytest.raises(MountError, match="is no name of an instance profile"):
        volumes.of_job(container, environment, tmp_path / "scratch")


def test_rob_3_a_job_cannot_choose_the_software_of_the_jobs_it_submits(lab):
    with (
        lab.as_job() as head,
        pytest.raises(ClientError, match="Tags that begin with local: are given by the local cloud alone"),
    ):
        head.client.submit_job(
            jobName="child", jobQueue=lab.queue, jobDefinition=lab.definition, tags={SOFTWARE: str(Path.home())}
        )


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


def test_a_read_only_mount_of_a_definition_is_read_only(lab):
    point = {"sourceVolume": "shared", "containerPath": MOUNT, "readOnly": True}

    job = lab.run(f"touch {MOUNT}/x", definition=lab.new_definition(mountPoints=[point]))

    assert "Read-only file system" in lab.log(job)[0]


def test_directories_of_an_instance_are_shared_by_the_jobs_on_it(lab):
    definition = lab.new_definition(volumes=[{"name": "shared", "host": {"sourcePath": "/mnt/ofs"}}])
    lab.run(f"echo kept > {MOUNT}/file", definition=definition)

    assert lab.log(lab.run(f"cat {MOUNT}/file", definition=definition)) == ["kept"]


@pytest.mark.parametrize(
    ("volume", "reason"),
    [
        ({"efsVolumeConfiguration": {"fileSystemId": "fs-0"}}, "fs-0 does not exist"),
        ({"efsVolumeConfiguration": {"authorizationConfig": {"accessPointId": "fsap-0"}}}, "no access point fsap-0"),
    ],
    ids=["file system", "access point"],
)
def test_a_volume_that_does_not_exist_keeps_the_job_from_starting(lab, volume, reason):
    efs = {"fileSystemId": lab.file_system, **volume["efsVolumeConfiguration"]}
    definition = lab.new_definition(volumes=[{"name": "shared", "efsVolumeConfiguration": efs}])

    job = lab.run("true", definition=definition)

    assert job["status"] == "FAILED"
    assert reason in job["container"]["reason"]


def test_a_job_that_fills_its_scratch_is_told_so(lab):
    """EFS grows without end; what fills is the disk of the instance."""
    job = lab.run(
        "dd if=/dev/zero of=/tmp/big bs=1M count=4 2>&1 | grep -o 'No space.*'", tags={SCRATCH_BYTES: "1048576"}
    )

    assert lab.log(job) == ["No space left on device"]


def test_the_programs_of_this_python_are_there_and_cannot_be_changed(lab):
    job = lab.run(f"command -v python3; touch {sys.prefix}/x 2>/dev/null || echo refused")

    assert lab.log(job) == [f"{sys.prefix}/bin/python3", "refused"]


@pytest.mark.parametrize("seconds", [0.0, 0.05, 0.1, 0.2, 0.4])
def test_a_job_that_is_watched_is_told_to_end_whenever_that_is(seconds):
    """A signal that came while the watcher waited was heard when the job was over."""
    command = [sys.executable, "-I", "-S", nfs_owner.__file__, "1000", "1000", "/mnt/efs", "--", "sleep", "30"]
    with subprocess.Popen(command) as watched:
        time.sleep(seconds)
        watched.terminate()

        assert watched.wait(5) in (143, -signal.SIGTERM)
