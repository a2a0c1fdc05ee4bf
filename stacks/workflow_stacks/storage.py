"""From the file system of a project file to its construct: one function for each kind, chosen by the model's type."""

from functools import singledispatch

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2, aws_efs as efs, aws_kms as kms
from constructs import Construct

from workflow_context.network import Placement
from workflow_context.storage.base import WorkflowFileSystem
from workflow_context.storage.efs import EfsFileSystem

from .project import EfsFilesystem

REMOVAL_POLICIES = {"destroy": cdk.RemovalPolicy.DESTROY, "retain": cdk.RemovalPolicy.RETAIN}


@singledispatch
def build_storage(
    filesystem: object,
    scope: Construct,  # noqa: ARG001  for the functions registered below
    id: str,  # noqa: ARG001
    *,
    placement: Placement,  # noqa: ARG001
) -> WorkflowFileSystem:
    """Define the file system that a project file describes.

    Args:
        filesystem: The model of the project file.
        scope: Where the construct lives.
        id: Its name there.
        placement: Where the jobs run that will use it.
    """
    message = f"no construct is registered for {type(filesystem).__name__}"
    raise TypeError(message)


@singledispatch
def placement_for(filesystem: object, placement: Placement) -> Placement:  # noqa: ARG001
    """Where the jobs of a context may run, given its file system: everywhere, unless the kind is bound to a zone."""
    return placement


@placement_for.register
def _(filesystem: EfsFilesystem, placement: Placement) -> Placement:
    zone = filesystem.configuration.availability_zone
    return placement.in_zone(zone) if zone else placement


@build_storage.register
def _(filesystem: EfsFilesystem, scope: Construct, id: str, *, placement: Placement) -> WorkflowFileSystem:
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
        removal_policy=REMOVAL_POLICIES[written.removal_policy],
    )
