"""The CloudFormation types of S3 Files and FSx for Lustre: what a template may say, and what AWS refuses.

A handler creates, updates or deletes one resource; creating and updating return its physical id and attributes. S3
Files keeps its records in the base, where its API finds them. FSx has no API here: what its resources are is in the
stack that made them.
"""

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .refusals import check_lustre_rules

Record = dict[str, Any]
Resource = tuple[str, Record]
Handlers = dict[str, Callable[..., Any] | bool]

_MIN_GIB = 1200
_STEP_GIB = 2400
_THROUGHPUTS = (125, 250, 500, 1000)


@dataclass(frozen=True)
class Surroundings:
    """What the handlers ask of the rest of the cloud.

    Attributes:
        call: Calls an operation of the S3 Files API, such as `create_file_system`; raises ValueError when it refuses.
        targets: The mount targets of S3 Files that exist.
        access_points: The access points of S3 Files that exist.
        is_versioned: Whether a bucket keeps old versions, by its name.
        zone: The zone of a subnet, by its id; None when there is no such subnet.
        arn: Gives an ARN of a service in the account and region of the request.
        security_groups: The security groups that exist, by their ids.
    """

    call: Callable[..., Record]
    targets: Callable[[], list[Record]]
    access_points: Callable[[], list[Record]]
    is_versioned: Callable[[str], bool]
    zone: Callable[[str], str | None]
    arn: Callable[[str, str], str]
    security_groups: Callable[[], Mapping[str, Record]]


def handlers(cloud: Surroundings) -> dict[str, Handlers]:
    """The handlers of every type."""
    return {
        "AWS::S3Files::FileSystem": _file_system(cloud),
        "AWS::S3Files::MountTarget": _mount_target(cloud),
        "AWS::S3Files::AccessPoint": _access_point(cloud),
        "AWS::S3Files::FileSystemPolicy": _policy(cloud),
        "AWS::FSx::FileSystem": _lustre(cloud),
        "AWS::FSx::DataRepositoryAssociation": _link(cloud),
    }


def _file_system(cloud: Surroundings) -> Handlers:
    def create(_logical_id: str, properties: Record, _stack: str) -> Resource:
        bucket = properties["Bucket"].rpartition(":")[2]
        if not cloud.is_versioned(bucket):
            raise ValueError(f"The bucket {bucket} does not have versioning enabled")
        made = cloud.call("create_file_system", {**_camel(properties), "tags": _tags(properties)})
        _synchronize(made["fileSystemId"], properties)
        return made["fileSystemArn"], _attributes(made["fileSystemArn"])

    def update(arn: str, _old: Record, new: Record, _stack: str) -> Resource:
        _synchronize(_last(arn), new)
        return arn, _attributes(arn)

    def delete(arn: str, _properties: Record) -> None:
        name = _last(arn)
        if any(child["fileSystemId"] == name for child in (*cloud.targets(), *cloud.access_points())):
            raise ValueError(f"File system {name} has mount targets or access points")
        cloud.call("delete_file_system", name)

    def _synchronize(name: str, properties: Record) -> None:
        if "SynchronizationConfiguration" in properties:
            cloud.call("put_sync_config", name, _camel(properties["SynchronizationConfiguration"]))

    def _attributes(arn: str) -> Record:
        return {"FileSystemId": _last(arn), "FileSystemArn": arn, "Status": "available"}

    return {"create": create, "update": update, "delete": delete}


def _mount_target(cloud: Surroundings) -> Handlers:
    def create(_logical_id: str, properties: Record, _stack: str) -> Resource:
        name, subnet = _last(properties["FileSystemId"]), properties["SubnetId"]
        zone = cloud.zone(subnet)
        if zone is None:
            raise ValueError(f"The subnet ID '{subnet}' does not exist")
        for other in cloud.targets():
            if other["fileSystemId"] == name and cloud.zone(other["subnetId"]) == zone:
                raise ValueError(f"mount target already exists in this AZ: {zone}")
        made = cloud.call("create_mount_target", _camel(properties))
        return made["mountTargetId"], {"MountTargetId": made["mountTargetId"]}

    def update(target: str, _old: Record, new: Record, _stack: str) -> Resource:
        cloud.call("update_mount_target", target, {"securityGroups": new.get("SecurityGroups", [])})
        return target, {"MountTargetId": target}

    def delete(target: str, _properties: Record) -> None:
        cloud.call("delete_mount_target", target)

    return {"create": create, "update": update, "delete": delete}


def _access_point(cloud: Surroundings) -> Handlers:
    def create(_logical_id: str, properties: Record, _stack: str) -> Resource:
        made = cloud.call("create_access_point", {**_camel(properties), "tags": _tags(properties)})
        return made["accessPointId"], _attributes(made["accessPointId"], properties)

    def update(access_point: str, _old: Record, new: Record, _stack: str) -> Resource:
        return access_point, _attributes(access_point, new)

    def delete(access_point: str, _properties: Record) -> None:
        cloud.call("delete_access_point", access_point)

    def _attributes(access_point: str, properties: Record) -> Record:
        path = f"file-system/{_last(properties['FileSystemId'])}/access-point/{access_point}"
        return {"AccessPointId": access_point, "AccessPointArn": cloud.arn("s3files", path)}

    return {"create": create, "update": update, "delete": delete}


def _policy(cloud: Surroundings) -> Handlers:
    def create(_logical_id: str, properties: Record, _stack: str) -> Resource:
        name = _last(properties["FileSystemId"])
        cloud.call("put_file_system_policy", name, {"policy": json.dumps(properties["Policy"])})
        return name, {}

    def update(_name: str, _old: Record, new: Record, stack: str) -> Resource:
        return create("", new, stack)

    def delete(name: str, _properties: Record) -> None:
        cloud.call("delete_file_system_policy", name)

    return {"create": create, "update": update, "delete": delete}


def _lustre(cloud: Surroundings) -> Handlers:
    def create(_logical_id: str, properties: Record, _stack: str) -> Resource:
        _check_lustre(properties, cloud.zone)
        check_lustre_rules(properties.get("SecurityGroupIds", ()), cloud.security_groups())
        name = f"fs-{secrets.token_hex(9)[1:]}"
        return name, _attributes(name)

    def update(name: str, old: Record, new: Record, stack: str) -> Resource:
        _check_lustre(new, cloud.zone)
        if old["LustreConfiguration"]["DeploymentType"] != new["LustreConfiguration"]["DeploymentType"]:
            return create("", new, stack)
        if int(new["StorageCapacity"]) < int(old["StorageCapacity"]):
            raise ValueError("The storage capacity of a file system cannot be decreased")
        return name, _attributes(name)

    def _attributes(name: str) -> Record:
        arn = cloud.arn("fsx", f"file-system/{name}")
        return {
            "DNSName": f"{name}.fsx.{arn.split(':')[3]}.amazonaws.com",
            "LustreMountName": name[-8:],
            "ResourceARN": arn,
        }

    return {"create": create, "update": update, "delete": _forget}


def _link(cloud: Surroundings) -> Handlers:
    def create(_logical_id: str, properties: Record, _stack: str) -> Resource:
        for key, start in (("DataRepositoryPath", "s3://"), ("FileSystemPath", "/")):
            if not properties[key].startswith(start):
                raise ValueError(f"{key} must begin with {start}: {properties[key]}")
        name = f"dra-{secrets.token_hex(9)[1:]}"
        return name, {"AssociationId": name, "ResourceARN": cloud.arn("fsx", f"association/{name}")}

    def update(name: str, _old: Record, _new: Record, _stack: str) -> Resource:
        return name, {"AssociationId": name}

    return {"create": create, "update": update, "delete": _forget}


def _check_lustre(properties: Record, zone: Callable[[str], str | None]) -> None:
    lustre, capacity = properties["LustreConfiguration"], int(properties["StorageCapacity"])
    if len(properties["SubnetIds"]) != 1:
        raise ValueError("A Lustre file system is in exactly one subnet")
    for subnet in properties["SubnetIds"]:
        if zone(subnet) is None:
            raise ValueError(f"The subnet ID '{subnet}' does not exist")
    if capacity != _MIN_GIB and capacity % _STEP_GIB:
        raise ValueError(f"Invalid storage capacity: {capacity} GiB")
    throughput = lustre.get("PerUnitStorageThroughput")
    if lustre["DeploymentType"].startswith("PERSISTENT") != (throughput is not None):
        raise ValueError(f"PerUnitStorageThroughput does not go with {lustre['DeploymentType']}")
    if throughput is not None and int(throughput) not in _THROUGHPUTS:
        raise ValueError(f"Invalid PerUnitStorageThroughput: {throughput}")


def _forget(_name: str, _properties: Record) -> None:
    """The stack that made it forgets it."""


def _last(identifier: str) -> str:
    return identifier.rpartition("/")[2]


def _tags(properties: Record) -> list[Record]:
    return [{"key": tag["Key"], "value": tag["Value"]} for tag in properties.get("Tags", [])]


def _camel(value: Any) -> Any:
    """CloudFormation's `DaysAfterLastAccess` in the spelling of the API: `daysAfterLastAccess`."""
    if isinstance(value, list):
        return [_camel(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key[:1].lower() + key[1:]: _camel(item) for key, item in value.items()}
