"""The local cloud: an AWS on loopback, for the real CDK CLI, without network, account or Docker."""

from .cloud.cdk_cli import CdkCli
from .cloud.process import LocalCloud, LocalCloudError

__all__ = ["CdkCli", "LocalCloud", "LocalCloudError"]
