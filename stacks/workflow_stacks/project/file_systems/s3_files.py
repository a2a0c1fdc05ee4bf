"""`fsType: S3Files`: Amazon S3 Files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from workflow_stacks.project.arns import KmsKeyArn
from workflow_stacks.project.own_bucket import own_bucket_is_asked_for
from workflow_stacks.project.section import Section
from workflow_stacks.project.values import Choice, Flag, Text, Whole, raise_problems

from .kind import FileSystemSettings
from .posix_user import PosixUser


class S3FilesConfiguration(Section):
    """How an S3 Files file system is made."""

    own_bucket: Annotated[bool, Flag()] = Field(
        default=False,
        description="Whether the objects have a bucket of their own, which 'removalPolicy: destroy' needs. Changing it "
        "replaces the file system and leaves the objects. Default: false, they are in the project's bucket.",
    )
    prefix: Annotated[
        str,
        Text(
            "a prefix of S3 keys without a slash at either end, such as work or runs/2026",
            r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*",
            500,
        ),
    ] = Field(
        default="work",
        description="Prefix of the objects, below the context's own prefix in the bucket. Changing it replaces the "
        "file system and leaves the objects. Default: work.",
    )
    expiration_days: Annotated[int, Whole(1, 365, "days")] = Field(
        default=7,
        description="Take data off the file system that was not read for so many days, 1 to 365; it stays in the "
        "bucket and is fetched again when it is read. Default: 7.",
    )
    kms_key_arn: KmsKeyArn | None = Field(
        default=None,
        description="KMS key that encrypts what is on the file system; the objects have that of the bucket. Changing "
        "it replaces the file system and leaves the objects. Default: a key of the service.",
    )
    removal_policy: Annotated[Literal["destroy", "retain"], Choice()] = Field(
        default="retain",
        description="What happens to the objects when the context is destroyed. With destroy their own bucket must be "
        "emptied first: AWS refuses to delete one that holds objects. Default: retain, they stay.",
    )

    posix_user: PosixUser | None = Field(
        default=None,
        description="User of the access point. Each user has a directory of its own: after a change, jobs find it "
        "empty. Default: uid 0, gid 0, root.",
    )

    @model_validator(mode="after")
    def _keys_agree(self) -> Self:
        written = {"removalPolicy": "'destroy'" if self.removal_policy == "destroy" else None}
        raise_problems("S3FilesConfiguration", list(own_bucket_is_asked_for(self.own_bucket, written)))
        return self


class S3FilesSettings(FileSystemSettings):
    """Amazon S3 Files as the workflow file system: a bucket that is mounted."""

    fs_type: Annotated[Literal["S3Files"], Choice()] = Field(description="Kind of the file system.")
    configuration: S3FilesConfiguration = Field(
        default_factory=S3FilesConfiguration,
        description="How the file system is made. Default: the prefix work in the project's bucket, 7 days, retained.",
    )

    @property
    def throughput(self) -> str:
        """How throughput is granted, for people."""
        return "elastic"

    @property
    def has_key_of_aws(self) -> bool:
        """Whether its data is under a key of AWS because none is written."""
        return self.configuration.kms_key_arn is None

    def facts(self) -> Iterator[tuple[str, str]]:
        """Yield what there is to know about the file system, for people: a name and a value each."""
        configuration = self.configuration
        yield "throughput", self.throughput
        yield "bucket", "of its own" if configuration.own_bucket else "of the project"
        yield "prefix", configuration.prefix
        yield "encryption key", configuration.kms_key_arn or "of AWS (S3 Files)"
        if configuration.posix_user:
            yield "POSIX user", configuration.posix_user.shown
        yield "data leaves the file system", f"after {configuration.expiration_days} days without a read"
        yield "on destroy", "kept" if configuration.removal_policy == "retain" else "deleted"
