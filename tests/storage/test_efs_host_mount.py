"""EFS for engines whose tasks bind directories of the machine."""

import json

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from templates import only, resources

from workflow_context import BatchCompute, EfsFileSystem, Network


@pytest.fixture(scope="module")
def template() -> dict:
    stack = cdk.Stack(cdk.App(), "Stack")
    placement = Network(stack, "Network").placement()
    storage = EfsFileSystem(stack, "Storage", placement=placement, host_mounted=True)
    BatchCompute(stack, "Compute", placement=placement, storage=storage)
    assert storage.host_mounted
    [volume] = storage.volumes(on_fargate=False)
    assert isinstance(volume, cdk.aws_batch.HostVolume)
    [volume] = storage.volumes(on_fargate=True)
    assert isinstance(volume, cdk.aws_batch.EfsVolume)
    rendered: dict = cdk.assertions.Template.from_stack(stack).to_json()
    return rendered


def test_machines_know_the_access_point_and_the_addresses_of_the_mount_targets(template: dict) -> None:
    user_data = json.dumps(only(template, "AWS::EC2::LaunchTemplate"))
    assert "export MOUNT_PATH=/mnt/efs" in user_data
    assert "StorageFileSystemAccessPoint" in user_data
    for target in resources(template, "AWS::EFS::MountTarget"):
        assert f'["{target}", "IpAddress"]' in user_data


def test_machines_may_mount_by_the_access_point(template: dict) -> None:
    [policy] = [one for name, one in resources(template, "AWS::IAM::Policy").items() if "InstanceRole" in name]
    [statement] = [
        one for one in policy["Properties"]["PolicyDocument"]["Statement"] if "elasticfilesystem" in str(one["Action"])
    ]
    assert statement["Action"] == [
        f"elasticfilesystem:{action}" for action in ("ClientMount", "ClientWrite", "ClientRootAccess")
    ]
    assert "elasticfilesystem:AccessPointArn" in json.dumps(statement["Condition"])


def test_head_jobs_stay_on_fargate_and_mount_by_the_definition(template: dict) -> None:
    environments = resources(template, "AWS::Batch::ComputeEnvironment").values()
    assert "FARGATE" in {one["Properties"]["ComputeResources"]["Type"] for one in environments}


def test_an_imported_file_system_has_no_addresses_to_try() -> None:
    stack = cdk.Stack(cdk.App(), "Stack")
    storage = EfsFileSystem.from_efs_attributes(
        stack,
        "Storage",
        file_system_id="fs-1",
        access_point_id="fsap-1",
        security_group=ec2.SecurityGroup.from_security_group_id(stack, "Group", "sg-1"),
        host_mounted=True,
    )
    [script] = storage.user_data()
    assert "export MOUNT_TARGET_IPS=''\n" in script


def test_by_default_machines_do_nothing() -> None:
    stack = cdk.Stack(cdk.App(), "Stack")
    storage = EfsFileSystem(stack, "Storage", placement=Network(stack, "Network").placement())
    assert not storage.host_mounted
    assert storage.user_data() == []
