"""Amazon FSx for Lustre as the workflow file system."""

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import (
    aws_batch as batch,
    aws_cloudwatch as cloudwatch,
    aws_ec2 as ec2,
    aws_fsx as fsx,
    aws_iam as iam,
    aws_kms as kms,
)
from constructs import Construct, IDependable
from typing_extensions import override

from workflow_context.network import Placement
from workflow_context.retention import keep_when_replaced
from workflow_context.s3_location import S3Location
from workflow_context.scripts import host_mount_script

from .base import WorkflowFileSystem
from .metrics import graphs

_MOUNT_PATH = "/mnt/fsx"
_LUSTRE_VERSION = "2.15"  # the default may be 2.10, which neither PERSISTENT_2 nor a link to S3 works with
_MIN_GIB = 1200
_STEP_GIB = 2400
# https://docs.aws.amazon.com/fsx/latest/LustreGuide/limit-access-security-groups.html
_PORTS = ((988, 988), (1018, 1023))
_EVENTS = ["NEW", "CHANGED", "DELETED"]
_SCRATCH = "SCRATCH_2"
DEPLOYMENT_TYPES = {_SCRATCH: (), "PERSISTENT_2": (125, 250, 500, 1000)}
"""The deployment types, each with the throughputs that can be chosen, in MB/s for each TiB."""


class FsxLustreFileSystem(WorkflowFileSystem):
    """A Lustre file system for one context, in one zone, mounted by every instance.

    Defines the file system, its security group, and links to S3 where asked for. Instances install Amazon's client and
    mount at boot, before their ECS agent takes jobs; one that cannot mount takes none and shuts down. Fargate cannot
    mount it: head jobs run on EC2 too.

    Args:
        scope: Where the construct lives.
        id: Its name there. The logical id of the file system follows from it: changing it replaces it.
        placement: Where the jobs run. The file system is in the first subnet. Instances in other zones can mount it,
            but pay for each GB that crosses zones and wait longer: give the context `placement.in_one_zone()`.
        deployment_type: `SCRATCH_2` (default): 200 MB/s for each TiB, bursts to 1300, and data is lost with a server;
            `PERSISTENT_2`: servers are replaced, at the throughput of `per_unit_throughput`. Changing it replaces the
            file system. https://docs.aws.amazon.com/fsx/latest/LustreGuide/using-fsx-lustre.html
        storage_capacity: 1200 GiB (default), 2400, or a multiple of 2400. It can grow later, not shrink.
        per_unit_throughput: With `PERSISTENT_2`: 125 (default), 250, 500 or 1000 MB/s for each TiB.
        import_from: A place in S3 whose objects appear, and keep up, below `/mnt/fsx/import`; they are loaded when
            first read. Default: none.
        export_to: A place in S3 to which what is written below `/mnt/fsx/export` is copied. Default: none. When both
            are the same place, it is `/mnt/fsx/data`. Whoever deploys a link must be allowed to make the
            service-linked role that reaches the bucket.
            https://docs.aws.amazon.com/fsx/latest/LustreGuide/create-dra-linked-data-repo.html
        encryption_key: Key for encryption at rest of `PERSISTENT_2`. Default: the account's own FSx key; scratch file
            systems are always encrypted under a key of the service.
        removal_policy: What becomes of the data when the stack goes. Default: it goes too.

    Attributes:
        file_system: The L1 file system: the L2 opens all ports from 988 to 1023.

    Raises:
        ValueError: A capacity that AWS does not offer, a throughput or a key that the deployment type does not take, or
            places in S3 that overlap.

    Security considerations:
        Encrypted at rest; in transit between instances of current families (Nitro) and the servers in one VPC. Only
        ports 988 and 1018 to 1023, and only between the file system and the security groups given to
        `allow_mount_from`. Lustre knows no access points and no IAM: whoever can start an instance in those groups can
        read and write everything. All users of containers may write in the root directory.

    Cost:
        Paid while it exists, used or not: 0.14 USD per GB and month (SCRATCH_2, us-east-1), 168 USD for the smallest.
        0.01 USD for each GB that crosses zones, in each direction. https://aws.amazon.com/fsx/lustre/pricing/
    """

    mount_path = _MOUNT_PATH
    host_mounted = True

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        placement: Placement,
        deployment_type: str = _SCRATCH,
        storage_capacity: cdk.Size | None = None,
        per_unit_throughput: int | None = None,
        import_from: S3Location | None = None,
        export_to: S3Location | None = None,
        encryption_key: kms.IKey | None = None,
        removal_policy: cdk.RemovalPolicy = cdk.RemovalPolicy.DESTROY,
    ) -> None:
        super().__init__(scope, id)
        capacity = round(storage_capacity.to_gibibytes()) if storage_capacity else _MIN_GIB
        _check_capacity(capacity)
        self._security_group = ec2.SecurityGroup(
            self,
            "SecurityGroup",
            vpc=placement.vpc,
            description="Servers of the workflow file system",
            allow_all_outbound=False,
        )
        self._open_ports(self._security_group)
        self.file_system = fsx.CfnFileSystem(
            self,
            "FileSystem",
            file_system_type="LUSTRE",
            file_system_type_version=_LUSTRE_VERSION,
            storage_capacity=capacity,
            subnet_ids=[placement.one_subnet_per_zone()[0].subnet_id],
            security_group_ids=[self._security_group.security_group_id],
            kms_key_id=_key(deployment_type, encryption_key),
            lustre_configuration=fsx.CfnFileSystem.LustreConfigurationProperty(
                deployment_type=deployment_type,
                per_unit_storage_throughput=_throughput(deployment_type, per_unit_throughput),
            ),
        )
        self.file_system.apply_removal_policy(removal_policy)
        # FSx looks at the rules when it makes the file system, and they are resources beside the group.
        self.file_system.node.add_dependency(self._security_group)
        keep_when_replaced(self.file_system)
        self._identity = {
            "file system": self.file_system.logical_id,
            "kind": deployment_type,
            "key": encryption_key.key_arn if encryption_key else "",
            "subnet": placement.one_subnet_per_zone()[0].subnet_id,
        }
        cdk.Tags.of(self.file_system).add("Name", self.node.path)
        self._links = self._link(import_from, export_to)

    @override
    def identity(self) -> Mapping[str, str]:
        return self._identity

    @property
    @override
    def ready(self) -> Sequence[IDependable]:
        return [self.file_system, self._security_group, *self._links]

    @override
    def allow_mount_from(self, client: ec2.IConnectable) -> None:
        self._open_ports(client)

    @override
    def grant_read_write(self, grantee: iam.IGrantable) -> None:
        """Jobs need no right of their own: they see a directory of their instance."""

    @override
    def volumes(self, *, on_fargate: bool) -> Sequence[batch.EcsVolume]:
        return [batch.EcsVolume.host(name="fsx", container_path=_MOUNT_PATH, host_path=_MOUNT_PATH)]

    @override
    def user_data(self) -> Sequence[str]:
        settings = {
            "MOUNT_PATH": _MOUNT_PATH,
            "DNS_NAME": self.file_system.attr_dns_name,
            "MOUNT_NAME": self.file_system.attr_lustre_mount_name,
        }
        return [host_mount_script("mount_fsx_lustre.sh", settings)]

    @override
    def metrics(self) -> Mapping[str, Sequence[cloudwatch.IMetric]]:
        # https://docs.aws.amazon.com/fsx/latest/LustreGuide/fs-metrics.html
        names = {
            "Throughput, bytes in five minutes": ["DataReadBytes", "DataWriteBytes"],
            "Metadata operations": ["MetadataOperations"],
            "Free capacity, bytes": ["FreeDataStorageCapacity"],
        }
        return graphs("AWS/FSx", {"FileSystemId": self.file_system.ref}, names)

    @override
    def outputs(self) -> dict[str, str]:
        return {"FileSystemId": self.file_system.ref}

    def _open_ports(self, other: ec2.IConnectable) -> None:
        """Lustre's servers call their clients too, and each other."""
        for first, last in _PORTS:
            port = ec2.Port.tcp_range(first, last) if last > first else ec2.Port.tcp(first)
            self._security_group.connections.allow_from(other, port, "Lustre")
            self._security_group.connections.allow_to(other, port, "Lustre, the servers calling back")

    def _link(
        self, import_from: S3Location | None, export_to: S3Location | None
    ) -> list[fsx.CfnDataRepositoryAssociation]:
        source, target = (f"{place.uri}/" if place else None for place in (import_from, export_to))
        if source and source == target:
            return [self._association("Data", "/data", source, imports=True, exports=True)]
        if source and target and (source.startswith(target) or target.startswith(source)):
            message = f"import_from {source} and export_to {target} overlap; give places beside each other, or the same"
            raise ValueError(message)
        return [
            *([self._association("Import", "/import", source, imports=True, exports=False)] if source else []),
            *([self._association("Export", "/export", target, imports=False, exports=True)] if target else []),
        ]

    def _association(
        self, id: str, directory: str, place: str, *, imports: bool, exports: bool
    ) -> fsx.CfnDataRepositoryAssociation:
        link = fsx.CfnDataRepositoryAssociation
        return link(
            self,
            id,
            file_system_id=self.file_system.ref,
            file_system_path=directory,
            data_repository_path=place,
            batch_import_meta_data_on_create=imports,
            s3=link.S3Property(
                auto_import_policy=link.AutoImportPolicyProperty(events=_EVENTS) if imports else None,
                auto_export_policy=link.AutoExportPolicyProperty(events=_EVENTS) if exports else None,
            ),
        )


def _check_capacity(gib: int) -> None:
    if gib != _MIN_GIB and (gib < _STEP_GIB or gib % _STEP_GIB):
        message = f"storage_capacity must be {_MIN_GIB} GiB or a multiple of {_STEP_GIB} GiB, got {gib}"
        raise ValueError(message)


def _throughput(deployment_type: str, wanted: int | None) -> int | None:
    if deployment_type not in DEPLOYMENT_TYPES:
        message = f"deployment_type must be one of {', '.join(DEPLOYMENT_TYPES)}, got {deployment_type!r}"
        raise ValueError(message)
    choices = DEPLOYMENT_TYPES[deployment_type]
    if wanted is None:
        return choices[0] if choices else None
    if wanted not in choices:
        offered = ", ".join(map(str, choices)) or "none: its throughput follows the capacity"
        message = f"per_unit_throughput of {deployment_type} can be {offered}; got {wanted}"
        raise ValueError(message)
    return wanted


def _key(deployment_type: str, key: kms.IKey | None) -> str | None:
    if key is not None and deployment_type == _SCRATCH:
        raise ValueError(
            "encryption_key is for PERSISTENT_2; a scratch file system is encrypted under the service's key"
        )
    return key.key_arn if key else None
