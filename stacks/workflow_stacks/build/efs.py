"""`fsType: EFS` becomes an `EfsFileSystem`."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2, aws_efs as efs, aws_kms as kms
from constructs import Construct
from typing_extensions import override

from workflow_context.network import Placement
from workflow_context.s3_location import S3Location
from workflow_context.storage.base import WorkflowFileSystem
from workflow_context.storage.efs import EfsFileSystem
from workflow_stacks.project.file_systems.efs import EfsSettings

from .base import REMOVAL_POLICIES, FileSystemBuilder


class EfsBuilder(FileSystemBuilder[EfsSettings]):
    """Defines an EFS file system, or uses one that exists."""

    @override
    def placement(self, network: Placement) -> Placement:
        zone = self.settings.configuration.availability_zone
        return network.in_zone(zone) if zone else network

    @override
    def expiry(self) -> cdk.Duration | None:
        hours = self.settings.configuration.expiration_hours
        return cdk.Duration.hours(hours) if hours else None

    @override
    def build(
        self, scope: Construct, id: str, *, placement: Placement, place: S3Location, host_mounted: bool
    ) -> WorkflowFileSystem:
        written = self.settings.configuration
        user = {"uid": written.posix_user.uid, "gid": written.posix_user.gid} if written.posix_user else {}
        if written.file_system_id:
            group = written.security_group_id
            return EfsFileSystem.from_efs_attributes(
                scope,
                id,
                file_system_id=written.file_system_id,
                access_point_id=written.access_point_id,
                security_group=(
                    ec2.SecurityGroup.from_security_group_id(scope, f"{id}SecurityGroup", group) if group else None
                ),
                mount_targets=None if group else placement,
                host_mounted=host_mounted,
                **user,
            )
        throughput = written.provisioned_throughput
        to_ia, to_archive, to_primary = (
            written.transition_to_ia,
            written.transition_to_archive,
            written.transition_to_primary,
        )
        return EfsFileSystem(
            scope,
            id,
            placement=placement,
            throughput_mode=efs.ThroughputMode[written.throughput_mode.upper()],
            provisioned_throughput=cdk.Size.mebibytes(throughput) if throughput else None,
            zone=written.availability_zone,
            transition_to_ia=efs.LifecyclePolicy[to_ia] if to_ia else None,
            transition_to_archive=efs.LifecyclePolicy[to_archive] if to_archive else None,
            transition_to_primary=efs.OutOfInfrequentAccessPolicy[to_primary] if to_primary else None,
            backup=written.backup,
            encryption_key=(
                kms.Key.from_key_arn(scope, f"{id}Key", written.kms_key_arn) if written.kms_key_arn else None
            ),
            host_mounted=host_mounted,
            **user,
            removal_policy=REMOVAL_POLICIES[written.removal_policy],
        )
