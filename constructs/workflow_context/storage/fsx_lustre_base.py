"""What every Lustre file system does that instances mount: made here, or existing."""

from collections.abc import Mapping, Sequence
from typing import Unpack

import aws_cdk as cdk
from aws_cdk import aws_batch as batch, aws_cloudwatch as cloudwatch, aws_ec2 as ec2, aws_iam as iam
from constructs import Construct, IDependable
from typing_extensions import override

from workflow_context.scripts import MountScript

from .metrics import MetricOptions, graphs, metric
from .network import NetworkFileSystem

_MOUNT_PATH = "/mnt/fsx"
# https://docs.aws.amazon.com/fsx/latest/LustreGuide/limit-access-security-groups.html
_PORTS = (ec2.Port.tcp(988), ec2.Port.tcp_range(1018, 1023))
_METRICS = "AWS/FSx"


class FsxLustreFileSystemBase(NetworkFileSystem):
    """A Lustre file system: what new and existing ones have in common.

    Attributes:
        file_system_id: `fs-…`.
    """

    mount_path = _MOUNT_PATH
    host_mounted = True
    file_system_id: str
    _dns_name: str
    _mount_name: str

    @override
    def allow_mount_from(self, client: ec2.IConnectable) -> None:
        """Lustre's servers call their clients too."""
        for port in _PORTS:
            client.connections.allow_to(self, port, "Lustre")
            client.connections.allow_from(self, port, "Lustre, the servers calling back")

    def _open_ports_between_servers(self) -> None:
        for port in _PORTS:
            self.connections.allow_internally(port, "Lustre")

    @override
    def grant_read(self, grantee: iam.IGrantable) -> iam.Grant:
        """Lustre knows no rights of roles: who is let in by the security groups can read and write."""
        return iam.Grant.drop(grantee, "Lustre knows no rights of roles")

    @override
    def grant_read_write(self, grantee: iam.IGrantable) -> iam.Grant:
        """Lustre knows no rights of roles: who is let in by the security groups can read and write."""
        return self.grant_read(grantee)

    @override
    def volumes(self, *, on_fargate: bool) -> Sequence[batch.EcsVolume]:
        return [batch.EcsVolume.host(name="fsx", container_path=_MOUNT_PATH, host_path=_MOUNT_PATH)]

    @property
    @override
    def mount_script(self) -> MountScript:
        settings = {
            "MOUNT_PATH": _MOUNT_PATH,
            "DNS_NAME": self._dns_name,
            "MOUNT_NAME": self._mount_name,
        }
        return MountScript.of("mount_fsx_lustre.sh", settings)

    def metric_data_read_bytes(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Bytes that clients read.

        Args:
            **options: How the metric is read. Default: the sum, each five minutes.
        """
        return self._metric("DataReadBytes", options)

    def metric_data_write_bytes(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Bytes that clients wrote.

        Args:
            **options: How the metric is read. Default: the sum, each five minutes.
        """
        return self._metric("DataWriteBytes", options)

    def metric_metadata_operations(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Operations on names and attributes.

        Args:
            **options: How the metric is read. Default: the sum, each five minutes.
        """
        return self._metric("MetadataOperations", options)

    def metric_free_data_storage_capacity(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Free bytes.

        Args:
            **options: How the metric is read. Default: the sum over the disks, each minute, as often as they say it.
        """
        return self._metric("FreeDataStorageCapacity", {"period": cdk.Duration.minutes(1), **options})

    def _metric(self, name: str, options: MetricOptions) -> cloudwatch.Metric:
        return metric(_METRICS, name, {"FileSystemId": self.file_system_id}, **options)

    @override
    def metrics(self) -> Mapping[str, Sequence[cloudwatch.IMetric]]:
        # https://docs.aws.amazon.com/fsx/latest/LustreGuide/fs-metrics.html
        names = {
            "Throughput, bytes in five minutes": ["DataReadBytes", "DataWriteBytes"],
            "Metadata operations": ["MetadataOperations"],
        }
        return {
            **graphs(_METRICS, {"FileSystemId": self.file_system_id}, names),
            "Free capacity, bytes": [self.metric_free_data_storage_capacity()],
        }

    @override
    def outputs(self) -> dict[str, str]:
        return {"FileSystemId": self.file_system_id}


class ExistingFsxLustreFileSystem(FsxLustreFileSystemBase):
    """What `FsxLustreFileSystem.from_fsx_lustre` and `from_fsx_lustre_attributes` return."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        file_system_id: str,
        dns_name: str,
        mount_name: str,
        connections: ec2.Connections,
        ready: Sequence[IDependable],
    ) -> None:
        super().__init__(scope, id, connections=connections)
        self.file_system_id = file_system_id
        self._dns_name = dns_name
        self._mount_name = mount_name
        self._ready = ready
        self._open_ports_between_servers()

    @property
    @override
    def ready(self) -> Sequence[IDependable]:
        return self._ready
