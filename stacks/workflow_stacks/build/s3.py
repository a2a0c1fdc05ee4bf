"""`fsType: S3` becomes an `S3FileSystem`."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from constructs import Construct
from typing_extensions import override

from workflow_context.bucket import WorkflowBucket
from workflow_context.network import Placement
from workflow_context.s3_location import S3Location
from workflow_context.storage.base import WorkflowFileSystem
from workflow_context.storage.s3 import S3FileSystem
from workflow_stacks.project.file_systems.s3 import S3Settings

from .base import REMOVAL_POLICIES, FileSystemBuilder
from .own_bucket import output_names

_WORK = "work"  # below a context's place in a bucket: what lies beside it are outputs


class S3Builder(FileSystemBuilder[S3Settings]):
    """Defines a prefix in the project's bucket, or in a bucket of its own."""

    @override
    def build(
        self, scope: Construct, id: str, *, placement: Placement, place: S3Location, host_mounted: bool
    ) -> WorkflowFileSystem:
        written = self.settings.configuration
        if not written.own_bucket:
            return S3FileSystem(scope, id, location=place.within(_WORK))
        arn = written.kms_key_arn
        key = kms.Key.from_key_arn(scope, f"{id}Key", arn) if arn else place.bucket.encryption_key
        bucket = WorkflowBucket(
            scope,
            f"{id}Bucket",
            encryption_key=key,
            versioned=False,
            removal_policy=REMOVAL_POLICIES[written.removal_policy],
        )
        if written.expiration_days:
            bucket.expire(_WORK, cdk.Duration.days(written.expiration_days))
        output_names(scope, id, bucket)
        return S3FileSystem(scope, id, location=bucket.location(_WORK))
