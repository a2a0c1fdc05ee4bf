"""`fsType: OFS` becomes an `ObjectiveFsFileSystem`."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_kms as kms, aws_secretsmanager as secrets
from constructs import Construct
from typing_extensions import override

from workflow_context.network import Placement
from workflow_context.s3_location import S3Location
from workflow_context.storage.base import WorkflowFileSystem
from workflow_context.storage.objectivefs import ObjectiveFsFileSystem
from workflow_stacks.project.file_systems.objectivefs import OfsSettings

from .base import REMOVAL_POLICIES, FileSystemBuilder


class ObjectiveFsBuilder(FileSystemBuilder[OfsSettings]):
    """Defines an ObjectiveFS file system: a bucket, and secrets that machines read when they start."""

    @override
    def expiry(self) -> cdk.Duration | None:
        hours = self.settings.configuration.expiration_hours
        return cdk.Duration.hours(hours) if hours else None

    @override
    def build(
        self, scope: Construct, id: str, *, placement: Placement, place: S3Location, host_mounted: bool
    ) -> WorkflowFileSystem:
        written = self.settings.configuration
        arn, passphrase = written.kms_key_arn, written.passphrase_secret_arn
        key = kms.Key.from_key_arn(scope, f"{id}Key", arn) if arn else place.bucket.encryption_key

        def secret(name: str, arn: str) -> secrets.ISecret:
            return secrets.Secret.from_secret_attributes(
                scope, f"{id}{name}", secret_complete_arn=arn, encryption_key=key
            )

        return ObjectiveFsFileSystem(
            scope,
            id,
            expected_size_tb=written.expected_size_tb,
            license_secret=secret("License", written.license_secret_arn),
            package_uri=written.package_uri,
            passphrase_secret=secret("Passphrase", passphrase) if passphrase else None,
            encryption_key=key,
            cache_size=cdk.Size.gibibytes(written.cache_size) if written.cache_size else None,
            removal_policy=REMOVAL_POLICIES[written.removal_policy],
        )
