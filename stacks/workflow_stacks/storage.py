"""From the file system of a project file to its construct: one function for each kind, chosen by the model's type."""

from functools import singledispatch

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2, aws_efs as efs, aws_kms as kms, aws_s3 as s3, aws_secretsmanager as secrets
from constructs import Construct

from workflow_context.bucket import WorkflowBucket
from workflow_context.network import Placement
from workflow_context.s3_location import S3Location
from workflow_context.storage.base import WorkflowFileSystem
from workflow_context.storage.efs import EfsFileSystem
from workflow_context.storage.fsx_lustre import FsxLustreFileSystem
from workflow_context.storage.objectivefs import ObjectiveFsFileSystem
from workflow_context.storage.s3 import S3FileSystem
from workflow_context.storage.s3_files import S3FilesFileSystem

from .project import (
    DataLocation,
    EfsSettings,
    FsxLustreSettings,
    OfsSettings,
    S3FilesSettings,
    S3Settings,
)

_WORK = "work"  # below a context's place in a bucket: what lies beside it are outputs
REMOVAL_POLICIES = {"destroy": cdk.RemovalPolicy.DESTROY, "retain": cdk.RemovalPolicy.RETAIN}


@singledispatch
def build_storage(
    filesystem: object,
    scope: Construct,  # noqa: ARG001  for the functions registered below
    id: str,  # noqa: ARG001
    *,
    placement: Placement,  # noqa: ARG001
    place: S3Location,  # noqa: ARG001
    host_mounted: bool,  # noqa: ARG001
) -> WorkflowFileSystem:
    """Define the file system that a project file describes.

    Args:
        filesystem: The model of the project file.
        scope: Where the construct lives.
        id: Its name there.
        placement: Where the jobs run that will use it.
        place: The context's own place in the project's bucket, for kinds that keep intermediates in S3.
        host_mounted: Whether instances must mount it at boot, because the engine's tasks bind directories of the
            machine; for kinds that job definitions can mount.
    """
    message = f"no construct is registered for {type(filesystem).__name__}"
    raise TypeError(message)


@singledispatch
def placement_for(filesystem: object, placement: Placement) -> Placement:  # noqa: ARG001
    """Where the jobs of a context may run, given its file system: everywhere, unless the kind is bound to a zone."""
    return placement


@placement_for.register
def _(filesystem: EfsSettings, placement: Placement) -> Placement:
    zone = filesystem.configuration.availability_zone
    return placement.in_zone(zone) if zone else placement


@placement_for.register
def _(filesystem: FsxLustreSettings, placement: Placement) -> Placement:  # noqa: ARG001
    # In another zone than its servers a job pays for every GB that it reads and writes, and waits longer for it.
    return placement.in_one_zone()


@build_storage.register
def _(
    filesystem: S3Settings,
    scope: Construct,
    id: str,
    *,
    placement: Placement,  # noqa: ARG001  nothing is mounted anywhere
    place: S3Location,
    host_mounted: bool,  # noqa: ARG001
) -> WorkflowFileSystem:
    written = filesystem.configuration
    if not written.own_bucket:
        return S3FileSystem(scope, id, location=place.within(_WORK))
    bucket = WorkflowBucket(
        scope,
        f"{id}Bucket",
        encryption_key=kms.Key.from_key_arn(scope, f"{id}Key", written.kms_key_arn) if written.kms_key_arn else None,
        versioned=False,
        removal_policy=REMOVAL_POLICIES[written.removal_policy],
    )
    if written.expiration_days:
        bucket.expire(_WORK, cdk.Duration.days(written.expiration_days))
    _show(scope, id, bucket)
    return S3FileSystem(scope, id, location=bucket.location(_WORK))


def _show(scope: Construct, id: str, bucket: WorkflowBucket) -> None:
    """What may stay, or must be emptied, when the stack goes is an output."""
    cdk.CfnOutput(scope, f"{id}BucketName", value=bucket.bucket.bucket_name)
    cdk.CfnOutput(scope, f"{id}AccessLogBucketName", value=bucket.access_log_bucket.bucket_name)


@build_storage.register
def _(
    filesystem: S3FilesSettings,
    scope: Construct,
    id: str,
    *,
    placement: Placement,
    place: S3Location,
    host_mounted: bool,  # noqa: ARG001  it always is
) -> WorkflowFileSystem:
    written = filesystem.configuration
    location = place.within(written.prefix)
    if written.own_bucket:
        bucket = WorkflowBucket(scope, f"{id}Bucket", removal_policy=REMOVAL_POLICIES[written.removal_policy])
        _show(scope, id, bucket)
        location = bucket.location(written.prefix)
    return S3FilesFileSystem(
        scope,
        id,
        placement=placement,
        location=location,
        expiration=cdk.Duration.days(written.expiration_days),
    )


@build_storage.register
def _(
    filesystem: OfsSettings,
    scope: Construct,
    id: str,
    *,
    placement: Placement,  # noqa: ARG001  nothing of it is in the network
    place: S3Location,  # noqa: ARG001
    host_mounted: bool,  # noqa: ARG001  it always is
) -> WorkflowFileSystem:
    written = filesystem.configuration
    passphrase = written.passphrase_secret_arn
    return ObjectiveFsFileSystem(
        scope,
        id,
        expected_size_tb=written.expected_size_tb,
        license_secret=secrets.Secret.from_secret_complete_arn(scope, f"{id}License", written.license_secret_arn),
        package_uri=written.package_uri,
        passphrase_secret=(
            secrets.Secret.from_secret_complete_arn(scope, f"{id}Passphrase", passphrase) if passphrase else None
        ),
        cache_size=cdk.Size.gibibytes(written.cache_size) if written.cache_size else None,
        removal_policy=REMOVAL_POLICIES[written.removal_policy],
    )


@build_storage.register
def _(
    filesystem: FsxLustreSettings,
    scope: Construct,
    id: str,
    *,
    placement: Placement,
    place: S3Location,  # noqa: ARG001  everything is on the file system
    host_mounted: bool,  # noqa: ARG001  it always is
) -> WorkflowFileSystem:
    written = filesystem.configuration
    source, target = (
        _location(scope, f"{id}{name}", path)
        for name, path in (("Import", written.import_path), ("Export", written.export_path))
    )
    return FsxLustreFileSystem(
        scope,
        id,
        placement=placement,
        deployment_type=written.deployment_type,
        storage_capacity=cdk.Size.gibibytes(written.storage_capacity_gib),
        per_unit_throughput=written.per_unit_throughput,
        import_from=source,
        export_to=target,
        removal_policy=REMOVAL_POLICIES[written.removal_policy],
    )


def _location(scope: Construct, id: str, written: str | None) -> S3Location | None:
    if written is None:
        return None
    place = DataLocation(location=written)
    return S3Location(s3.Bucket.from_bucket_name(scope, id, place.bucket), place.prefix)


@build_storage.register
def _(
    filesystem: EfsSettings,
    scope: Construct,
    id: str,
    *,
    placement: Placement,
    place: S3Location,  # noqa: ARG001  everything is on the file system
    host_mounted: bool,
) -> WorkflowFileSystem:
    written = filesystem.configuration
    if written.file_system_id and written.access_point_id and written.security_group_id:
        security_group = ec2.SecurityGroup.from_security_group_id(
            scope, f"{id}SecurityGroup", written.security_group_id
        )
        return EfsFileSystem.from_attributes(
            scope,
            id,
            file_system_id=written.file_system_id,
            access_point_id=written.access_point_id,
            security_group=security_group,
            host_mounted=host_mounted,
        )
    throughput = written.provisioned_throughput
    user = written.posix_user
    return EfsFileSystem(
        scope,
        id,
        placement=placement,
        throughput_mode=efs.ThroughputMode[written.throughput_mode.upper()],
        provisioned_throughput=cdk.Size.mebibytes(throughput) if throughput else None,
        zone=written.availability_zone,
        transition_to_ia=efs.LifecyclePolicy[written.transition_to_ia] if written.transition_to_ia else None,
        transition_to_archive=(
            efs.LifecyclePolicy[written.transition_to_archive] if written.transition_to_archive else None
        ),
        transition_to_primary=(
            efs.OutOfInfrequentAccessPolicy[written.transition_to_primary] if written.transition_to_primary else None
        ),
        backup=written.backup,
        encryption_key=kms.Key.from_key_arn(scope, f"{id}Key", written.kms_key_arn) if written.kms_key_arn else None,
        uid=user.uid if user else 1000,
        gid=user.gid if user else 1000,
        host_mounted=host_mounted,
        removal_policy=REMOVAL_POLICIES[written.removal_policy],
    )


@singledispatch
def expires_after(filesystem: object) -> cdk.Duration | None:  # noqa: ARG001
    """How long runs are kept after the last write: for ever, unless the kind has an `expirationHours`."""
    return None


@expires_after.register(EfsSettings)
@expires_after.register(OfsSettings)
def _(filesystem: EfsSettings | OfsSettings) -> cdk.Duration | None:
    hours = filesystem.configuration.expiration_hours
    return cdk.Duration.hours(hours) if hours else None
