"""Amazon EFS as the workflow file system."""

import re
from collections.abc import Mapping, Sequence
from functools import cache

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch, aws_ec2 as ec2, aws_efs as efs, aws_iam as iam, aws_kms as kms
from constructs import Construct, IDependable
from typing_extensions import override

from workflow_context.limits import MAX_EFS_PROVISIONED_MIBPS, MIN_EFS_PROVISIONED_MIBPS
from workflow_context.nag import acknowledge, in_compliance_packs
from workflow_context.network import Placement
from workflow_context.retention import keep_when_replaced

from .efs_base import EfsFileSystemBase, client_actions, new_access_point
from .efs_existing import ExistingEfsFileSystem, mount_target_security_group, targets_in
from .efs_metrics import burst_credit_alarm

_NFS = ec2.Port.tcp(2049)


class EfsFileSystem(EfsFileSystemBase):
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
        uid: POSIX user id that every job acts as on the file system. Default: 0, root, as images expect that change
            owners (`tar x`, `cp -a`). Each user has a directory of its own: with another one, jobs find it empty.
        gid: POSIX group id. Default: 0.
        host_mounted: Instances mount it at boot too, for engines whose tasks bind directories of the machine
            (Cromwell). Default: no, job definitions mount it.
        removal_policy: What happens to the data when the stack is deleted. Default: it goes too.

    Attributes:
        file_system: The L2 file system.
        access_point: The L2 access point.

    Raises:
        ValueError: A provisioned rate without the mode, the mode without a rate, or a rate out of range.

    Security considerations:
        Encrypted at rest and in transit: the file-system policy denies clients without TLS. NFS comes only from the
        security groups that are let in. A client needs a role that may mount by the access point, except where an
        engine asks for `allow_mounts_without_iam` (miniwdl, whose task definitions carry no role): then the policy
        admits every client that uses a mount target and an access point of the file system, and whoever can start an
        instance in those security groups can read and write the data. The access point confines jobs to its directory,
        where they act as its user: as root, unless another one is given.

    Cost:
        Standard storage 0.30 USD per GB and month (us-east-1), nothing while empty. Provisioned throughput 6.00 USD
        per MiB/s and month, used or not: 1024 MiB/s cost about 6,100 USD a month. Elastic throughput 0.03 USD per GB
        read and 0.06 USD per GB written. https://aws.amazon.com/efs/pricing/
    """

    _admits_without_iam = False

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        placement: Placement | ec2.IVpc,
        throughput_mode: efs.ThroughputMode = efs.ThroughputMode.BURSTING,
        provisioned_throughput: cdk.Size | None = None,
        zone: str | None = None,
        transition_to_ia: efs.LifecyclePolicy | None = None,
        transition_to_archive: efs.LifecyclePolicy | None = None,
        transition_to_primary: efs.OutOfInfrequentAccessPolicy | None = None,
        backup: bool = False,
        encryption_key: kms.IKey | None = None,
        uid: int = 0,
        gid: int = 0,
        host_mounted: bool = False,
        removal_policy: cdk.RemovalPolicy = cdk.RemovalPolicy.DESTROY,
    ) -> None:
        placement = Placement.of(placement)
        _check_throughput(throughput_mode, provisioned_throughput)
        connections = ec2.Connections(default_port=_NFS)
        super().__init__(scope, id, connections=connections, host_mounted=host_mounted)
        placement = placement.in_zone(zone) if zone else placement
        self._policy = iam.PolicyDocument(statements=[_deny_without_tls()])
        security_group = mount_target_security_group(self, placement.vpc)
        connections.add_security_group(security_group)
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
            file_system_policy=self._policy,
            # Said outright, so that no feature flag adds CDK's own statements, which lack ClientMount.
            allow_anonymous_access=True,
            removal_policy=removal_policy,
        )
        node = file_system.node
        resource = node.default_child
        assert isinstance(resource, efs.CfnFileSystem)  # noqa: S101  for the type checker
        # The L2's one_zone takes the first zone of the VPC and its private subnets; ours may be another, or public.
        if zone:
            resource.availability_zone_name = zone
        # Said both ways: One Zone file systems have backups on unless told otherwise.
        resource.backup_policy = efs.CfnFileSystem.BackupPolicyProperty(status="ENABLED" if backup else "DISABLED")
        keep_when_replaced(resource)
        self._resource = resource
        self._zone_name = zone
        self.file_system: efs.IFileSystem = file_system
        self._identity = {
            "file system": resource.logical_id,
            "zone": zone or "",
            "key": encryption_key.key_arn if encryption_key else "",
            # Another user has another directory, and finds it empty.
            "user": f"{uid}:{gid}",
        }
        self._bursts = throughput_mode == efs.ThroughputMode.BURSTING
        targets = targets_in(node)
        self._pin_mount_targets(targets, placement)
        self._mount_targets = targets
        self._is_root = uid == 0
        access_point = new_access_point(file_system, "AccessPoint", file_system, "/workflow", uid, gid)
        access_point.apply_removal_policy(removal_policy)
        self.access_point: efs.IAccessPoint = access_point
        self._ready: list[IDependable] = [file_system.mount_targets_available, access_point]
        acknowledge(
            file_system,
            (
                "AWS Backup copies it daily, by the file system's own backup policy, which puts it into the automatic "
                "plan of the account. The rule knows plans of the template only."
                if backup
                else "A work volume: workflows can write it again. Daily backups are off here (backup=False)."
            ),
            *in_compliance_packs("EFSInBackupPlan"),
        )

    @property
    @override
    def bursting_file_system_id(self) -> str | None:
        return self.file_system.file_system_id if self._bursts else None

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

    @override
    def misplaced(self, placement: Placement) -> Sequence[str]:
        elsewhere = sorted(placement.zone_names - {self._zone_name})
        if self._zone_name is None or not elsewhere:
            return []
        sentence = (
            f"the file system is in {self._zone_name} only, and jobs may run in {', '.join(elsewhere)} too; "
            f"give the context placement.in_zone({self._zone_name!r})"
        )
        return [sentence]

    @property
    @override
    def needs_a_role(self) -> bool:
        return not self._admits_without_iam

    @override
    def allow_mounts_without_iam(self) -> None:
        if self._admits_without_iam:
            return
        self._admits_without_iam = True
        self._policy.add_statements(_admit_mount_targets())

    def _pin_mount_targets(self, targets: Sequence[efs.CfnMountTarget], placement: Placement) -> None:
        """Name them after their subnets: a feature flag of the CDK would rename them, and so make second ones.

        EFS takes one in a zone, so the new ones would be refused while the old ones are there.
        """
        names = placement.mount_subnet_ids
        unique = len(set(names)) == len(names)
        prefix = cdk.Stack.of(self).get_logical_id(self._resource)
        for number, (target, id) in enumerate(zip(targets, names, strict=True), start=1):
            name = id if unique else str(number)
            target.override_logical_id(f"{prefix}MountTarget{re.sub(r'[^A-Za-z0-9]', '', name)}")

    @staticmethod
    def from_efs(
        scope: Construct,
        id: str,
        *,
        file_system: efs.IFileSystem,
        access_point: efs.IAccessPoint | None = None,
        uid: int = 0,
        gid: int = 0,
        host_mounted: bool = False,
    ) -> EfsFileSystemBase:
        """Use an L2 file system of the CDK, which has its mount targets.

        Defines nothing but the access point, where none is given, and the rules that let jobs in.

        Args:
            scope: Where the construct lives.
            id: Its name there.
            file_system: The file system. Where it has a policy, that must let roles mount that have the right:
                `allow_anonymous_access=True`, without which the CDK writes one that lacks `ClientMount`; miniwdl needs
                it in any case.
            access_point: Its access point, with a POSIX user and a root directory. Default: a new one.
            uid: POSIX user id of a new access point. Default: 0.
            gid: POSIX group id of a new access point. Default: 0.
            host_mounted: Instances mount it at boot too. Default: no.

        Raises:
            ValueError: A user is given for an access point that exists.
        """
        _check_user(access_point, uid, gid)
        return ExistingEfsFileSystem(
            scope, id, file_system=file_system, access_point=access_point, uid=uid, gid=gid, host_mounted=host_mounted
        )

    @staticmethod
    def from_efs_attributes(
        scope: Construct,
        id: str,
        *,
        file_system_id: str,
        access_point_id: str | None = None,
        security_group: ec2.ISecurityGroup | None = None,
        mount_targets: Placement | None = None,
        uid: int = 0,
        gid: int = 0,
        host_mounted: bool = False,
    ) -> EfsFileSystemBase:
        """Use a file system by its ids: one of another stack, or one that was retained when its stack went.

        Defines what it lacks: an access point, and mount targets where `mount_targets` is given.

        Args:
            scope: Where the construct lives.
            id: Its name there.
            file_system_id: `fs-…`.
            access_point_id: `fsap-…`, with a POSIX user and a root directory. Default: a new one.
            security_group: The security group of its mount targets. Default: with `mount_targets`, a new one.
            mount_targets: Where to define mount targets, for a file system that has none: a retained one lost them with
                its stack. Default: it has one in each zone where jobs run. A file system can have one in a zone.
            uid: POSIX user id of a new access point. Default: 0. Jobs find the files that were written as this user.
            gid: POSIX group id of a new access point. Default: 0.
            host_mounted: Instances mount it at boot too. Default: no.

        Raises:
            ValueError: Neither a security group nor mount targets, or a user for an access point that exists.
        """
        holder = Construct(scope, f"{id}Existing")
        if security_group is None:
            if mount_targets is None:
                raise ValueError(
                    "give the security_group of the mount targets; or mount_targets, a placement, where there are none"
                )
            security_group = mount_target_security_group(holder, mount_targets.vpc)
        file_system = efs.FileSystem.from_file_system_attributes(
            holder, "FileSystem", file_system_id=file_system_id, security_group=security_group
        )
        access_point = (
            efs.AccessPoint.from_access_point_id(holder, "AccessPoint", access_point_id) if access_point_id else None
        )
        _check_user(access_point, uid, gid)
        existing = ExistingEfsFileSystem(
            scope, id, file_system=file_system, access_point=access_point, uid=uid, gid=gid, host_mounted=host_mounted
        )
        if mount_targets is not None:
            existing.new_mount_targets(mount_targets)
        return existing


def _check_user(access_point: efs.IAccessPoint | None, uid: int, gid: int) -> None:
    if access_point is not None and (uid or gid):
        raise ValueError("uid and gid are for a new access point; the one that is given has a user already")


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
    if not MIN_EFS_PROVISIONED_MIBPS <= mibps <= MAX_EFS_PROVISIONED_MIBPS:
        message = (
            f"provisioned_throughput must be {MIN_EFS_PROVISIONED_MIBPS} to {MAX_EFS_PROVISIONED_MIBPS} MiB per "
            f"second, got {mibps}"
        )
        raise ValueError(message)


@cache
def _deny_without_tls() -> iam.PolicyStatement:
    return iam.PolicyStatement(
        sid="DenyWithoutTls",
        effect=iam.Effect.DENY,
        principals=[iam.AnyPrincipal()],
        actions=["elasticfilesystem:*"],
        conditions={"Bool": {"aws:SecureTransport": "false"}},
    )


@cache
def _admit_mount_targets() -> iam.PolicyStatement:
    any_access_point = cdk.Fn.sub(
        "arn:${AWS::Partition}:elasticfilesystem:${AWS::Region}:${AWS::AccountId}:access-point/*"
    )
    return iam.PolicyStatement(
        sid="AllowMountTargetsAndAccessPoints",
        principals=[iam.AnyPrincipal()],
        # What an access point makes of a client is said by the access point: one of root needs the right.
        actions=client_actions("ClientMount", "ClientWrite", root=True),
        # The policy is a property of the file system: naming its access points would be a circle.
        conditions={
            "Bool": {"elasticfilesystem:AccessedViaMountTarget": "true"},
            "ArnLike": {"elasticfilesystem:AccessPointArn": any_access_point},
        },
    )
