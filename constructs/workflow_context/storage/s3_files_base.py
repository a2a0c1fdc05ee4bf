"""What every S3 Files file system does that jobs mount: made here, or existing."""

from collections.abc import Mapping, Sequence
from typing import Unpack

import aws_cdk as cdk
from aws_cdk import aws_batch as batch, aws_cloudwatch as cloudwatch, aws_ec2 as ec2, aws_iam as iam
from constructs import Construct
from typing_extensions import override

from workflow_context.s3_location import S3Location
from workflow_context.scripts import MountScript

from .metrics import MetricOptions, graphs, metric
from .network import NetworkFileSystem

NFS = ec2.Port.tcp(2049)
_MOUNT_ACTION = "s3files:ClientMount"
CLIENT_ACTIONS = (_MOUNT_ACTION, "s3files:ClientWrite")
ROOT_ACTION = "s3files:ClientRootAccess"
_MOUNT_PATH = "/mnt/s3files"
_VOLUME = "s3files"
_METRICS = "AWS/S3/Files"


class S3FilesFileSystemBase(NetworkFileSystem):
    """An S3 Files file system, through one access point: what new and existing ones have in common.

    Attributes:
        location: The bucket and the prefix that it holds.
    """

    mount_path = _MOUNT_PATH
    serves_fargate = True
    host_mounted = True
    location: S3Location
    _file_system_id: str
    _file_system_arn: str
    _access_point_id: str
    _access_point_arn: str
    _is_root = True
    _directory = ""
    admits_references = False  # `complete` says all volumes

    @override
    def grant_read(self, grantee: iam.IGrantable) -> iam.Grant:
        return self._grant(grantee, _MOUNT_ACTION)

    @override
    def grant_read_write(self, grantee: iam.IGrantable) -> iam.Grant:
        return self._grant(grantee, *CLIENT_ACTIONS)

    @override
    def grant_host_mount(self, grantee: iam.IGrantable, *, read_only: bool = False) -> iam.Grant:
        return self.grant_read(grantee) if read_only else self.grant_read_write(grantee)

    def _grant(self, grantee: iam.IGrantable, *actions: str) -> iam.Grant:
        mount = iam.Grant.add_to_principal(
            grantee=grantee,
            actions=[*actions, *([ROOT_ACTION] if self._is_root else [])],
            resource_arns=[self._file_system_arn],
            conditions={"ArnEquals": {"s3files:AccessPointArn": self._access_point_arn}},
        )
        return mount.combine(self.location.grant_read(grantee))

    @override
    def volumes(self, *, on_fargate: bool) -> Sequence[batch.EcsVolume]:
        if on_fargate:
            return []  # see complete: CDK has no class for the volume
        return [batch.EcsVolume.host(name=_VOLUME, container_path=_MOUNT_PATH, host_path=_MOUNT_PATH)]

    @override
    def complete(self, definition: batch.EcsJobDefinition) -> None:
        if not isinstance(definition.container, batch.EcsFargateContainerDefinition):
            return
        resource = definition.node.default_child
        assert isinstance(resource, batch.CfnJobDefinition)  # noqa: S101  for the type checker
        resource.add_property_override(
            "ContainerProperties.Volumes",
            [
                {
                    "Name": _VOLUME,
                    "S3FilesVolumeConfiguration": {
                        "FileSystemArn": self._file_system_arn,
                        "AccessPointArn": self._access_point_arn,
                    },
                }
            ],
        )
        self._set_mount_point(resource, read_only=False)

    @override
    def mount_read_only(self, definition: batch.EcsJobDefinition) -> None:
        if not isinstance(definition.container, batch.EcsFargateContainerDefinition):
            super().mount_read_only(definition)
            return
        resource = definition.node.default_child
        assert isinstance(resource, batch.CfnJobDefinition)  # noqa: S101  for the type checker
        self._set_mount_point(resource, read_only=True)

    @staticmethod
    def _set_mount_point(resource: batch.CfnJobDefinition, *, read_only: bool) -> None:
        resource.add_property_override(
            "ContainerProperties.MountPoints",
            [{"ContainerPath": _MOUNT_PATH, "SourceVolume": _VOLUME, "ReadOnly": read_only}],
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
            "FILE_SYSTEM_ID": self._file_system_id,
            "ACCESS_POINT_ID": self._access_point_id,
        }
        return MountScript.of("mount_s3_files.sh", settings)

    def metric_data_read_bytes(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Bytes that clients read.

        Args:
            **options: How the metric is read. Default: the sum, each five minutes.
        """
        return metric(_METRICS, "DataReadBytes", self._dimensions(), **options)

    def metric_data_write_bytes(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Bytes that clients wrote.

        Args:
            **options: How the metric is read. Default: the sum, each five minutes.
        """
        return metric(_METRICS, "DataWriteBytes", self._dimensions(), **options)

    def metric_pending_exports(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Changes that wait to be written to the bucket.

        Args:
            **options: How the metric is read. Default: the maximum, each five minutes.
        """
        read: MetricOptions = {"statistic": "Maximum", **options}
        return metric(_METRICS, "PendingExports", self._dimensions(), **read)

    def metric_export_failures(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Changes that could not be written to the bucket.

        Args:
            **options: How the metric is read. Default: the sum, each five minutes.
        """
        return metric(_METRICS, "ExportFailures", self._dimensions(), **options)

    def metric_import_failures(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Objects that could not be read from the bucket.

        Args:
            **options: How the metric is read. Default: the sum, each five minutes.
        """
        return metric(_METRICS, "ImportFailures", self._dimensions(), **options)

    def metric_client_connections(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """How many clients have mounted it.

        Args:
            **options: How the metric is read. Default: the sum, each five minutes.
        """
        return metric(_METRICS, "ClientConnections", self._dimensions(), **options)

    @override
    def metrics(self) -> Mapping[str, Sequence[cloudwatch.IMetric]]:
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-files-monitoring.html
        names = {
            "Throughput, bytes in five minutes": ["DataReadBytes", "DataWriteBytes"],
            "Not synchronized": ["ImportFailures", "ExportFailures"],
        }
        states = {
            "Waiting for the bucket": ["PendingExports"],
            "Lost and found": ["LostAndFoundFiles"],
            "Clients": ["ClientConnections"],
        }
        return {
            **graphs(_METRICS, self._dimensions(), names),
            **graphs(_METRICS, self._dimensions(), states, "Maximum"),
        }

    @override
    def alarms(self, scope: Construct, *, credit_hours: int) -> Mapping[str, cloudwatch.Alarm]:
        failures = cloudwatch.Alarm(
            scope,
            "ExportFailures",
            metric=metric(_METRICS, "ExportFailures", self._dimensions()),
            threshold=1,
            evaluation_periods=1,
            alarm_description="What a job wrote did not reach the bucket: see .s3files-lost+found on the file system.",
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        return {"Export failures": failures}

    def _dimensions(self) -> dict[str, str]:
        return {"FileSystemId": self._file_system_id}

    @override
    def outputs(self) -> dict[str, str]:
        return {
            "FileSystemId": self._file_system_id,
            "AccessPointId": self._access_point_id,
            "FileSystemObjects": f"{self.location.uri}{self._directory}",
        }


class ExistingS3FilesFileSystem(S3FilesFileSystemBase):
    """What `S3FilesFileSystem.from_s3_files_attributes` returns."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        file_system_id: str,
        access_point_id: str,
        access_point_arn: str,
        location: S3Location,
        security_group: ec2.ISecurityGroup,
    ) -> None:
        connections = ec2.Connections(default_port=NFS, security_groups=[security_group])
        super().__init__(scope, id, connections=connections)
        self.location = location
        self._file_system_id = file_system_id
        self._access_point_id = access_point_id
        self._access_point_arn = access_point_arn
        self._file_system_arn = cdk.Stack.of(self).format_arn(
            service="s3files", resource="file-system", resource_name=file_system_id
        )
