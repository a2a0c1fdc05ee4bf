"""What jobs on the local cloud find on their volumes: their own files, owners as on AWS, and nothing beyond."""

import json
import os
import stat
import sys
from pathlib import Path

import pytest
from batch_fixture import MOUNT
from botocore.exceptions import ClientError

from workflow_stacks.local.batch.job_tags import SCRATCH_BYTES, SOFTWARE
from workflow_stacks.local.batch.volumes import MountError, Volumes

IS_ROOT = os.geteuid() == 0


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
