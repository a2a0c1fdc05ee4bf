"""`fsType: S3Files` becomes an `S3FilesFileSystem`."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from constructs import Construct
from typing_extensions import override

from workflow_context.bucket import WorkflowBucket
from workflow_context.network import Placement
from workflow_context.s3_location import S3Location
from workflow_context.storage.base import WorkflowFileSystem
from workflow_context.storage.s3_files import S3FilesFileSystem
from workflow_stacks.project.file_systems.s3_files import S3FilesSettings

from .base import REMOVAL_POLICIES, FileSystemBuilder
from .own_bucket import output_names


class S3FilesBuilder(FileSystemBuilder[S3FilesSettings]):
    """Defines a file system over a prefix of the project's bucket, or of a bucket of its own."""

    @override
    def build(
        self, scope: Construct, id: str, *, placement: Placement, place: S3Location, host_mounted: bool
    ) -> WorkflowFileSystem:
        written = self.settings.configuration
        location = place.within(written.prefix)
        if written.own_bucket:
            bucket = WorkflowBucket(
                scope,
                f"{id}Bucket",
                encryption_key=place.bucket.encryption_key,
                removal_policy=REMOVAL_POLICIES[written.removal_policy],
            )
            output_names(scope, id, bucket)
            location = bucket.location(written.prefix)
        user = {"uid": written.posix_user.uid, "gid": written.posix_user.gid} if written.posix_user else {}
        return S3FilesFileSystem(
            scope,
            id,
            placement=placement,
            location=location,
            expiration=cdk.Duration.days(written.expiration_days),
            encryption_key=(
                kms.Key.from_key_arn(scope, f"{id}Key", written.kms_key_arn) if written.kms_key_arn else None
            ),
            **user,
        )
