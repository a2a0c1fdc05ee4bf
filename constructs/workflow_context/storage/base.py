"""The contract that every workflow file system keeps."""

import abc
from collections.abc import Sequence

import jsii
from aws_cdk import aws_batch as batch, aws_ec2 as ec2, aws_iam as iam
from constructs import Construct, IDependable


class WorkflowFileSystem(Construct, metaclass=jsii.JSIIAbstractClass):
    """The file system that the head jobs and the task jobs of a context share.

    A kind says for itself how it is reached, mounted and paid for; nothing asks which kind it is.
    """

    @property
    @abc.abstractmethod
    def mount_path(self) -> str:
        """The directory at which jobs find the file system."""

    @property
    @abc.abstractmethod
    def serves_fargate(self) -> bool:
        """True when a Fargate job can use the file system. Otherwise head jobs run on EC2 instances."""

    @property
    @abc.abstractmethod
    def ready(self) -> Sequence[IDependable]:
        """What must be there before a job can use the file system."""

    @property
    @abc.abstractmethod
    def access_point_id(self) -> str | None:
        """The EFS access point by which job definitions mount it; None where instances mount it themselves."""

    @abc.abstractmethod
    def allow_mount_from(self, client: ec2.IConnectable) -> None:
        """Let the network traffic of a client in, from its security groups and from nowhere else."""

    @abc.abstractmethod
    def grant_read_write(self, grantee: iam.IGrantable) -> None:
        """Allow a role to use the file system in job definitions that mount it with IAM authorization."""

    @abc.abstractmethod
    def volumes(self) -> Sequence[batch.EcsVolume]:
        """The volumes that a job definition must carry; none when jobs need no mount."""

    @abc.abstractmethod
    def user_data(self) -> Sequence[str]:
        """Shell scripts that an instance runs at boot, before it takes jobs; none when there is nothing to do."""

    @abc.abstractmethod
    def outputs(self) -> dict[str, str]:
        """What a user wants to know of the file system once it is deployed: output name to value."""
