"""The bucket that the contexts of a project share."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam, aws_kms as kms, aws_s3 as s3
from constructs import Construct

from .nag import acknowledge, in_compliance_packs
from .retention import keep_when_replaced
from .s3_location import S3Location


class WorkflowBucket(Construct):
    """A bucket for the inputs, outputs and intermediates of workflows, with a second one for its access log.

    Each context works under a prefix of its own (`location`), and its roles end there.

    Args:
        scope: Where the construct lives.
        id: Its name there. The buckets' logical ids follow from it: changing it replaces them.
        encryption_key: Key for the objects. Default: S3's own key (SSE-S3), which costs nothing.
        versioned: Whether overwritten and deleted objects can be had back for 7 days. Default: yes.
        removal_policy: What happens to the buckets when the stack is deleted. Default: they stay. With `DESTROY`,
            CloudFormation deletes them only when they are empty: S3 refuses to delete a bucket that holds objects.

    Attributes:
        bucket: The bucket.
        access_log_bucket: Where S3 writes who read and wrote the objects; entries expire after 90 days.

    Security considerations:
        Public access is blocked, requests without TLS are denied, and overwritten or deleted objects can be had back
        for 7 days (unless `versioned` is False). Anyone who may assume a role of a context can read and write the
        prefix of that context.

    Cost:
        Nothing while empty. Storage and requests as S3 charges them; unfinished multipart uploads are removed after
        7 days, so that they do not cost unseen.
        https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpu-abort-incomplete-mpu-lifecycle-config.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        encryption_key: kms.IKey | None = None,
        versioned: bool = True,
        removal_policy: cdk.RemovalPolicy = cdk.RemovalPolicy.RETAIN,
    ) -> None:
        super().__init__(scope, id)
        self.access_log_bucket = s3.Bucket(
            self,
            "AccessLogs",
            # S3 delivers access logs only to buckets encrypted with its own key.
            # https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            lifecycle_rules=[s3.LifecycleRule(id="ExpireAccessLogs", expiration=cdk.Duration.days(90))],
            removal_policy=removal_policy,
        )
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            encryption=s3.BucketEncryption.KMS if encryption_key else s3.BucketEncryption.S3_MANAGED,
            encryption_key=encryption_key,
            bucket_key_enabled=True if encryption_key else None,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            versioned=versioned,
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="AbortIncompleteMultipartUploads",
                    abort_incomplete_multipart_upload_after=cdk.Duration.days(7),
                ),
                *(
                    [s3.LifecycleRule(id="ExpireOldVersions", noncurrent_version_expiration=cdk.Duration.days(7))]
                    if versioned
                    else []
                ),
            ],
            removal_policy=removal_policy,
        )
        keep_when_replaced(self.access_log_bucket)
        keep_when_replaced(self.bucket)
        self._log_access()
        self._acknowledge(versioned=versioned, has_key=encryption_key is not None)

    def location(self, *prefix: str) -> S3Location:
        """The location below a prefix, which workflows may read and write."""
        return S3Location(self.bucket, "/".join(part for part in prefix if part))

    def expire(self, prefix: str, after: cdk.Duration) -> None:
        """Delete the objects below a prefix some time after they were written.

        The rule belongs to this bucket and its stack: call it while the stack is being made, for every context that
        uses the bucket, deployed now or not.

        Args:
            prefix: Key prefix without leading or trailing slash, such as `dev/work`.
            after: How long objects stay, in whole days; S3 deletes them within a day or two of that. In a versioned
                bucket they can be had back, and are paid for, for 7 days more.
                https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-expire-general-considerations.html

        Raises:
            ValueError: There is no prefix: outputs would be deleted too.
        """
        if not prefix:
            raise ValueError("expire needs a prefix: without one the rule would delete everything in the bucket")
        self.bucket.add_lifecycle_rule(
            # S3 wants ids of at most 255 characters: the end of a long prefix says enough.
            id=f"Expire-{prefix[-200:]}",
            prefix=f"{prefix}/",
            expiration=after,
        )

    def _acknowledge(self, *, versioned: bool, has_key: bool) -> None:
        kept = "overwritten and deleted ones are kept for 7 days" if versioned else "no old versions of them are kept"
        acknowledge(
            self.bucket,
            f"The objects are files of workflows that can be run again, and {kept}. A copy in a second Region doubles "
            "the bill: replication is the project owner's choice.",
            *in_compliance_packs("S3BucketReplicationEnabled"),
        )
        if not versioned:
            acknowledge(
                self.bucket,
                "Intermediates of workflows: what is deleted here can be computed again, and old versions cost.",
                *in_compliance_packs("S3BucketVersioningEnabled"),
            )
        if not has_key:
            acknowledge(
                self.bucket,
                "SSE-S3 encrypts every object with AES-256 under keys that S3 manages. Who needs a key of one's own "
                "gives the bucket an encryption_key.",
                *in_compliance_packs("S3DefaultEncryptionKMS"),
            )
        acknowledge(
            self.access_log_bucket,
            "The log of another bucket: it holds no data of workflows, and its entries expire after 90 days. Logging "
            "it as well has no end; copies and old versions of it are not needed.",
            "AwsSolutions-S1",
            *in_compliance_packs("S3BucketLoggingEnabled", "S3BucketVersioningEnabled", "S3BucketReplicationEnabled"),
        )
        acknowledge(
            self.access_log_bucket,
            "S3 delivers access logs only to buckets that are encrypted with SSE-S3.",
            *in_compliance_packs("S3DefaultEncryptionKMS"),
        )

    def _log_access(self) -> None:
        # By hand and not by the L2's argument, which writes an ACL or a policy as a feature flag says: an ACL is
        # refused on a bucket whose owner owns every object.
        self.access_log_bucket.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("logging.s3.amazonaws.com")],
                actions=["s3:PutObject"],
                resources=[self.access_log_bucket.arn_for_objects("bucket/*")],
                conditions={
                    "ArnLike": {"aws:SourceArn": self.bucket.bucket_arn},
                    "StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID},
                },
            )
        )
        resource = self.bucket.node.default_child
        assert isinstance(resource, s3.CfnBucket)  # noqa: S101  for the type checker
        resource.logging_configuration = s3.CfnBucket.LoggingConfigurationProperty(
            destination_bucket_name=self.access_log_bucket.bucket_name, log_file_prefix="bucket/"
        )
