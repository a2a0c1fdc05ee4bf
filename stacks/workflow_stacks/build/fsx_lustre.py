"""`fsType: FSxLustre` becomes an `FsxLustreFileSystem`."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_fsx as fsx, aws_kms as kms, aws_s3 as s3
from constructs import Construct
from typing_extensions import override

from workflow_context.network import Placement
from workflow_context.s3_location import S3Location
from workflow_context.storage.base import WorkflowFileSystem
from workflow_context.storage.fsx_lustre import FsxLustreFileSystem
from workflow_stacks.project.file_systems.fsx_lustre import FsxLustreSettings
from workflow_stacks.project.location import bucket_of, prefix_of

from .base import REMOVAL_POLICIES, FileSystemBuilder


class FsxLustreBuilder(FileSystemBuilder[FsxLustreSettings]):
    """Defines an FSx for Lustre file system, in one zone."""

    @override
    def placement(self, network: Placement) -> Placement:
        # In another zone than its servers a job pays for every GB that it reads and writes, and waits longer for it.
        return network.in_one_zone()

    @override
    def build(
        self, scope: Construct, id: str, *, placement: Placement, place: S3Location, host_mounted: bool
    ) -> WorkflowFileSystem:
        written = self.settings.configuration
        source, target = (
            _location(scope, f"{id}{name}", path)
            for name, path in (("Import", written.import_path), ("Export", written.export_path))
        )
        return FsxLustreFileSystem(
            scope,
            id,
            placement=placement,
            deployment_type=fsx.LustreDeploymentType[written.deployment_type],
            storage_capacity=cdk.Size.gibibytes(written.storage_capacity_gib),
            per_unit_throughput=written.per_unit_throughput,
            import_from=source,
            export_to=target,
            encryption_key=(
                kms.Key.from_key_arn(scope, f"{id}Key", written.kms_key_arn) if written.kms_key_arn else None
            ),
            removal_policy=REMOVAL_POLICIES[written.removal_policy],
        )


def _location(scope: Construct, id: str, written: str | None) -> S3Location | None:
    if written is None:
        return None
    return S3Location(s3.Bucket.from_bucket_name(scope, id, bucket_of(written)), prefix_of(written))
