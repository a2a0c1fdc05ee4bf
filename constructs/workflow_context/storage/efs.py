"""Amazon EFS as the workflow file system."""

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import (
    aws_batch as batch,
    aws_cloudwatch as cloudwatch,
    aws_ec2 as ec2,
    aws_efs as efs,
    aws_iam as iam,
    aws_kms as kms,
)
from constructs import Construct, IDependable
from typing_extensions import override

from workflow_context.nag import acknowledge
from workflow_context.network import Placement
from workflow_context.retention import keep_when_replaced
from workflow_context.scripts import host_mount_script

from .base import WorkflowFileSystem
from .efs_metrics import burst_credit_alarm, efs_metrics, io_limit_alarm

MIN_PROVISIONED_MIBPS = 1
MAX_PROVISIONED_MIBPS = 3414
_CLIENT_ACTIONS = ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"]
_ROOT_DIRECTORY = "/workflow"
_MOUNT_PATH = "/mnt/efs"  # miniwdl, Snakemake and Cromwell take this path for granted


class _EfsBase(WorkflowFileSystem):
    """What an owned and an imported file system have in common: everything but the resources."""

    mount_path = _MOUNT_PATH
    serves_fargate = True
    file_system: efs.IFileSystem
    access_point: efs.IAccessPoint

    def __init__(self, scope: Construct, id: str, *, host_mounted: bool) -> None:
        super().__init__(scope, id)
        self.host_mounted = host_mounted

    @property
    @override
    def access_point_id(self) -> str | None:
        return self.access_point.access_point_id

    @override
    def allow_mount_from(self, client: ec2.IConnectable) -> None:
        self.file_system.connections.allow_default_port_from(client, "NFS from the jobs of the context")

    @override
    def grant_read_write(self, grantee: iam.IGrantable) -> None:
        # Not by the L2's grant: that one writes into the file system's policy and leaves ClientMount out of it.
        iam.Grant.add_to_principal(
            grantee=grantee,
            actions=_CLIENT_ACTIONS,
            resource_arns=[self.file_system.file_system_arn],
            conditions={"ArnEquals": {"elasticfilesystem:AccessPointArn": self.access_point.access_point_arn}},
        )

    @override
    def grant_host_mount(self, grantee: iam.IGrantable) -> None:
        if self.host_mounted:
            self.grant_read_write(grantee)

    @override
    def volumes(self, *, on_fargate: bool) -> Sequence[batch.EcsVolume]:
        if self.host_mounted and not on_fargate:
            return [batch.EcsVolume.host(name="efs", container_path=_MOUNT_PATH, host_path=_MOUNT_PATH)]
        return [
            batch.EcsVolume.efs(
                name="efs",
                container_path=_MOUNT_PATH,
                file_system=self.file_system,
                access_point_id=self.access_point.access_point_id,
                enable_transit_encryption=True,
                use_job_role=True,
            )
        ]

    @override
    def user_data(self) -> Sequence[str]:
        if not self.host_mounted:
            return []
        settings = {
            "MOUNT_PATH": _MOUNT_PATH,
            "FILE_SYSTEM_ID": self.file_system.file_system_id,
            "ACCESS_POINT_ID": self.access_point.access_point_id,
            "MOUNT_TARGET_IPS": " ".join(self._mount_target_ips()),
        }
        return [host_mount_script("mount_efs.sh", settings)]

    def _mount_target_ips(self) -> list[str]:
        return [
            child.attr_ip_address for child in self.file_system.node.children if isinstance(child, efs.CfnMountTarget)
        ]

    @override
    def metrics(self) -> Mapping[str, Sequence[cloudwatch.IMetric]]:
        return efs_metrics(self.file_system.file_system_id)

    @override
    def alarms(self, scope: Construct, *, credit_hours: int) -> Mapping[str, cloudwatch.Alarm]:
        return {"I/O limit": io_limit_alarm(scope, self.file_system.file_system_id)}

    @override
    def outputs(self) -> dict[str, str]:
        return {
            "FileSystemId": self.file_system.file_system_id,
            "AccessPointId": self.access_point.access_point_id,
        }


class EfsFileSystem(_EfsBase):
    """An EFS file system for one context, with an access point through which every job sees it.

    Defines the file system, its policy, one mount target in each zone, the access point and a security group.

    Args:
        scope: Where the construct lives.
        id: Its name there. The logical ids of the file system and the access point follow from it: changing it
            replaces them, and the data is gone.
        placement: Where the jobs run that will mount it.
        throughput_mode: `BURSTING` (default): 50 KiB/s for each GiB stored, with credits to burst; `PROVISIONED`: a
            fixed rate; `ELASTIC`: as much as asked for, paid by the GB. The mode can be changed later, but not within
            24 hours after a change to or of a provisioned rate.
            https://docs.aws.amazon.com/efs/latest/ug/performance.html
        provisioned_throughput: The rate per second with `PROVISIONED`, 1 to 3414 MiB. Above 1024 needs a quota increase
            and a region that offers it.
        zone: A zone name for One Zone storage, at about half the price; jobs then belong in that zone. Default:
            Regional storage. Changing it replaces the file system.
        transition_to_ia: When files that nobody reads move to Infrequent Access. Default: never.
        transition_to_archive: When they move to Archive; later than to Infrequent Access, `ELASTIC` only.
        transition_to_primary: When they move back. Default: never.
        backup: Daily backups by AWS Backup, kept 35 days. Default: none; the data can be computed again.
        encryption_key: Key for encryption at rest. Default: the account's own EFS key. Changing it replaces the file
            system.
        uid: POSIX user id that every job acts as on the file system. Default: 1000. 0 also grants root access.
        gid: POSIX group id. Default: 1000.
        host_mounted: Instances mount it at boot too, for engines whose tasks bind directories of the machine
            (Cromwell). Default: no, job definitions mount it.
        removal_policy: What becomes of the data when the stack goes. Default: it goes too.

    Attributes:
        file_system: The L2 file system.
        access_point: The L2 access point.

    Raises:
        ValueError: A provisioned rate without the mode, the mode without a rate, or a rate out of range.

    Security considerations:
        Encrypted at rest and in transit. NFS comes only from the security groups given to `allow_mount_from`. The
        file-system policy admits clients that use TLS, a mount target and an access point; it does not ask for IAM,
        because miniwdl's own task definitions cannot (they would be refused). Whoever can start an instance in those
        security groups can therefore read and write the data, as the access point's user.

    Cost:
        Standard storage 0.30 USD per GB and month (us-east-1), nothing while empty. Provisioned throughput 6.00 USD
        per MiB/s and month, used or not: 1024 MiB/s cost about 6,100 USD a month. Elastic throughput 0.03 USD per GB
        read and 0.06 USD per GB written. https://aws.amazon.com/efs/pricing/
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        placement: Placement,
        throughput_mode: efs.ThroughputMode = efs.ThroughputMode.BURSTING,
        provisioned_throughput: cdk.Size | None = None,
        zone: str | None = None,
        transition_to_ia: efs.LifecyclePolicy | None = None,
        transition_to_archive: efs.LifecyclePolicy | None = None,
        transition_to_primary: efs.OutOfInfrequentAccessPolicy | None = None,
        backup: bool = False,
        encryption_key: kms.IKey | None = None,
        uid: int = 1000,
        gid: int = 1000,
        host_mounted: bool = False,
        removal_policy: cdk.RemovalPolicy = cdk.RemovalPolicy.DESTROY,
    ) -> None:
        super().__init__(scope, id, host_mounted=host_mounted)
        _check_throughput(throughput_mode, provisioned_throughput)
        placement = placement.in_zone(zone) if zone else placement
        security_group = ec2.SecurityGroup(
            self,
            "SecurityGroup",
            vpc=placement.vpc,
            description="Mount targets of the workflow file system",
            allow_all_outbound=False,
        )
        file_system = efs.FileSystem(
            self,
            "FileSystem",
            vpc=placement.vpc,
            vpc_subnets=ec2.SubnetSelection(subnets=placement.one_subnet_per_zone()),
            security_group=security_group,
            encrypted=True,
            kms_key=encryption_key,
            performance_mode=efs.PerformanceMode.GENERAL_PURPOSE,
            throughput_mode=throughput_mode,
            provisioned_throughput_per_second=provisioned_throughput,
            lifecycle_policy=transition_to_ia,
            transition_to_archive_policy=transition_to_archive,
            out_of_infrequent_access_policy=transition_to_primary,
            file_system_policy=_file_system_policy(root=uid == 0),
            # Said outright, so that no feature flag adds CDK's own statements, which lack ClientMount.
            allow_anonymous_access=True,
            removal_policy=removal_policy,
        )
        resource = file_system.node.default_child
        assert isinstance(resource, efs.CfnFileSystem)  # noqa: S101  for the type checker
        # The L2's one_zone takes the first zone of the VPC and its private subnets; ours may be another, or public.
        resource.availability_zone_name = zone
        # Said both ways: One Zone file systems have backups on unless told otherwise.
        resource.backup_policy = efs.CfnFileSystem.BackupPolicyProperty(status="ENABLED" if backup else "DISABLED")
        keep_when_replaced(file_system)
        self.file_system: efs.IFileSystem = file_system
        self._identity = {
            "file system": resource.logical_id,
            "zone": zone or "",
            "key": encryption_key.key_arn if encryption_key else "",
            # The directory of the access point belongs to the user who was first: another one is locked out.
            "user": f"{uid}:{gid}",
        }
        self._bursts = throughput_mode == efs.ThroughputMode.BURSTING
        access_point = file_system.add_access_point(
            "AccessPoint",
            path=_ROOT_DIRECTORY,
            create_acl=efs.Acl(owner_uid=str(uid), owner_gid=str(gid), permissions="750"),
            posix_user=efs.PosixUser(uid=str(uid), gid=str(gid)),
        )
        access_point.apply_removal_policy(removal_policy)
        self.access_point: efs.IAccessPoint = access_point
        self._ready: list[IDependable] = [file_system.mount_targets_available, access_point]
        acknowledge(
            file_system,
            "A work volume: workflows can write it again, and a daily backup is one argument away.",
            "HIPAA.Security-EFSInBackupPlan",
        )

    @override
    def identity(self) -> Mapping[str, str]:
        return self._identity

    @property
    @override
    def ready(self) -> Sequence[IDependable]:
        return self._ready

    @override
    def alarms(self, scope: Construct, *, credit_hours: int) -> Mapping[str, cloudwatch.Alarm]:
        alarms = dict(super().alarms(scope, credit_hours=credit_hours))
        if self._bursts:
            alarms["Burst credits"] = burst_credit_alarm(scope, self.file_system.file_system_id, hours=credit_hours)
        return alarms

    @staticmethod
    def from_attributes(
        scope: Construct,
        id: str,
        *,
        file_system_id: str,
        access_point_id: str,
        security_group: ec2.ISecurityGroup,
        host_mounted: bool = False,
    ) -> WorkflowFileSystem:
        """Use a file system that exists.

        Defines nothing but the rule that lets the jobs in: a file system can have one mount target in a zone, and
        another stack owns them. There must be one in each zone where jobs run.

        Args:
            scope: Where the construct lives.
            id: Its name there.
            file_system_id: `fs-…`.
            access_point_id: `fsap-…`, with a POSIX user and a root directory.
            security_group: The security group of its mount targets.
            host_mounted: Instances mount it at boot too. Default: no.
        """
        return _ImportedEfsFileSystem(
            scope,
            id,
            file_system_id=file_system_id,
            access_point_id=access_point_id,
            security_group=security_group,
            host_mounted=host_mounted,
        )


class _ImportedEfsFileSystem(_EfsBase):
    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        file_system_id: str,
        access_point_id: str,
        security_group: ec2.ISecurityGroup,
        host_mounted: bool,
    ) -> None:
        super().__init__(scope, id, host_mounted=host_mounted)
        self.file_system = efs.FileSystem.from_file_system_attributes(
            self, "FileSystem", file_system_id=file_system_id, security_group=security_group
        )
        self.access_point = efs.AccessPoint.from_access_point_id(self, "AccessPoint", access_point_id)

    @override
    def identity(self) -> Mapping[str, str]:
        return {"file system": self.file_system.file_system_id, "access point": self.access_point.access_point_id}


def _check_throughput(mode: efs.ThroughputMode, rate: cdk.Size | None) -> None:
    provisioned = mode == efs.ThroughputMode.PROVISIONED
    if provisioned and rate is None:
        raise ValueError("throughput_mode PROVISIONED needs provisioned_throughput; give a rate of 1 to 3414 MiB")
    if rate is None:
        return
    if not provisioned:
        message = f"provisioned_throughput is given, but throughput_mode is {mode.name}; make it PROVISIONED"
        raise ValueError(message)
    mibps = rate.to_mebibytes()
    if not MIN_PROVISIONED_MIBPS <= mibps <= MAX_PROVISIONED_MIBPS:
        message = (
            f"provisioned_throughput must be {MIN_PROVISIONED_MIBPS} to {MAX_PROVISIONED_MIBPS} MiB per second, "
            f"got {mibps}"
        )
        raise ValueError(message)


def _file_system_policy(*, root: bool) -> iam.PolicyDocument:
    any_access_point = cdk.Fn.sub(
        "arn:${AWS::Partition}:elasticfilesystem:${AWS::Region}:${AWS::AccountId}:access-point/*"
    )
    return iam.PolicyDocument(
        statements=[
            iam.PolicyStatement(
                sid="DenyWithoutTls",
                effect=iam.Effect.DENY,
                principals=[iam.AnyPrincipal()],
                actions=["elasticfilesystem:*"],
                conditions={"Bool": {"aws:SecureTransport": "false"}},
            ),
            iam.PolicyStatement(
                sid="AllowMountTargetsAndAccessPoints",
                principals=[iam.AnyPrincipal()],
                actions=[*_CLIENT_ACTIONS, *(["elasticfilesystem:ClientRootAccess"] if root else [])],
                # The policy is a property of the file system: naming its access point would be a circle. Each file
                # system has one access point here.
                conditions={
                    "Bool": {"elasticfilesystem:AccessedViaMountTarget": "true"},
                    "ArnLike": {"elasticfilesystem:AccessPointArn": any_access_point},
                },
            ),
        ]
    )
