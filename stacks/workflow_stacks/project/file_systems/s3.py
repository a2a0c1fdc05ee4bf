"""`fsType: S3`: a prefix in a bucket, from and to which engines copy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from workflow_stacks.project.section import Section
from workflow_stacks.project.values import Choice, Whole

from .efs import KmsKeyArn


class S3Configuration(Section):
    """Where intermediates are kept in S3, and for how long."""

    expiration_days: Annotated[int, Whole(1, 3650, "days")] | None = Field(
        default=None,
        description="Delete intermediates so many days after they were written, 1 to 3650. Default: they stay, so that "
        "a run can be resumed.",
    )
    kms_key_arn: KmsKeyArn | None = Field(
        default=None,
        description="KMS key that encrypts the intermediates, which then have a bucket of their own. Default: the "
        "project's bucket and its encryption.",
    )
    removal_policy: Annotated[Literal["destroy", "retain"], Choice()] = Field(
        default="retain",
        description="What becomes of the intermediates when the context is destroyed. With destroy they have a bucket "
        "of their own, which must be emptied first: AWS refuses to delete one that holds objects. Default: retain, "
        "they stay in the project's bucket.",
    )

    @property
    def has_own_bucket(self) -> bool:
        """Whether the intermediates have a bucket of their own, beside the one that the project's contexts share."""
        return self.kms_key_arn is not None or self.removal_policy == "destroy"


class S3Settings(Section):
    """Amazon S3 as the workflow file system: nothing is mounted."""

    fs_type: Annotated[Literal["S3"], Choice()] = Field(description="Kind of the file system.")
    configuration: S3Configuration = Field(
        default_factory=S3Configuration,
        description="Where intermediates are kept. Default: in the project's bucket, for good.",
    )

    @property
    def throughput(self) -> str:
        """How throughput is granted, for people."""
        return "as S3 gives it"

    def facts(self) -> Iterator[tuple[str, str]]:
        """Yield what there is to know about the file system, for people: a name and a value each."""
        configuration = self.configuration
        yield "throughput", self.throughput
        yield "bucket", "of its own" if configuration.has_own_bucket else "of the project"
        yield "encryption key", configuration.kms_key_arn or "of S3 (SSE-S3)"
        yield "when the context goes", "is kept" if configuration.removal_policy == "retain" else "is deleted"
        days = configuration.expiration_days
        yield "intermediates are deleted", f"after {days} days" if days else "never: runs can be resumed"
