"""What IAM must know of the resources that are deployed: asked of the services at each request, never kept."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Record = Mapping[str, Any]
Find = Callable[[str], Record | None]


@dataclass(frozen=True)
class Role:
    """A role.

    Attributes:
        arn: Its ARN.
        policies: The documents of its inline and attached policies.
        boundary: The document of its permissions boundary.
        tags: Its tags.
    """

    arn: str
    policies: tuple[str, ...]
    boundary: str | None
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Encryption:
    """How an object is encrypted, or will be.

    Attributes:
        key_arn: The ARN of its KMS key; nothing with S3's own keys and with the key `aws/s3`, which all may use.
    """

    key_arn: str = ""


@dataclass(frozen=True)
class Deployed:
    """Finds what is deployed.

    Attributes:
        role: A role by its name.
        instance_role: The name of the role of an instance profile, by name or ARN of the profile.
        queue: A job queue of AWS Batch, by name or ARN.
        definition: A revision of a job definition, by name, `name:revision` or ARN: the latest active one by name.
        job: A job, by its id.
        bucket_policy: The policy of a bucket, by its name.
        has_object: Whether a bucket has an object, by bucket and key.
        object_encryption: The KMS key of an object, by bucket and key.
        bucket_encryption: The KMS key that a bucket encrypts new objects with.
        key_arn: The ARN of a KMS key, by its id, ARN or alias.
        key_policy: The policy of a KMS key, by its ARN.
        secret_arn: The ARN of a secret, by its name or ARN.
        file_system_policy: The policy of an EFS or S3 Files file system, by its id.
        access_point_tags: The tags of an access point of EFS, by its id.
    """

    role: Callable[[str], Role | None]
    instance_role: Callable[[str], str | None]
    queue: Find
    definition: Find
    job: Find
    bucket_policy: Callable[[str], str]
    has_object: Callable[[str, str], bool]
    object_encryption: Callable[[str, str], Encryption]
    bucket_encryption: Callable[[str], Encryption]
    key_arn: Callable[[str], str | None]
    key_policy: Callable[[str], str]
    secret_arn: Callable[[str], str | None]
    file_system_policy: Callable[[str], str]
    access_point_tags: Callable[[str], Mapping[str, str]]
