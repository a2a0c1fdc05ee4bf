"""A place in S3 that a workflow reads or writes: a bucket and a prefix in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from weakref import WeakKeyDictionary

from aws_cdk import aws_iam as iam, aws_kms as kms, aws_s3 as s3

# Tags are part of an object when it is copied, and Nextflow tags what it writes.
_READ_OBJECT = ("s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectTagging")
_WRITE_OBJECT = (
    "s3:PutObject",
    "s3:PutObjectTagging",
    "s3:DeleteObject",
    "s3:AbortMultipartUpload",
    "s3:ListMultipartUploadParts",
)

_READ_KEY, _WRITE_KEY = ("kms:Decrypt",), ("kms:Decrypt", "kms:GenerateDataKey")

S3_WILDCARD = "All objects below the prefix that was declared, and nothing else in the bucket."
"""The reason for the wildcard in the policies that a location writes."""


_buckets: "WeakKeyDictionary[s3.IBucket, _Bucket]" = WeakKeyDictionary()


@dataclass(frozen=True)
class _Bucket:
    """What is asked of a bucket again and again: each question is a call to Node.js."""

    name: str
    arn: str
    key: kms.IKey | None

    @staticmethod
    def of(bucket: s3.IBucket) -> "_Bucket":
        if bucket not in _buckets:
            _buckets[bucket] = _Bucket(bucket.bucket_name, bucket.bucket_arn, bucket.encryption_key)
        return _buckets[bucket]


@dataclass(frozen=True)
class S3Location:
    """A bucket, or a prefix in it, and whether workflows may change what is there.

    The rights it grants end at the prefix: objects elsewhere in the bucket can be neither read nor listed.

    Attributes:
        bucket: The bucket, owned or imported.
        prefix: Key prefix without leading or trailing slash; empty for the whole bucket.
        read_only: True when workflows may read but not write or delete.
        may_be_object: True when the prefix may be the key of one object, to which the rights then extend.
    """

    bucket: s3.IBucket
    prefix: str = ""
    read_only: bool = False
    may_be_object: bool = False

    @staticmethod
    def of(where: "S3Location | s3.IBucket") -> "S3Location":
        """A location as it is; of a bucket, all of it.

        Args:
            where: The location, or the bucket.

        Raises:
            TypeError: It is neither.
        """
        if isinstance(where, S3Location):
            return where
        if not hasattr(where, "bucket_arn"):
            message = f"outputs must be an S3Location or a bucket, got {where!r}"
            raise TypeError(message)
        return S3Location(where)

    @property
    def uri(self) -> str:
        """`s3://bucket/prefix`, without a trailing slash."""
        return "/".join(filter(None, ("s3:/", self._known.name, self.prefix)))

    def within(self, *parts: str) -> "S3Location":
        """The location below this one, with the same rights."""
        return S3Location(self.bucket, "/".join(part for part in (self.prefix, *parts) if part), self.read_only)

    def grant_read(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow reading and listing the objects below the prefix.

        Args:
            grantee: Who may.
        """
        return self._grant(grantee, self._read, *_READ_KEY)

    @cached_property
    def read_rights(self) -> tuple[iam.PolicyStatement, ...]:
        """The statements of `grant_read`, to be added together with others; `grant_key` comes beside them."""
        return tuple(right.statement for right in self._read)

    def grant_list_bucket(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow listing the names of all objects in the bucket, whatever the prefix.

        For clients that ask whether the bucket is there: to HeadBucket, a right that ends at a prefix is none.
        https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html

        Args:
            grantee: Who may.
        """
        return _Right(["s3:ListBucket"], [self._known.arn]).grant(grantee)

    def grant_read_write(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow reading, writing and deleting objects below the prefix; in a read-only location, only reading.

        Args:
            grantee: Who may.
        """
        if self.read_only:
            return self.grant_read(grantee)
        return self._grant(grantee, self._read_write, *_WRITE_KEY)

    @cached_property
    def read_write_rights(self) -> tuple[iam.PolicyStatement, ...]:
        """The statements of `grant_read_write`, to be added together with others; `grant_key` comes beside them."""
        return self.read_rights if self.read_only else tuple(right.statement for right in self._read_write)

    @property
    def _known(self) -> "_Bucket":
        return _Bucket.of(self.bucket)

    def grant_key(self, grantee: iam.IGrantable, *, read_only: bool = False) -> None:
        """Allow the key of the bucket, if it has one.

        Args:
            grantee: Who may.
            read_only: Whether only to read.
        """
        self._grant_key(grantee, *(_READ_KEY if read_only or self.read_only else _WRITE_KEY))

    def _grant_key(self, grantee: iam.IGrantable, *actions: str) -> list[iam.Grant]:
        """What S3 asks of the caller where the bucket has a key; the L2's grants would add wildcards.

        https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
        """
        key = self._known.key
        return [key.grant(grantee, *actions)] if key else []

    @property
    def _read(self) -> list["_Right"]:
        return [_Right(["s3:GetBucketLocation"], [self._known.arn]), self._list, self._of_objects(_READ_OBJECT)]

    @property
    def _read_write(self) -> list["_Right"]:
        bucket = _Right(["s3:GetBucketLocation", "s3:ListBucketMultipartUploads"], [self._known.arn])
        return [bucket, self._list, self._of_objects([*_READ_OBJECT, *_WRITE_OBJECT])]

    @cached_property
    def _list(self) -> "_Right":
        below = {"StringLike": {"s3:prefix": [self.prefix, f"{self.prefix}/*"]}} if self.prefix else None
        return _Right(["s3:ListBucket"], [self._known.arn], below)

    def _of_objects(self, actions: Sequence[str]) -> "_Right":
        patterns = [f"{self.prefix}/*" if self.prefix else "*", *([self.prefix] if self.may_be_object else [])]
        return _Right(actions, [f"{self._known.arn}/{pattern}" for pattern in patterns])

    def _grant(self, grantee: iam.IGrantable, rights: Sequence["_Right"], *key_actions: str) -> iam.Grant:
        return _together(*(right.grant(grantee) for right in rights), *self._grant_key(grantee, *key_actions))


@dataclass(frozen=True)
class _Right:
    """What a statement says."""

    actions: Sequence[str]
    resources: Sequence[str]
    conditions: Mapping[str, Mapping[str, list[str]]] | None = None

    def grant(self, grantee: iam.IGrantable) -> iam.Grant:
        return iam.Grant.add_to_principal(
            grantee=grantee,
            actions=list(self.actions),
            resource_arns=list(self.resources),
            conditions=self.conditions,
        )

    @cached_property
    def statement(self) -> iam.PolicyStatement:
        return iam.PolicyStatement(
            actions=list(self.actions), resources=list(self.resources), conditions=self.conditions
        )


def _together(first: iam.Grant, *others: iam.Grant) -> iam.Grant:
    return reduce(lambda all_, one: all_.combine(one), others, first)
