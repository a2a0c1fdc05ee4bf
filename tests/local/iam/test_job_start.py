"""File systems are mounted as their policy and the policies of roles say.

https://docs.aws.amazon.com/efs/latest/ug/iam-access-control-nfs-efs.html
"""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from workflow_stacks.local.batch.volumes import SQUASHED, Volumes
from workflow_stacks.local.iam.authorizer import Authorizer
from workflow_stacks.local.iam.credentials import Credentials
from workflow_stacks.local.iam.deployed import Role
from workflow_stacks.local.iam.job_start import (
    ClientRights,
    FileSystemClient,
    Identity,
    JobStart,
    StartRefusedError,
)
from workflow_stacks.local.iam.principals import Principal

ACCOUNT, REGION = "111122223333", "us-east-1"
EFS = f"arn:aws:elasticfilesystem:{REGION}:{ACCOUNT}"
S3_FILES = f"arn:aws:s3files:{REGION}:{ACCOUNT}"
CLIENT = "elasticfilesystem:Client"
TASK = Principal(f"arn:aws:iam::{ACCOUNT}:role/Task", "task-1", "job-1")
MACHINE = Principal(f"arn:aws:iam::{ACCOUNT}:role/Machine", "i-1", "job-1")
DENY_WITHOUT_TLS = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "elasticfilesystem:*",
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}
BY_ACCESS_POINT = {
    "Effect": "Allow",
    "Principal": {"AWS": "*"},
    "Action": [f"{CLIENT}Mount", f"{CLIENT}Write"],
    "Condition": {
        "Bool": {"elasticfilesystem:AccessedViaMountTarget": "true"},
        "ArnLike": {"elasticfilesystem:AccessPointArn": f"{EFS}:access-point/*"},
    },
}
OURS = FileSystemClient("elasticfilesystem", "fs-1", "fsap-1")


def document(*statements: dict) -> str:
    return json.dumps({"Statement": list(statements)})


def allow(*actions: str) -> dict:
    return {"Effect": "Allow", "Action": list(actions), "Resource": "*"}


def start(*policy: dict, task: tuple[dict, ...] = (), machine: tuple[dict, ...] = ()) -> JobStart:
    roles = {
        "Task": Role(TASK.role_arn, (document(*task),), None, {}),
        "Machine": Role(MACHINE.role_arn, (document(*machine),), None, {}),
    }
    deployed = SimpleNamespace(role=roles.get, file_system_policy=lambda _: document(*policy) if policy else "")
    return JobStart(Authorizer(deployed, REGION), Credentials(("A", "s")), ACCOUNT, REGION)


def rights(started: JobStart, client: FileSystemClient = OURS) -> ClientRights:
    return started.client_rights(Identity(TASK, MACHINE, MACHINE), client)


def test_without_a_policy_everybody_may_do_everything_on_efs():
    anonymous = FileSystemClient("elasticfilesystem", "fs-1", signed=False, tls=False)

    assert rights(start(), anonymous) == ClientRights(write=True, root=True)


def test_the_policy_of_our_file_systems_lets_anonymous_clients_in_by_tls_and_access_point():
    started = start(DENY_WITHOUT_TLS, BY_ACCESS_POINT)
    client = FileSystemClient("elasticfilesystem", "fs-1", "fsap-1", signed=False)

    assert rights(started, client) == ClientRights(write=True, root=False)


@pytest.mark.parametrize(
    "client",
    [
        FileSystemClient("elasticfilesystem", "fs-1", "fsap-1", tls=False, signed=False),
        FileSystemClient("elasticfilesystem", "fs-1", signed=False),
        FileSystemClient("elasticfilesystem", "fs-1", "fsap-1", tls=False),
    ],
    ids=["without TLS", "without an access point", "with IAM but without TLS"],
)
def test_a_client_that_the_policy_refuses_does_not_mount(client):
    with pytest.raises(StartRefusedError, match=r"mount\.nfs4: access denied by server"):
        rights(start(DENY_WITHOUT_TLS, BY_ACCESS_POINT), client)


def test_the_policies_of_a_role_add_to_that_of_the_file_system():
    tls_only = start(DENY_WITHOUT_TLS, task=(allow(f"{CLIENT}Mount", f"{CLIENT}Write"),))

    assert rights(tls_only) == ClientRights(write=True, root=False)
    with pytest.raises(StartRefusedError):
        rights(start(DENY_WITHOUT_TLS, task=(allow("s3:*"),)))


def test_who_may_mount_and_not_write_has_it_read_only():
    assert rights(start(DENY_WITHOUT_TLS, task=(allow(f"{CLIENT}Mount"),))) == ClientRights(write=False, root=False)


def test_what_a_machine_mounts_it_mounts_with_its_own_role():
    client = FileSystemClient("elasticfilesystem", "fs-1", "fsap-1", by_machine=True)
    started = start(DENY_WITHOUT_TLS, machine=(allow(f"{CLIENT}Mount"),), task=())

    assert rights(started, client) == ClientRights(write=False, root=False)


def test_s3_files_has_no_anonymous_clients_and_its_policy_knows_the_access_point():
    client = FileSystemClient("s3files", "fs-1", "fsap-1")
    only = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": ["s3files:ClientMount", "s3files:ClientWrite", "s3files:ClientRootAccess"],
        "Resource": f"{S3_FILES}:file-system/fs-1",
        "Condition": {"ArnNotEquals": {"s3files:AccessPointArn": f"{S3_FILES}:file-system/fs-1/access-point/fsap-1"}},
    }
    mount = (allow("s3files:ClientMount", "s3files:ClientWrite"),)

    assert rights(start(only, task=mount), client) == ClientRights(write=True, root=False)
    with pytest.raises(StartRefusedError):
        rights(start(only, task=mount), FileSystemClient("s3files", "fs-1", "fsap-2"))
    with pytest.raises(StartRefusedError):
        rights(start(), client)


CONTAINER = {
    "volumes": [
        {
            "name": "shared",
            "efsVolumeConfiguration": {
                "fileSystemId": "fs-1",
                "transitEncryption": "ENABLED",
                "authorizationConfig": {"accessPointId": "fsap-1", "iam": "ENABLED"},
            },
        }
    ],
    "mountPoints": [{"sourceVolume": "shared", "containerPath": "/mnt/efs"}],
}


def mounted(folder: Path, uid: int, right: ClientRights):
    point = {
        "FileSystemId": "fs-1",
        "RootDirectory": {"Path": "/"},
        "PosixUser": {"Uid": uid, "Gid": uid},
    }
    asked: list[FileSystemClient] = []

    def rights(client: FileSystemClient) -> ClientRights:
        asked.append(client)
        return right

    volumes = Volumes(folder, lambda _: True, lambda _: point, lambda _: "")
    [mount], _ = volumes.of_job(CONTAINER, {"computeEnvironmentName": "e"}, folder, rights)
    assert asked == [FileSystemClient("elasticfilesystem", "fs-1", "fsap-1", tls=True, signed=True)]
    return mount


def test_a_mount_without_client_write_is_read_only(tmp_path):
    assert mounted(tmp_path, 1000, ClientRights(write=False, root=False)).read_only


def test_root_without_client_root_access_is_nobody_even_by_an_access_point_of_root(tmp_path):
    assert mounted(tmp_path, 0, ClientRights(write=True, root=True)).user == (0, 0)
    assert mounted(tmp_path, 0, ClientRights(write=True, root=False)).user == SQUASHED
    assert mounted(tmp_path, 1000, ClientRights(write=True, root=False)).user == (1000, 1000)
