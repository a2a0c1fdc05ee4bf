"""A place in S3 that a workflow reads or writes: a bucket and a prefix in it."""

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import aws_iam as iam, aws_s3 as s3

# Tags are part of an object when it is copied, and Nextflow tags what it writes.
_READ_OBJECT = ("s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectTagging")
_WRITE_OBJECT = (
    "s3:PutObject",
    "s3:PutObjectTagging",
    "s3:DeleteObject",
    "s3:AbortMultipartUpload",
    "s3:ListMultipartUploadParts",
)

S3_WILDCARD = "All objects below the prefix that was declared, and nothing else in the bucket."
"""The reason for the wildcard in the policies that a location writes."""


@dataclass(frozen=True)
class S3Location:
    """A bucket, or a prefix in it, and whether workflows may change what is there.

    The rights it grants end at the prefix: objects elsewhere in the bucket can be neither read nor listed.

    Attributes:
        bucket: The bucket, owned or imported.
        prefix: Key prefix without leading or trailing slash; empty for the whole bucket.
        read_only: True when workflows may read but not write or delete.
    """

    bucket: s3.IBucket
    prefix: str = ""
    read_only: bool = False

    @property
    def uri(self) -> str:
        """`s3://bucket/prefix`, without a trailing slash."""
        return self.bucket.s3_url_for_object(self.prefix or None)

    def within(self, *parts: str) -> "S3Location":
        """The location below this one, with the same rights."""
        return S3Location(self.bucket, "/".join(part for part in (self.prefix, *parts) if part), self.read_only)

    def grant_read(self, grantee: iam.IGrantable) -> None:
        """Allow reading and listing the objects below the prefix."""
        self._grant_bucket(grantee, ["s3:GetBucketLocation"], listed=False)
        self._grant_bucket(grantee, ["s3:ListBucket"], listed=True)
        self._grant_objects(grantee, _READ_OBJECT)

    def grant(self, grantee: iam.IGrantable) -> None:
        """Allow what the location is for: reading, and unless it is read-only, writing and deleting objects."""
        self.grant_read(grantee)
        if not self.read_only:
            self._grant_bucket(grantee, ["s3:ListBucketMultipartUploads"], listed=False)
            self._grant_objects(grantee, _WRITE_OBJECT)
        if self.bucket.encryption_key is not None:
            # What S3 itself asks of the caller; the L2's grants add wildcards.
            # https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
            actions = ["kms:Decrypt"] if self.read_only else ["kms:Decrypt", "kms:GenerateDataKey"]
            self.bucket.encryption_key.grant(grantee, *actions)

    def _grant_objects(self, grantee: iam.IGrantable, actions: Sequence[str]) -> None:
        pattern = f"{self.prefix}/*" if self.prefix else "*"
        iam.Grant.add_to_principal(
            grantee=grantee, actions=list(actions), resource_arns=[self.bucket.arn_for_objects(pattern)]
        )

    def _grant_bucket(self, grantee: iam.IGrantable, actions: Sequence[str], *, listed: bool) -> None:
        conditions = (
            {"StringLike": {"s3:prefix": [self.prefix, f"{self.prefix}/*"]}} if listed and self.prefix else None
        )
        iam.Grant.add_to_principal(
            grantee=grantee,
            actions=list(actions),
            resource_arns=[self.bucket.bucket_arn],
            conditions=conditions,
        )
