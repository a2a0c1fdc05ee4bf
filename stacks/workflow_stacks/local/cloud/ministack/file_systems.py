"""File systems: EFS as AWS changes and deletes it, and what the types of S3 Files and FSx ask of the rest."""

import json
import shutil
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

from ministack.services import cloudformation, ec2, efs, s3, s3files
from ministack.services.cloudformation import provisioners

from workflow_stacks.local.cloud.storage_types import Surroundings

from .handlers import Properties, arn
from .settings import STATE

_delete_file_system, _update_file_system = efs._delete_file_system, efs._update_file_system
_deleted_lustres: set[str] = set()


def _s3_files(operation: str, *arguments: Any) -> Properties:
    """Call an operation of S3 Files."""
    status, _, body = getattr(s3files, f"_{operation}")(*arguments)
    answer: Properties = json.loads(body) if body else {}
    if status >= HTTPStatus.BAD_REQUEST:
        raise ValueError(answer.get("message") or body.decode())
    return answer


SURROUNDINGS = Surroundings(
    call=_s3_files,
    targets=lambda: list(s3files._mount_targets.values()),
    access_points=lambda: list(s3files._access_points.values()),
    is_versioned=lambda bucket: s3._bucket_versioning.get(bucket) == "Enabled",
    zone=lambda subnet: ec2._subnets[subnet]["AvailabilityZone"] if subnet in ec2._subnets else None,
    arn=arn,
    security_groups=lambda: dict(ec2._security_groups.items()),
)


def install() -> None:
    """Change and delete file systems as AWS does."""
    efs._update_file_system = _update
    efs._delete_file_system = _delete
    provisioners._RESOURCE_HANDLERS["AWS::FSx::FileSystem"]["delete"] = _lustre_delete


def mounts() -> Iterator[tuple[list[str], list[str]]]:
    """The subnets and security groups of everything by which file systems are mounted."""
    for target in efs._mount_targets.values():
        yield [target["SubnetId"]], target.get("SecurityGroups", [])
    for target in s3files._mount_targets.values():
        yield [target["subnetId"]], target["securityGroups"]
    for lustre in _lustres():
        yield lustre["SubnetIds"], lustre.get("SecurityGroupIds", [])


def _lustres() -> list[Properties]:
    """The properties of the Lustre file systems that stand; FSx has no records here but those of stacks."""
    made = [resource for stack in cloudformation._stacks.values() for resource in stack.get("_resources", {}).values()]
    return [
        resource["Properties"]
        for resource in made
        if resource["ResourceType"] == "AWS::FSx::FileSystem" and resource["PhysicalResourceId"] not in _deleted_lustres
    ]


def _lustre_delete(name: str, _properties: Properties) -> None:
    _deleted_lustres.add(name)


def _update(file_system: str, request: Properties) -> Any:
    """A file system that is no longer provisioned has no provisioned throughput."""
    answer = _update_file_system(file_system, request)
    record = efs._file_systems.get(file_system)
    if record and record["ThroughputMode"] != "provisioned":
        record.pop("ProvisionedThroughputInMibps", None)
    return answer


def _delete(file_system: str) -> Any:
    """What was on a file system goes with it."""
    answer = _delete_file_system(file_system)
    if answer[0] < HTTPStatus.BAD_REQUEST and file_system not in efs._file_systems:
        shutil.rmtree(STATE / "efs" / Path(file_system).name, ignore_errors=True)
    return answer
