"""What the CDK context says: `cdk deploy -c key=value`."""

import re

import aws_cdk as cdk
from constructs import IConstruct

from .build import REMOVAL_POLICIES
from .errors import WorkflowContextError
from .project.findings import closest

KEYS = (
    "project",
    "context",
    "user",
    "vpcId",
    "subnetIds",
    "natGateways",
    "bucket",
    "bucketRemovalPolicy",
    "terminationProtection",
    "permissionsBoundaryArn",
    "rolePath",
    "allowDataLoss",
    "nag",
)
"""What `cdk -c KEY=VALUE` may say."""


class Settings:
    """What `cdk -c key=value` says."""

    def __init__(self, scope: IConstruct) -> None:
        self._node = scope.node

    def refuse_misspelt_keys(self) -> None:
        """Refuse a key that is nearly one of ours: it would be without effect. Keys of others may be there too.

        Raises:
            WorkflowContextError: There is one.
        """
        for key in self._node.get_all_context():
            meant = None if key in KEYS or ":" in key or "/" in key else closest(key, KEYS)
            if meant is not None:
                raise WorkflowContextError(
                    f"the CDK context key {key!r} (cdk -c {key}=…) is unknown: did you mean {meant!r}? "
                    f"Keys: {', '.join(KEYS)}"
                )

    def text(self, key: str) -> str | None:
        """The value of a key, if it has one."""
        value = self._node.try_get_context(key)
        return str(value) if value not in (None, "") else None

    def names(self, key: str) -> list[str]:
        """The names that a key lists, with commas."""
        return [name.strip() for name in (self.text(key) or "").split(",") if name.strip()]

    def namespace(self) -> str:
        """Whose contexts they are: `user`, or nothing."""
        user = self.text("user") or ""
        if user and not re.fullmatch(r"[A-Za-z0-9]{1,32}", user):
            raise WorkflowContextError(f"user is {user!r}; it must be 1 to 32 letters and digits, such as 'jdoe'")
        return user

    def flag(self, key: str, *, default: bool) -> bool:
        """Whether a key is `true`."""
        written = (self.text(key) or str(default)).lower()
        if written not in ("true", "false"):
            raise WorkflowContextError(f"{key} is {written!r}; it must be 'true' or 'false'")
        return written == "true"

    def role_path(self) -> str | None:
        """The path of every role, if there is one."""
        written = self.text("rolePath")
        if written is not None and not re.fullmatch(r"/([!-.0-~]+/){1,16}", written):
            raise WorkflowContextError(
                f"rolePath is {written!r}; it must begin and end with a slash, such as '/genomics/'"
            )
        return written

    def nat_gateways(self) -> int:
        """How many NAT gateways a new VPC has."""
        written = self.text("natGateways") or "1"
        if not re.fullmatch(r"[0-3]", written):
            raise WorkflowContextError(f"natGateways is {written!r}; it must be 0, 1, 2 or 3")
        return int(written)

    def bucket_name(self) -> str | None:
        """The name of the bucket to use, if there is one."""
        written = self.text("bucket")
        if written is None:
            return None
        name = written.removeprefix("s3://").rstrip("/")
        if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", name):
            raise WorkflowContextError(f"bucket is {written!r}; it must be the name of a bucket, such as 'my-bucket'")
        return name

    def bucket_removal_policy(self) -> cdk.RemovalPolicy:
        """What happens to the project's bucket when its stack goes."""
        written = self.text("bucketRemovalPolicy") or "retain"
        if written not in REMOVAL_POLICIES:
            raise WorkflowContextError(f"bucketRemovalPolicy is {written!r}; it must be 'retain' or 'destroy'")
        return REMOVAL_POLICIES[written]
