"""The EC2 instances of a context: their types, their images and how they start."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import aws_cdk as cdk
from aws_cdk import aws_batch as batch, aws_ec2 as ec2, aws_kms as kms
from constructs import Construct

from .keys import let_volumes_use
from .scripts import read_script


@dataclass(frozen=True)
class Machines:
    """What instances of an environment are.

    Attributes:
        instance_types: Their types or families, or what AWS Batch takes for an architecture (`default_x86_64`).
        image_type: The image that AWS Batch takes for them.
        machine_image: An image to take instead. Default: none.
        kept_minutes: How long they are kept at least after their last job. Default: as AWS Batch does.
    """

    instance_types: list[str]
    image_type: batch.EcsMachineImageType
    machine_image: ec2.IMachineImage | None = None
    kept_minutes: int = 0


HEADS = Machines(["default_x86_64"], batch.EcsMachineImageType.ECS_AL2023)
"""Whatever machines the tasks need, a head job needs none of them, and engines publish their images for x86_64."""


def task_machines(
    instance_types: Sequence[str | ec2.InstanceType],
    architecture: ec2.InstanceArchitecture,
    *,
    gpu: bool,
    machine_image: ec2.IMachineImage | None,
    kept_minutes: int,
) -> Machines:
    """The instances of task jobs.

    Args:
        instance_types: Types or families. Empty for those of AWS Batch for the architecture, or with GPUs.
        architecture: Their processor architecture.
        gpu: Whether they have GPUs.
        machine_image: Their image; None for that of AWS Batch.
        kept_minutes: How long they are kept at least after their last job; 0 for as AWS Batch does.

    Raises:
        TypeError: Something is no instance type.
    """
    for one in instance_types:
        if not isinstance(one, (str, ec2.InstanceType)):
            message = f"instance_types must be names such as 'm6i' or ec2.InstanceType, got {one!r}"
            raise TypeError(message)
    names = [one if isinstance(one, str) else one.to_string() for one in instance_types]
    return Machines(
        names or _default_instance_types(architecture, gpu=gpu),
        batch.EcsMachineImageType.ECS_AL2023_NVIDIA if gpu else batch.EcsMachineImageType.ECS_AL2023,
        machine_image,
        kept_minutes,
    )


def new_launch_template(
    scope: Construct, user_data: ec2.MultipartUserData, root_volume_size: cdk.Size, key: kms.IKey | None
) -> ec2.LaunchTemplate:
    """Define how instances start: with IMDSv2 only and an encrypted root volume.

    Args:
        scope: Where it lives.
        user_data: What they run at boot.
        root_volume_size: The size of the root volume.
        key: Key for the root volume; None for the key of EBS in the account.
    """
    if key is not None:
        let_volumes_use(key)
    return ec2.LaunchTemplate(
        scope,
        "LaunchTemplate",
        user_data=user_data,
        require_imdsv2=True,
        # Jobs are in the network of the machine, where any limit does; tools that start containers are not.
        http_put_response_hop_limit=2,
        block_devices=[encrypted_root_volume(root_volume_size, key)],
    )


def encrypted_root_volume(size: cdk.Size, key: kms.IKey | None) -> ec2.BlockDevice:
    """The root volume of Amazon Linux 2023: gp3, encrypted, gone with its instance.

    Args:
        size: Its size.
        key: Its key; None for the key of EBS in the account.
    """
    return ec2.BlockDevice(
        device_name="/dev/xvda",
        volume=ec2.BlockDeviceVolume.ebs(
            size.to_gibibytes(),
            encrypted=True,
            kms_key=key,
            volume_type=ec2.EbsDeviceVolumeType.GP3,
            delete_on_termination=True,
        ),
    )


def boot_script(more: Sequence[str]) -> ec2.MultipartUserData:
    """What instances run at boot: the ECS agent and the instance store are set up, then what is given.

    AWS Batch merges its own part into the archive: plain shell would make the environment INVALID.
    https://docs.aws.amazon.com/batch/latest/userguide/launch-templates.html

    Args:
        more: Scripts after these, such as those that prepare a file system.
    """
    user_data = ec2.MultipartUserData()
    for part in _of_every_instance():
        user_data.add_part(part)
    for script in more:
        add_boot_part(user_data, script)
    return user_data


def add_boot_part(user_data: ec2.MultipartUserData, script: str) -> None:
    """Add a shell script to what instances run at boot.

    Args:
        user_data: What they run so far.
        script: Its text.
    """
    user_data.add_part(_part(script))


def _part(script: str) -> ec2.MultipartBody:
    return ec2.MultipartBody.from_user_data(ec2.UserData.custom(script))


@cache
def _of_every_instance() -> list[ec2.MultipartBody]:
    return [_part(read_script(name)) for name in ("ecs_agent.sh", "instance_store.sh")]


def _default_instance_types(architecture: ec2.InstanceArchitecture, *, gpu: bool) -> list[str]:
    if gpu:
        return ["g4dn", "g5", "g6"]
    return ["default_arm64" if architecture == ec2.InstanceArchitecture.ARM_64 else "default_x86_64"]
