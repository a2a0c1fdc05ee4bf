"""The local cloud: an AWS on loopback, for the real CDK CLI, without network, account or Docker."""

from .cdk import CdkCli
from .cloud import LocalCloud, LocalCloudError

__all__ = ["CdkCli", "LocalCloud", "LocalCloudError"]
