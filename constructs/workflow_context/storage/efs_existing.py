"""An EFS file system that exists, with or without mount targets and an access point."""

from collections.abc import Mapping, Sequence

from aws_cdk import aws_ec2 as ec2, aws_efs as efs
from constructs import Construct, IDependable, Node
from typing_extensions import override

from workflow_context.network import Placement

from .efs_base import EfsFileSystemBase, new_access_point


class ExistingEfsFileSystem(EfsFileSystemBase):
    """What `EfsFileSystem.from_efs` and `EfsFileSystem.from_efs_attributes` return.

    Its file-system policy is not touched. It must let clients mount by an access point, or there must be none.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        file_system: efs.IFileSystem,
        access_point: efs.IAccessPoint | None,
        uid: int,
        gid: int,
        host_mounted: bool,
    ) -> None:
        super().__init__(scope, id, connections=file_system.connections, host_mounted=host_mounted)
        self.file_system = file_system
        self._ready: list[IDependable] = []
        if isinstance(file_system, efs.FileSystem):
            self._ready.append(file_system.mount_targets_available)
            self._mount_targets = mount_targets(file_system)
        if access_point is None:
            access_point = new_access_point(self, "AccessPoint", file_system, "/workflow", uid, gid)
            self._is_root = uid == 0
        if isinstance(access_point, efs.AccessPoint):
            self._ready.append(access_point)
        self.access_point = access_point

    @property
    @override
    def ready(self) -> Sequence[IDependable]:
        return self._ready

    @override
    def identity(self) -> Mapping[str, str]:
        return {"file system": self.file_system.file_system_id, "access point": self.access_point.access_point_id}

    def new_mount_targets(self, placement: Placement) -> None:
        """Define the mount targets that the file system lacks, one in each zone.

        Args:
            placement: Where the jobs run.
        """
        for subnet in placement.one_subnet_per_zone():
            # No L2: that of the CDK makes them for a new file system only.
            target = efs.CfnMountTarget(
                self,
                f"MountTarget{subnet.node.id}",
                file_system_id=self.file_system.file_system_id,
                subnet_id=subnet.subnet_id,
                security_groups=[group.security_group_id for group in self.connections.security_groups],
            )
            self._ready.append(target)
            self._mount_targets = [*self._mount_targets, target]


def mount_target_security_group(scope: Construct, vpc: ec2.IVpc) -> ec2.SecurityGroup:
    """The security group of mount targets: nobody is let in yet."""
    return ec2.SecurityGroup(
        scope,
        "SecurityGroup",
        vpc=vpc,
        description="Mount targets of the workflow file system",
        allow_all_outbound=False,
    )


def mount_targets(file_system: efs.FileSystem) -> list[efs.CfnMountTarget]:
    """The mount targets that the L2 defined."""
    return targets_in(file_system.node)


def targets_in(node: Node) -> list[efs.CfnMountTarget]:
    """The mount targets below the node of a file system."""
    return [child for child in node.children if isinstance(child, efs.CfnMountTarget)]
