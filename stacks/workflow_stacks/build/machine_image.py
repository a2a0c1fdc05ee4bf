"""An Amazon Machine Image by its id, in whatever Region the stack is deployed to."""

import jsii
from aws_cdk import aws_ec2 as ec2
from constructs import Construct


@jsii.implements(ec2.IMachineImage)
class ImageById:
    """The image of an id. `ec2.MachineImage.generic_linux` asks for the Region, which a template need not know.

    Args:
        image_id: Such as `ami-0123456789abcdef0`.
    """

    def __init__(self, image_id: str) -> None:
        self._id = image_id

    def get_image(self, scope: Construct) -> ec2.MachineImageConfig:
        """Return the image."""
        del scope
        return ec2.MachineImageConfig(
            image_id=self._id, os_type=ec2.OperatingSystemType.LINUX, user_data=ec2.UserData.for_linux()
        )
