"""`fsType: S3`: a prefix in a bucket, from and to which engines copy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from workflow_stacks.project.arns import KmsKeyArn
from workflow_stacks.project.own_bucket import own_bucket_is_asked_for
from workflow_stacks.project.section import Section
from workflow_stacks.project.values import Choice, Flag, Whole, raise_problems

from .kind import FileSystemSettings


class S3Configuration(Section):
    """Where intermediates are kept in S3, and for how long."""

    own_bucket: Annotated[bool, Flag()] = Field(
        default=False,
        description="Whether the intermediates have a bucket of their own, which expirationDays, kmsKeyArn and "
        "'removalPolicy: destroy' need. Changing it moves the work directory: what is in the old place stays there. "
        "Default: false, they are in the project's bucket.",
    )
    expiration_days: Annotated[int, Whole(1, 3650, "days")] | None = Field(
        default=None,
        description="Delete intermediates this many days after they were written, 1 to 3650. Default: they stay, so "
        "that a run can be resumed.",
    )
    kms_key_arn: KmsKeyArn | None = Field(
        default=None,
        description="KMS key that encrypts the intermediates in a bucket of their own. Default: the project's "
        "kmsKeyArn, else S3's own encryption.",
    )
    removal_policy: Annotated[Literal["destroy", "retain"], Choice()] = Field(
        default="retain",
        description="What happens to the intermediates when the context is destroyed. With destroy their own bucket "
        "must be emptied first: AWS refuses to delete one that holds objects. Default: retain, they stay.",
    )

    @model_validator(mode="after")
    def _keys_agree(self) -> Self:
        written = {
            "expirationDays": f"{self.expiration_days} days" if self.expiration_days else None,
            "kmsKeyArn": self.kms_key_arn,
            "removalPolicy": "'destroy'" if self.removal_policy == "destroy" else None,
        }
        raise_problems("S3Configuration", list(own_bucket_is_asked_for(self.own_bucket, written)))
        return self


class S3Settings(FileSystemSettings):
    """Amazon S3 as the workflow file system: nothing is mounted."""

    fs_type: Annotated[Literal["S3"], Choice()] = Field(description="Kind of the file system.")
    configuration: S3Configuration = Field(
        default_factory=S3Configuration,
        description="Where intermediates are kept. Default: in the project's bucket, for good.",
    )

    @property
    def throughput(self) -> str:
        """How throughput is granted, for people."""
        return "as S3 provides"

    def facts(self) -> Iterator[tuple[str, str]]:
        """Yield what there is to know about the file system, for people: a name and a value each."""
        configuration = self.configuration
        yield "throughput", self.throughput
        yield "bucket", "of its own" if configuration.own_bucket else "of the project"
        yield "encryption key", configuration.kms_key_arn or "the project's, else of S3 (SSE-S3)"
        yield "on destroy", "kept" if configuration.removal_policy == "retain" else "deleted"
        days = configuration.expiration_days
        yield "intermediates are deleted", f"after {days} days" if days else "never (runs can be resumed)"
