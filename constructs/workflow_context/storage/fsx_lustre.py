"""Amazon FSx for Lustre as the workflow file system."""

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import (
    aws_ec2 as ec2,
    aws_fsx as fsx,
    aws_kms as kms,
)
from constructs import Construct, IDependable
from typing_extensions import override

from workflow_context.limits import LUSTRE_MBPS_PER_TIB, LUSTRE_MIN_GIB, LUSTRE_STEP_GIB
from workflow_context.network import Placement
from workflow_context.retention import keep_when_replaced
from workflow_context.s3_location import S3Location

from .fsx_lustre_base import ExistingFsxLustreFileSystem, FsxLustreFileSystemBase

_LUSTRE_VERSION = "2.15"  # the default may be 2.10, which neither PERSISTENT_2 nor a link to S3 works with
_EVENTS = ["NEW", "CHANGED", "DELETED"]
_SCRATCH = "SCRATCH_2"
DEPLOYMENT_TYPES = {_SCRATCH: (), "PERSISTENT_2": LUSTRE_MBPS_PER_TIB}
"""The deployment types, each with the throughputs that can be chosen, in MB/s for each TiB."""


class FsxLustreFileSystem(FsxLustreFileSystemBase):
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
        removal_policy: What happens to the data when the stack is deleted. Default: it goes too.

    Attributes:
        file_system: The L1 file system: the L2 opens all ports from 988 to 1023.
        file_system_id: `fs-…`.

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

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        placement: Placement | ec2.IVpc,
        deployment_type: fsx.LustreDeploymentType = fsx.LustreDeploymentType.SCRATCH_2,
        storage_capacity: cdk.Size | None = None,
        per_unit_throughput: int | None = None,
        import_from: S3Location | None = None,
        export_to: S3Location | None = None,
        encryption_key: kms.IKey | None = None,
        removal_policy: cdk.RemovalPolicy = cdk.RemovalPolicy.DESTROY,
    ) -> None:
        placement = Placement.of(placement)
        kind = _checked(deployment_type)
        connections = ec2.Connections()
        super().__init__(scope, id, connections=connections)
        capacity = round(storage_capacity.to_gibibytes()) if storage_capacity else LUSTRE_MIN_GIB
        _check_capacity(capacity)
        self._security_group = ec2.SecurityGroup(
            self,
            "SecurityGroup",
            vpc=placement.vpc,
            description="Servers of the workflow file system",
            allow_all_outbound=False,
        )
        connections.add_security_group(self._security_group)
        self._open_ports_between_servers()
        self.file_system = fsx.CfnFileSystem(
            self,
            "FileSystem",
            file_system_type="LUSTRE",
            file_system_type_version=_LUSTRE_VERSION,
            storage_capacity=capacity,
            subnet_ids=[placement.one_subnet_per_zone()[0].subnet_id],
            security_group_ids=[self._security_group.security_group_id],
            kms_key_id=_key(kind, encryption_key),
            lustre_configuration=fsx.CfnFileSystem.LustreConfigurationProperty(
                deployment_type=kind,
                per_unit_storage_throughput=_throughput(kind, per_unit_throughput),
            ),
        )
        self.file_system.apply_removal_policy(removal_policy)
        # FSx looks at the rules when it makes the file system, and they are resources beside the group.
        self.file_system.node.add_dependency(self._security_group)
        keep_when_replaced(self.file_system)
        self._identity = {
            "file system": self.file_system.logical_id,
            "kind": kind,
            "key": encryption_key.key_arn if encryption_key else "",
            "subnet": placement.one_subnet_per_zone()[0].subnet_id,
        }
        self.file_system_id = self.file_system.ref
        self._dns_name, self._mount_name = self.file_system.attr_dns_name, self.file_system.attr_lustre_mount_name
        cdk.Tags.of(self.file_system).add("Name", self.node.path)
        self._links = self._link(import_from, export_to)

    @override
    def identity(self) -> Mapping[str, str]:
        return self._identity

    @property
    @override
    def ready(self) -> Sequence[IDependable]:
        return [self.file_system, self._security_group, *self._links]

    @staticmethod
    def from_fsx_lustre(scope: Construct, id: str, *, file_system: fsx.LustreFileSystem) -> FsxLustreFileSystemBase:
        """Use an L2 file system of the CDK.

        Args:
            scope: Where the construct lives.
            id: Its name there.
            file_system: The file system.
        """
        return ExistingFsxLustreFileSystem(
            scope,
            id,
            file_system_id=file_system.file_system_id,
            dns_name=file_system.dns_name,
            mount_name=file_system.mount_name,
            connections=file_system.connections,
            ready=[file_system],
        )

    @staticmethod
    def from_fsx_lustre_attributes(
        scope: Construct, id: str, *, file_system_id: str, mount_name: str, security_group: ec2.ISecurityGroup
    ) -> FsxLustreFileSystemBase:
        """Use a file system by its ids: one of another stack, or one that was retained when its stack went.

        Args:
            scope: Where the construct lives.
            id: Its name there.
            file_system_id: `fs-…`.
            mount_name: As `aws fsx describe-file-systems` says it.
            security_group: The security group of its servers. One that nothing else keeps goes with its stack: a
                retained file system needs its own to be retained too.
        """
        region = cdk.Stack.of(scope).region
        return ExistingFsxLustreFileSystem(
            scope,
            id,
            file_system_id=file_system_id,
            # https://docs.aws.amazon.com/fsx/latest/LustreGuide/getting-started.html
            dns_name=f"{file_system_id}.fsx.{region}.{cdk.Aws.URL_SUFFIX}",
            mount_name=mount_name,
            connections=ec2.Connections(security_groups=[security_group]),
            ready=[],
        )

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
    if gib != LUSTRE_MIN_GIB and (gib < LUSTRE_STEP_GIB or gib % LUSTRE_STEP_GIB):
        message = f"storage_capacity must be {LUSTRE_MIN_GIB} GiB or a multiple of {LUSTRE_STEP_GIB} GiB, got {gib}"
        raise ValueError(message)


def _checked(deployment_type: fsx.LustreDeploymentType) -> str:
    if not isinstance(deployment_type, fsx.LustreDeploymentType):
        message = f"deployment_type must be a fsx.LustreDeploymentType, such as SCRATCH_2, got {deployment_type!r}"
        raise TypeError(message)
    if deployment_type.name not in DEPLOYMENT_TYPES:
        message = f"deployment_type must be one of {', '.join(DEPLOYMENT_TYPES)}, got {deployment_type.name}"
        raise ValueError(message)
    return deployment_type.name


def _throughput(deployment_type: str, wanted: int | None) -> int | None:
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
