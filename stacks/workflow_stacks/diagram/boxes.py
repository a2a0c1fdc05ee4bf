"""What a resource type is in the picture.

The file systems of a project file bring their own boxes: see `boxes` of `FileSystemKind`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

from workflow_context.models.cfn import Resource
from workflow_stacks.project.file_systems.registry import FILE_SYSTEMS

Details: TypeAlias = Callable[[Resource], Iterator[str]]
Links: TypeAlias = Callable[[Resource], Iterator[tuple[str, str]]]

_MAX_TYPES = 3


def nothing(resource: Resource) -> Iterator[Any]:
    """Yield nothing."""
    del resource
    yield from ()


@dataclass(frozen=True)
class Box:
    """How a resource type is shown.

    Attributes:
        kind: The kind of its node.
        name: Its name; empty for one made of its logical id.
        details: What to know about it.
        links: What it has to do with S3 by itself: a relation, and an ARN or an `s3://` address.
    """

    kind: str
    name: str = ""
    details: Details = nothing
    links: Links = nothing


@dataclass(frozen=True)
class Part:
    """How a resource type is shown that is a part of another resource.

    Attributes:
        whole: The property that names the whole.
        details: What it adds to the whole's details; the same detail of several parts is told once, with their number.
        links: As those of a `Box`, of the whole.
    """

    whole: str
    details: Details = nothing
    links: Links = nothing


def _environment(resource: Resource) -> Iterator[str]:
    compute = resource.get("ComputeResources") or {}
    machines = _MACHINES.get(str(compute.get("Type")), str(compute.get("Type")))
    types = [str(name).removeprefix("default_") for name in compute.get("InstanceTypes") or ()]
    yield ", ".join([machines, *types[:_MAX_TYPES]]) + (" …" if len(types) > _MAX_TYPES else "")
    yield f"up to {compute.get('MaxvCpus')} vCPUs"


_MACHINES = {
    "FARGATE": "Fargate",
    "FARGATE_SPOT": "Fargate Spot",
    "EC2": "EC2 on demand",
    "SPOT": "EC2 Spot",
}


def _efs(resource: Resource) -> Iterator[str]:
    provisioned = resource.get("ProvisionedThroughputInMibps")
    mode = resource.get("ThroughputMode") or "bursting"
    yield f"{mode} throughput" + (f", {provisioned} MiB/s" if provisioned else "")
    zone = resource.get("AvailabilityZoneName")
    if zone:
        yield f"One Zone, {zone}"
    if resource.get("Encrypted"):
        yield "encrypted"


def _mount_target(resource: Resource) -> Iterator[str]:
    del resource
    yield "mount target"


def _access_point(resource: Resource) -> Iterator[str]:
    yield f"access point {resource.get('RootDirectory', 'Path') or '/'}"
    user = resource.get("PosixUser") or {}
    if user:
        yield f"user {user.get('Uid')}, group {user.get('Gid')}"


def _lustre(resource: Resource) -> Iterator[str]:
    lustre = resource.get("LustreConfiguration") or {}
    yield f"{lustre.get('DeploymentType', '')}, {resource.get('StorageCapacity')} GiB"
    throughput = lustre.get("PerUnitStorageThroughput")
    if throughput:
        yield f"{throughput} MB/s for each TiB"


def _repository(resource: Resource) -> Iterator[tuple[str, str]]:
    policies = resource.get("S3") or {}
    address = str(resource.get("DataRepositoryPath"))
    if "AutoImportPolicy" in policies:
        yield "imports", address
    if "AutoExportPolicy" in policies:
        yield "exports", address


def _repository_path(resource: Resource) -> Iterator[str]:
    yield f"{resource.get('FileSystemPath')} linked to S3"


def _s3_files(resource: Resource) -> Iterator[tuple[str, str]]:
    yield "keeps data", f"{resource.get('Bucket')}/{resource.get('Prefix') or ''}"


def _s3_files_details(resource: Resource) -> Iterator[str]:
    yield f"shows {resource.get('Prefix') or 'all'} of a bucket"


def _bucket(resource: Resource) -> Iterator[str]:
    yield f"of {resource.stack}"


def _vpc(resource: Resource) -> Iterator[str]:
    yield str(resource.get("CidrBlock"))


def _endpoint(resource: Resource) -> Iterator[str]:
    service = str(resource.get("ServiceName")).rpartition(".")[2]
    yield f"{service.upper()}, {str(resource.get('VpcEndpointType') or 'Gateway').lower()}"


EFS: Mapping[str, Box | Part] = {
    "AWS::EFS::FileSystem": Box("filesystem", "Amazon EFS", _efs),
    "AWS::EFS::AccessPoint": Part("FileSystemId", _access_point),
    "AWS::EFS::MountTarget": Part("FileSystemId", _mount_target),
}
"""What is drawn of EFS."""

FSX_LUSTRE: Mapping[str, Box | Part] = {
    "AWS::FSx::FileSystem:LUSTRE": Box("filesystem", "FSx for Lustre", _lustre),
    "AWS::FSx::DataRepositoryAssociation": Part("FileSystemId", _repository_path, _repository),
}
"""What is drawn of FSx for Lustre."""

S3_FILES: Mapping[str, Box | Part] = {
    "AWS::S3Files::FileSystem": Box("filesystem", "S3 Files", _s3_files_details, _s3_files),
    "AWS::S3Files::AccessPoint": Part("FileSystemId", _access_point),
    "AWS::S3Files::MountTarget": Part("FileSystemId", _mount_target),
    "AWS::S3Files::FileSystemPolicy": Part("FileSystemId"),
}
"""What is drawn of S3 Files."""

_COMMON: Mapping[str, Box | Part] = {
    "AWS::Batch::JobQueue": Box("queue"),
    "AWS::Batch::ComputeEnvironment": Box("environment", details=_environment),
    "AWS::S3::Bucket": Box("bucket", details=_bucket),
    "AWS::EC2::VPC": Box("network", "VPC", _vpc),
    "AWS::EC2::NatGateway": Box("gateway", "NAT gateway"),
    "AWS::EC2::InternetGateway": Box("gateway", "internet gateway"),
    "AWS::EC2::VPCEndpoint": Box("endpoint", "VPC endpoint", _endpoint),
    "AWS::S3::BucketPolicy": Part("Bucket"),
}


@cache
def _all() -> Mapping[str, Box | Part]:
    return {**_COMMON, **{kind: box for each in FILE_SYSTEMS.values() for kind, box in each.load_boxes().items()}}


def box_of(resource: Resource) -> Box | None:
    """Return how a resource is shown; None when it has no box of its own."""
    found = _all().get(resource.kind) or _all().get(resource.type)
    return found if isinstance(found, Box) else None


def part_of(resource: Resource) -> Part | None:
    """Return how a resource is told in the box of another one; None when it is not."""
    found = _all().get(resource.kind) or _all().get(resource.type)
    return found if isinstance(found, Part) else None


SHOWN_BY_ARROWS = frozenset(
    {
        "AWS::Batch::JobDefinition",
        "AWS::CDK::Metadata",
        "AWS::EC2::EIP",
        "AWS::EC2::Route",
        "AWS::EC2::RouteTable",
        "AWS::EC2::SecurityGroup",
        "AWS::EC2::SecurityGroupEgress",
        "AWS::EC2::SecurityGroupIngress",
        "AWS::EC2::Subnet",
        "AWS::EC2::SubnetRouteTableAssociation",
        "AWS::EC2::VPCGatewayAttachment",
        "AWS::IAM::InstanceProfile",
        "AWS::IAM::ManagedPolicy",
        "AWS::IAM::Policy",
        "AWS::IAM::Role",
    }
)
"""The types that are neither, because the arrows and frames of the picture are made of them."""
