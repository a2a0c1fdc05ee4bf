"""What kinds that keep their data in a bucket of their own have in common."""

import aws_cdk as cdk
from constructs import Construct

from workflow_context.bucket import WorkflowBucket


def output_names(scope: Construct, id: str, bucket: WorkflowBucket) -> None:
    """Make the names of the bucket and of its access logs outputs of the stack: they may stay, or must be emptied."""
    cdk.CfnOutput(scope, f"{id}BucketName", value=bucket.bucket.bucket_name)
    cdk.CfnOutput(scope, f"{id}AccessLogBucketName", value=bucket.access_log_bucket.bucket_name)
