"""Buckets: the settings of a template that ministack leaves out, encryption by S3's own key, and a full one stays."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from ministack.services import s3
from ministack.services.cloudformation import provisioners

from workflow_stacks.local.cloud import s3_types

from .handlers import Properties, accepted, arn

_forget_bucket = provisioners._s3_delete
_encryption_headers = s3._resolve_sse_write_headers


def install() -> None:
    """Put what a template says of a bucket into S3."""
    provisioners._RESOURCE_HANDLERS["AWS::S3::Bucket"]["delete"] = _delete
    encryption = (s3_types.encryption, s3._put_bucket_encryption, s3._delete_bucket_encryption)
    lifecycle = (s3_types.lifecycle, s3._put_bucket_lifecycle, s3._delete_bucket_lifecycle)
    logging = (s3_types.logging, s3._put_bucket_logging, s3._bucket_logging_config.pop)
    ownership = (s3_types.ownership, s3._put_bucket_ownership_controls, s3._delete_bucket_ownership_controls)
    provisioners._S3_BUCKET_CONFIGURATIONS += tuple(
        (name, to_xml, _checked(put), forget)
        for name, (to_xml, put, forget) in (
            ("BucketEncryption", encryption),
            ("LifecycleConfiguration", lifecycle),
            ("LoggingConfiguration", logging),
            ("OwnershipControls", ownership),
        )
    )
    s3._resolve_sse_write_headers = _with_default_key


def _delete(bucket: str, properties: Properties) -> None:
    status, _, body = s3._delete_bucket(bucket)
    if status == HTTPStatus.CONFLICT:
        raise ValueError(f"The bucket {bucket} is not empty: {body.decode()}")
    _forget_bucket(bucket, properties)


def _checked(put: Callable[[str, bytes], Any]) -> Callable[[str, bytes], None]:
    """A refused bucket setting fails the resource."""

    def checked(bucket: str, body: bytes) -> None:
        accepted(put(bucket, body))

    return checked


def _with_default_key(headers: dict[str, str], bucket: str) -> Any:
    """Encryption by `aws:kms` without a key means the account's own key, aws/s3."""
    key = "x-amz-server-side-encryption-aws-kms-key-id"
    if headers.get("x-amz-server-side-encryption") == "aws:kms" and not headers.get(key):
        headers = {**headers, key: arn("kms", "alias/aws/s3")}
    return _encryption_headers(headers, bucket)
