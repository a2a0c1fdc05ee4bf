"""The contract that every workflow file system keeps."""

import abc
from collections.abc import Mapping, Sequence
from typing import ClassVar

import aws_cdk as cdk
import jsii
from aws_cdk import aws_batch as batch, aws_cloudwatch as cloudwatch, aws_ec2 as ec2, aws_iam as iam
from constructs import Construct, IDependable

from workflow_context.network import Placement
from workflow_context.s3_location import S3Location
from workflow_context.scripts import MountScript

from .run_volumes import RunVolumes

_NOTHING = cdk.Size.mebibytes(0)


class WorkflowFileSystem(Construct, metaclass=jsii.JSIIAbstractClass):
    """The file system that the head jobs and the task jobs of a context share.

    A kind says for itself how it is reached, mounted and paid for; nothing asks which kind it is. There are three ways
    to reach one, and a kind may know several of them:

    - by the job definition: `volumes()`, for Fargate too where `serves_fargate`
    - by the machine: instances mount it at boot (`user_data()`, `host_mounted`), and jobs bind the directory
    - not as a directory: `mount_path` is None, and engines copy to and from `work_directory`

    A kind of one's own is a subclass, which sets the attributes below in its body and defines what is abstract here.

    Attributes:
        mount_path: The directory at which jobs find the file system; None when there is nothing to mount.
        location: The bucket and the prefix where the files are objects; None where they are not.
        serves_fargate: Whether a Fargate job can use the file system. Otherwise head jobs run on EC2 instances.
        host_mounted: Whether instances mount the file system at boot, so that any job can bind its directory. Engines
            whose own job definitions carry no other volume (Cromwell) need it.
        admits_references: Whether job definitions that mount it can carry volumes of other file systems beside it.
    """

    mount_path: ClassVar[str | None] = None
    location: S3Location | None = None
    serves_fargate: ClassVar[bool] = False
    host_mounted: bool = False
    admits_references: ClassVar[bool] = True

    @property
    def work_directory(self) -> str:
        """Where engines keep the files of their runs: the directory, or an `s3://` location without a final slash."""
        if self.mount_path is None:
            message = f"{type(self).__name__} has neither a mount path nor a work directory of another kind"
            raise NotImplementedError(message)
        return self.mount_path

    @property
    def ready(self) -> Sequence[IDependable]:
        """What must be there before a job can use the file system. Default: nothing."""
        return []

    @property
    def efs_access_point_id(self) -> str | None:
        """The EFS access point by which job definitions mount it; None for every other kind."""
        return None

    @property
    def bursting_file_system_id(self) -> str | None:
        """The EFS file system whose throughput falls when its burst credits end; None where it stays what it is."""
        return None

    @property
    def needs_a_role(self) -> bool:
        """Whether who reaches it over the network can do nothing without a right to it. Default: not known, so no."""
        return False

    @property
    def changes_owners(self) -> bool:
        """Whether containers that run as root may change the owners of files on it. Default: yes."""
        return True

    @property
    def task_memory_overhead(self) -> cdk.Size:
        """What the file system takes of the machine for each job, to be added to the memory that the job asks for."""
        return _NOTHING

    def misplaced(self, placement: Placement) -> Sequence[str]:
        """What is wrong with jobs that run there, in sentences; synthesis fails with them. Default: nothing.

        Args:
            placement: Where the jobs of a context run.
        """
        del placement
        return []

    def allow_mount_from(self, client: ec2.IConnectable) -> None:
        """Let the network traffic of a client in, from its security groups and from nowhere else.

        Args:
            client: What mounts the file system.
        """

    def allow_mounts_without_iam(self) -> None:
        """Admit clients that mount without a role, for engines whose task definitions cannot carry one (miniwdl)."""

    @abc.abstractmethod
    def grant_read(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow a role to mount the file system, or to reach it otherwise, and to read.

        Args:
            grantee: Who may.
        """

    @abc.abstractmethod
    def grant_read_write(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow the role of a job to use the file system.

        Args:
            grantee: Who may.
        """

    def grant_host_mount(self, grantee: iam.IGrantable, *, read_only: bool = False) -> iam.Grant:
        """Allow the role of an instance to mount the file system. Default: nothing is needed.

        Args:
            grantee: Who may.
            read_only: Whether it may only read.
        """
        del read_only
        return iam.Grant.drop(grantee, f"{type(self).__name__} asks for no right of an instance that mounts it")

    @abc.abstractmethod
    def volumes(self, *, on_fargate: bool) -> Sequence[batch.EcsVolume]:
        """The volumes that a job definition must carry; none when jobs need no mount.

        Args:
            on_fargate: Whether the job runs on Fargate, which has no directories of a machine to bind.
        """

    def complete(self, definition: batch.EcsJobDefinition) -> None:
        """Add to a job definition what `volumes` cannot say, because CDK has no class for it yet."""

    def mount_read_only(self, definition: batch.EcsJobDefinition) -> None:
        """Let the jobs of a definition read what they mount, and not write. `volumes` says what that is.

        Args:
            definition: The job definition.
        """
        # By the L1: whether a volume is read-only is said of it here, and a volume of the L2 is made before.
        resource = definition.node.default_child
        assert isinstance(resource, batch.CfnJobDefinition)  # noqa: S101  for the type checker
        resource.add_property_override("ContainerProperties.MountPoints.0.ReadOnly", True)

    @property
    def mount_script(self) -> MountScript | None:
        """How a machine mounts the file system; None where it cannot."""
        return None

    def user_data(self) -> Sequence[str]:
        """Shell scripts that an instance runs at boot, before it takes jobs; none unless it is `host_mounted`."""
        return [self.mount_script.on_machine()] if self.host_mounted and self.mount_script else []

    def mount_on(self, instance: ec2.Instance, *, read_only: bool = False) -> None:
        """Mount the file system at `mount_path` of an instance of one's own, at its first boot and at later ones.

        The instance is let in by its security groups, and its role may mount. It needs Amazon Linux 2023 and a way to
        its packages. Where the mount fails, the instance goes on without: see `/var/log/cloud-init-output.log`.

        Args:
            instance: The instance.
            read_only: Whether nothing can be written on the mount.

        Raises:
            ValueError: There is nothing to mount.
        """
        script = self.mount_script
        if script is None:
            message = f"{type(self).__name__} is not mounted anywhere; read and write {self.work_directory} instead"
            raise ValueError(message)
        self.allow_mount_from(instance)
        self.grant_host_mount(instance.role, read_only=read_only)
        # A shell of its own: what comes after it in the user data runs whatever becomes of the mount.
        text = script.on_instance(read_only=read_only)
        instance.user_data.add_commands(f"bash -s <<'WORKFLOW-MOUNT' || true\n{text}\nWORKFLOW-MOUNT")
        if self.ready:
            instance.node.add_dependency(*self.ready)

    def directory(self, id: str, path: str) -> "WorkflowFileSystem":
        """Another directory of the file system, with rights of its own; jobs of a context do not see it otherwise.

        Args:
            id: Its name in this construct. Logical ids follow from it.
            path: The directory, made when it is not there.

        Raises:
            ValueError: The kind has none.
        """
        del id, path
        message = f"{type(self).__name__} has no directories with rights of their own; EfsFileSystem has"
        raise ValueError(message)

    def reference_volume(self, name: str, path: str) -> batch.EcsVolume:
        """A volume by which a job reads the file system, beside the one that it works on.

        Args:
            name: The name of the volume.
            path: Where the job finds it.

        Raises:
            ValueError: Jobs do not mount the kind, or at one path only.
        """
        del name, path
        message = f"{type(self).__name__} is not mounted beside another file system; EfsFileSystem can be"
        raise ValueError(message)

    def run_volumes(self) -> RunVolumes | None:
        """Set aside a directory in which each run can be given one of its own; None where the kind cannot."""
        return None

    def identity(self) -> Mapping[str, str]:
        """What makes it this file system and no other: when one of these changes, jobs no longer see the data.

        Names to values, which may be tokens. Empty when no data is lost to jobs by any change.
        """
        return {}

    @abc.abstractmethod
    def outputs(self) -> dict[str, str]:
        """What a user wants to know of the file system once it is deployed: output name to value."""

    def metrics(self) -> Mapping[str, Sequence[cloudwatch.IMetric]]:
        """What the kind measures of itself, for a dashboard: title of a graph to what it shows."""
        return {}

    def alarms(self, scope: Construct, *, credit_hours: int) -> Mapping[str, cloudwatch.Alarm]:
        """Define the alarms of the kind: title to alarm.

        Args:
            scope: Where the alarms live.
            credit_hours: Warn when burst credits end within so many hours at the present rate, where a kind has them.
        """
        del scope, credit_hours
        return {}
