"""The places in S3 that the workflows of a project read or write."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from .arns import KmsKeyArn
from .location import Location, bucket_of, prefix_of
from .section import Section
from .values import Flag


class DataLocation(Section):
    """A place in S3 that the workflows of every context may read, or read and write."""

    main_key: ClassVar[str] = "location"

    location: Annotated[str, Location()] = Field(
        description="s3://bucket or s3://bucket/prefix, optionally with /* at the end: everything below is meant, and "
        "the object of that very name, unless it ends in / or /*."
    )
    read_only: Annotated[bool, Flag()] = Field(
        default=False,
        description="Whether workflows may only read. Default: false, they may also write and delete.",
    )
    kms_key_arn: KmsKeyArn | None = Field(
        default=None,
        description="KMS key that encrypts the objects; workflows may use it. Default: S3's own key.",
    )

    @property
    def bucket(self) -> str:
        """The name of the bucket."""
        return bucket_of(self.location)

    @property
    def prefix(self) -> str:
        """The prefix of the keys, without a `/` or `/*` at its end; empty for the whole bucket."""
        return prefix_of(self.location)

    @property
    def may_be_object(self) -> bool:
        """Whether the location may be the key of one object."""
        return bool(self.prefix) and not self.location.endswith(("/", "/*"))
