"""The file system: a construct, and a builder that makes it of what the project file says."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_batch as batch, aws_ec2 as ec2, aws_fsx as fsx, aws_iam as iam
from constructs import Construct, IDependable

from workflow_context import MountScript, NetworkFileSystem, Placement, S3Location, WorkflowFileSystem
from workflow_stacks.build import FileSystemBuilder

from . import OpenZfsSettings

MOUNT_PATH = "/mnt/openzfs"
PORTS = (ec2.Port.tcp(111), ec2.Port.tcp(2049), ec2.Port.tcp_range(20001, 20003))

MOUNT = """\
prepare() {
    dnf install -y nfs-utils
}

attach() {
    mount "$1"
}

host_mount "${SERVER:?}:/fsx" nfs nfsvers=4.1,_netdev
"""
"""OpenZFS's own part of the script of a machine; the common part tries again where it fails."""


class OpenZfsFileSystem(NetworkFileSystem):
    """FSx for OpenZFS in one zone, which instances mount when they start."""

    mount_path = MOUNT_PATH
    host_mounted = True

    def __init__(self, scope: Construct, id: str, *, placement: Placement, capacity: cdk.Size, mbps: int) -> None:
        connections = ec2.Connections()
        super().__init__(scope, id, connections=connections)
        group = ec2.SecurityGroup(self, "SecurityGroup", vpc=placement.vpc, allow_all_outbound=False)
        connections.add_security_group(group)
        self.file_system = fsx.CfnFileSystem(  # there is no L2
            self,
            "FileSystem",
            file_system_type="OPENZFS",
            storage_capacity=capacity.to_gibibytes(),
            subnet_ids=[placement.one_subnet_per_zone()[0].subnet_id],
            security_group_ids=[group.security_group_id],
            open_zfs_configuration=fsx.CfnFileSystem.OpenZFSConfigurationProperty(
                deployment_type="SINGLE_AZ_1",
                throughput_capacity=mbps,
                root_volume_configuration=fsx.CfnFileSystem.RootVolumeConfigurationProperty(
                    nfs_exports=[
                        fsx.CfnFileSystem.NfsExportsProperty(
                            client_configurations=[
                                fsx.CfnFileSystem.ClientConfigurationsProperty(
                                    clients="*", options=["rw", "crossmnt", "no_root_squash"]
                                )
                            ]
                        )
                    ]
                ),
            ),
        )

    @property
    def ready(self) -> Sequence[IDependable]:
        return [self.file_system]

    def allow_mount_from(self, client: ec2.IConnectable) -> None:
        for port in PORTS:
            client.connections.allow_to(self, port, "NFS to OpenZFS")

    def grant_read(self, grantee: iam.IGrantable) -> iam.Grant:
        """Jobs need no right of their own: they see a directory of their instance."""
        return iam.Grant.drop(grantee, "jobs see a directory of their instance")

    def grant_read_write(self, grantee: iam.IGrantable) -> iam.Grant:
        """Jobs need no right of their own: they see a directory of their instance."""
        return self.grant_read(grantee)

    def volumes(self, *, on_fargate: bool) -> Sequence[batch.EcsVolume]:
        return [batch.EcsVolume.host(name="openzfs", container_path=MOUNT_PATH, host_path=MOUNT_PATH)]

    @property
    def mount_script(self) -> MountScript:
        return MountScript(MOUNT, {"MOUNT_PATH": MOUNT_PATH, "SERVER": self.file_system.attr_dns_name})

    def outputs(self) -> dict[str, str]:
        return {"FileSystemId": self.file_system.ref}


class OpenZfsBuilder(FileSystemBuilder[OpenZfsSettings]):
    """Makes it of what the project file says."""

    def placement(self, network: Placement) -> Placement:
        return network.in_one_zone()

    def build(
        self, scope: Construct, id: str, *, placement: Placement, place: S3Location, host_mounted: bool
    ) -> WorkflowFileSystem:
        written = self.settings.configuration
        capacity = cdk.Size.gibibytes(written.storage_capacity_gib)
        return OpenZfsFileSystem(scope, id, placement=placement, capacity=capacity, mbps=written.throughput_mbps)
