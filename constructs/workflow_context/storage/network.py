"""File systems that are reached over the network of a VPC."""

import jsii
from aws_cdk import aws_ec2 as ec2
from constructs import Construct
from typing_extensions import override

from .base import WorkflowFileSystem


@jsii.implements(ec2.IConnectable)
class NetworkFileSystem(WorkflowFileSystem):
    """A file system with servers or mount targets in a VPC, behind a security group.

    `instance.connections.allow_to_default_port(file_system)` lets an instance in, as with every construct of the CDK;
    `allow_mount_from` does so for all ports of the kind. The rules are written from the side of the client: they are in
    the client's stack, which may be another one than the file system's.

    Args:
        scope: Where the construct lives.
        id: Its name there.
        connections: The security groups of the servers, and the port that clients call.
    """

    def __init__(self, scope: Construct, id: str, *, connections: ec2.Connections) -> None:
        super().__init__(scope, id)
        self._connections = connections

    @property
    def connections(self) -> ec2.Connections:
        """The network connections of the servers or mount targets."""
        return self._connections

    @override
    def allow_mount_from(self, client: ec2.IConnectable) -> None:
        # The connections themselves: of this object, Node.js would ask for them six times.
        client.connections.allow_to_default_port(self.connections, "Workflow file system")
