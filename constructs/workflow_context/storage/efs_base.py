"""What every EFS file system does that jobs mount: made here, existing, or seen by a second access point."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Unpack

import aws_cdk as cdk
from aws_cdk import (
    aws_batch as batch,
    aws_cloudwatch as cloudwatch,
    aws_ec2 as ec2,
    aws_efs as efs,
    aws_iam as iam,
)
from constructs import Construct, IDependable
from typing_extensions import override

from workflow_context.scripts import MountScript

from .base import WorkflowFileSystem
from .efs_metrics import efs_metrics, io_limit_alarm
from .efs_run_volumes import EfsRunVolumes
from .metrics import MetricOptions, metric
from .network import NetworkFileSystem
from .run_volumes import RunVolumes

_MOUNT_PATH = "/mnt/efs"  # miniwdl, Snakemake and Cromwell take this path for granted
_MAX_ID = 2**32 - 1


class EfsFileSystemBase(NetworkFileSystem):
    """An EFS file system, through one access point: what new and existing ones have in common.

    Args:
        scope: Where the construct lives.
        id: Its name there.
        connections: The security groups of the mount targets.
        host_mounted: Whether instances mount it at boot too.

    Attributes:
        file_system: The L2 file system.
        access_point: The L2 access point.
    """

    mount_path = _MOUNT_PATH
    serves_fargate = True
    file_system: efs.IFileSystem
    access_point: efs.IAccessPoint
    _mount_targets: Sequence[efs.CfnMountTarget] = ()
    _is_root = True

    def __init__(self, scope: Construct, id: str, *, connections: ec2.Connections, host_mounted: bool) -> None:
        super().__init__(scope, id, connections=connections)
        self.host_mounted = host_mounted

    @property
    @override
    def efs_access_point_id(self) -> str:
        return self._access_point_id

    @cached_property
    def _access_point_id(self) -> str:
        return self.access_point.access_point_id

    @cached_property
    def _access_point_arn(self) -> str:
        return self.access_point.access_point_arn

    @cached_property
    def _file_system_arn(self) -> str:
        return self.file_system.file_system_arn

    def add_access_point(
        self,
        id: str,
        *,
        path: str | None = None,
        uid: int = 0,
        gid: int = 0,
        host_mounted: bool | None = None,
    ) -> "EfsFileSystemBase":
        """The same file system for another context, which sees a directory of its own.

        The context mounts by an access point of its own, and its jobs wait for the mount targets too. Roles may use
        the access point of their context only. A context whose engine mounts without a role (miniwdl) opens all access
        points of the file system to whoever is let in by the security groups: EFS has no policy for one access point.

        Args:
            id: Name of the access point in this construct, and of its directory. Its logical id follows from it.
            path: The directory of the file system, made when it is not there; `-<uid>-<gid>` is added for another user
                than root, since a directory keeps the owner that it was made with. Default: `/<id>`.
            uid: POSIX user id that every job acts as. Default: 0.
            gid: POSIX group id. Default: 0.
            host_mounted: Whether instances mount it at boot too. Default: as this one.
        """
        access_point = new_access_point(self, f"{id}AccessPoint", self.file_system, path or f"/{id}", uid, gid)
        return _EfsView(
            self,
            id,
            file_system=self,
            access_point=access_point,
            is_root=uid == 0,
            host_mounted=self.host_mounted if host_mounted is None else host_mounted,
        )

    @override
    def grant_read(self, grantee: iam.IGrantable) -> iam.Grant:
        return self._grant(grantee, "ClientMount")

    @override
    def grant_read_write(self, grantee: iam.IGrantable) -> iam.Grant:
        return self._grant(grantee, "ClientMount", "ClientWrite")

    @override
    def grant_host_mount(self, grantee: iam.IGrantable, *, read_only: bool = False) -> iam.Grant:
        return self.grant_read(grantee) if read_only else self.grant_read_write(grantee)

    def _grant(self, grantee: iam.IGrantable, *actions: str) -> iam.Grant:
        # Not by the L2's grant: that one writes into the file system's policy and leaves ClientMount out of it.
        return iam.Grant.add_to_principal(
            grantee=grantee,
            actions=client_actions(*actions, root=self._is_root),
            resource_arns=[self._file_system_arn],
            conditions={"ArnEquals": {"elasticfilesystem:AccessPointArn": self._access_point_arn}},
        )

    @override
    def volumes(self, *, on_fargate: bool) -> Sequence[batch.EcsVolume]:
        if self.host_mounted and not on_fargate:
            return [batch.EcsVolume.host(name="efs", container_path=_MOUNT_PATH, host_path=_MOUNT_PATH)]
        return [
            batch.EcsVolume.efs(
                name="efs",
                container_path=_MOUNT_PATH,
                file_system=self.file_system,
                access_point_id=self._access_point_id,
                enable_transit_encryption=True,
                use_job_role=True,
            )
        ]

    @override
    def directory(self, id: str, path: str) -> WorkflowFileSystem:
        return self.add_access_point(id, path=path, host_mounted=False)

    @override
    def reference_volume(self, name: str, path: str) -> batch.EcsVolume:
        return batch.EcsVolume.efs(
            name=name,
            container_path=path,
            file_system=self.file_system,
            access_point_id=self.access_point.access_point_id,
            enable_transit_encryption=True,
            use_job_role=True,
            readonly=True,
        )

    @property
    @override
    def changes_owners(self) -> bool:
        return self._is_root

    @property
    @override
    def mount_script(self) -> MountScript:
        settings = {
            "MOUNT_PATH": _MOUNT_PATH,
            "FILE_SYSTEM_ID": self.file_system.file_system_id,
            "ACCESS_POINT_ID": self._access_point_id,
            "MOUNT_TARGET_IPS": " ".join(target.attr_ip_address for target in self._mount_targets),
        }
        return MountScript.of("mount_efs.sh", settings)

    @override
    def run_volumes(self) -> RunVolumes | None:
        return EfsRunVolumes(self.file_system, self.add_access_point("RunVolumes", path="/storage"))

    def metric_burst_credit_balance(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Burst credits, in bytes; only with bursting throughput.

        Args:
            **options: How the metric is read. Default: the minimum, each minute.
        """
        return self._metric("BurstCreditBalance", "Minimum", options)

    def metric_permitted_throughput(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Bytes per second that the file system may move.

        Args:
            **options: How the metric is read. Default: the minimum, each minute.
        """
        return self._metric("PermittedThroughput", "Minimum", options)

    def metric_metered_io_bytes(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Bytes moved, of which a read byte counts a third.

        Args:
            **options: How the metric is read. Default: the sum, each minute.
        """
        return self._metric("MeteredIOBytes", "Sum", options)

    def metric_percent_io_limit(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """How near the file system is to its limit of operations, in percent.

        Args:
            **options: How the metric is read. Default: the maximum, each minute.
        """
        return self._metric("PercentIOLimit", "Maximum", options)

    def metric_client_connections(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """How many clients have mounted it.

        Args:
            **options: How the metric is read. Default: the sum, each minute.
        """
        return self._metric("ClientConnections", "Sum", options)

    def _metric(self, name: str, statistic: str, options: MetricOptions) -> cloudwatch.Metric:
        dimensions = {"FileSystemId": self.file_system.file_system_id}
        read: MetricOptions = {"statistic": statistic, "period": cdk.Duration.minutes(1), **options}
        return metric("AWS/EFS", name, dimensions, **read)

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
            "AccessPointId": self._access_point_id,
        }


class _EfsView(EfsFileSystemBase):
    """A file system by another access point than its own."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        file_system: EfsFileSystemBase,
        access_point: efs.AccessPoint,
        is_root: bool,
        host_mounted: bool,
    ) -> None:
        super().__init__(scope, id, connections=file_system.connections, host_mounted=host_mounted)
        self._whole = file_system
        self.file_system = file_system.file_system
        self.access_point = access_point
        self._is_root = is_root
        self._mount_targets = file_system._mount_targets  # noqa: SLF001  of the same base
        self._ready = [*file_system.ready, access_point]

    @property
    @override
    def ready(self) -> Sequence[IDependable]:
        return self._ready

    @override
    def identity(self) -> Mapping[str, str]:
        directory = self.access_point.node.default_child
        assert isinstance(directory, efs.CfnAccessPoint)  # noqa: S101  for the type checker
        return {**self._whole.identity(), "access point": directory.logical_id}

    @property
    @override
    def needs_a_role(self) -> bool:
        return self._whole.needs_a_role

    @override
    def allow_mounts_without_iam(self) -> None:
        self._whole.allow_mounts_without_iam()

    @override
    def alarms(self, scope: Construct, *, credit_hours: int) -> Mapping[str, cloudwatch.Alarm]:
        return self._whole.alarms(scope, credit_hours=credit_hours)


def client_actions(*actions: str, root: bool) -> list[str]:
    """The IAM actions of a client; one that acts as root needs one more.

    https://docs.aws.amazon.com/efs/latest/ug/enforce-identity-access-points.html
    """
    return [f"elasticfilesystem:{action}" for action in (*actions, *(["ClientRootAccess"] if root else []))]


def directory_of(path: str, uid: int, gid: int) -> str:
    """The directory of a user: a directory keeps the owner that it was made with, and locks out another one."""
    return path if uid == 0 and gid == 0 else f"{path}-{uid}-{gid}"


def new_access_point(
    scope: Construct, id: str, file_system: efs.IFileSystem, path: str, uid: int, gid: int
) -> efs.AccessPoint:
    """Define an access point to a directory of one user.

    Raises:
        ValueError: An id out of range.
    """
    for name, number in (("uid", uid), ("gid", gid)):
        if not 0 <= number <= _MAX_ID:
            message = f"{name} must be 0 to {_MAX_ID}, got {number}"
            raise ValueError(message)
    return efs.AccessPoint(
        scope,
        id,
        file_system=file_system,
        path=directory_of(path, uid, gid),
        create_acl=efs.Acl(owner_uid=str(uid), owner_gid=str(gid), permissions="750"),
        posix_user=efs.PosixUser(uid=str(uid), gid=str(gid)),
    )
