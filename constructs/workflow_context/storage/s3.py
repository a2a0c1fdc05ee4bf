"""S3 as the workflow file system: a prefix in a bucket, and no mount."""

from collections.abc import Sequence

from aws_cdk import aws_batch as batch, aws_iam as iam, aws_s3 as s3
from constructs import Construct
from typing_extensions import override

from workflow_context.s3_location import S3Location

from .on_bucket import BucketFileSystem


class S3FileSystem(BucketFileSystem):
    """A prefix in a bucket as the work directory of engines that stage files for themselves.

    Defines nothing: jobs download their inputs and upload what they made. To delete intermediates after a time, tell
    the bucket: `WorkflowBucket.expire(prefix, after)`.

    Args:
        scope: Where the construct lives.
        id: Its name there.
        location: The bucket and the prefix, such as `bucket.location("dev", "work")`. Nextflow refuses a work
            directory without a prefix.

    Attributes:
        location: The bucket and the prefix.

    Raises:
        ValueError: The location has no prefix, or is read-only.

    Security considerations:
        Jobs may read, write and delete below the prefix and nowhere else in the bucket. Encryption, TLS and the access
        log are the bucket's; see `WorkflowBucket`.

    Cost:
        Storage 0.023 USD per GB and month (us-east-1), 0.005 USD for 1,000 writes, 0.0004 USD for 1,000 reads; nothing
        for traffic to instances in the region that goes through the gateway endpoint. https://aws.amazon.com/s3/pricing/
    """

    serves_fargate = True

    def __init__(self, scope: Construct, id: str, *, location: S3Location) -> None:
        super().__init__(scope, id)
        if not location.prefix:
            raise ValueError(
                "the location of a work directory needs a prefix: the root of a bucket is not a directory to Nextflow; "
                "give bucket.location('work')"
            )
        if location.read_only:
            raise ValueError("the location of a work directory is read-only; give one that may be written to")
        self.location: S3Location = location

    @property
    @override
    def work_directory(self) -> str:
        return self.location.uri

    @override
    def grant_read(self, grantee: iam.IGrantable) -> iam.Grant:
        return self.location.grant_read(grantee)

    @override
    def grant_read_write(self, grantee: iam.IGrantable) -> iam.Grant:
        return self.location.grant_read_write(grantee)

    @override
    def volumes(self, *, on_fargate: bool) -> Sequence[batch.EcsVolume]:
        return []

    @property
    @override
    def _measured_bucket(self) -> s3.IBucket:
        return self.location.bucket

    @override
    def outputs(self) -> dict[str, str]:
        return {"WorkDirectory": self.work_directory}
