"""A larger stack that embeds a workflow context: its own VPC, its own buckets and key, its own tags.

Synthesize it with: cdk synth --app "python examples/genomics_stack.py"
"""

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2, aws_efs as efs, aws_kms as kms, aws_s3 as s3
from constructs import Construct

from workflow_context import (
    BatchCompute,
    EfsFileSystem,
    MiniwdlEngine,
    Network,
    S3Location,
    WorkflowContext,
)


class GenomicsStack(cdk.Stack):
    """A cohort bucket, a network that is there for other things too, and a context for joint calling."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id)
        key = kms.Key(self, "Key", enable_key_rotation=True)
        vpc = ec2.Vpc(self, "Vpc", restrict_default_security_group=False)
        cohort = s3.Bucket(self, "Cohort", encryption=s3.BucketEncryption.KMS, encryption_key=key, enforce_ssl=True)
        references = s3.Bucket.from_bucket_name(self, "References", "broad-references")

        placement = Network(self, "Network", vpc=vpc).placement()
        storage = EfsFileSystem(
            self,
            "Storage",
            placement=placement,
            throughput_mode=efs.ThroughputMode.ELASTIC,
            encryption_key=key,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        joint_calling = WorkflowContext(
            self,
            "JointCalling",
            engine=MiniwdlEngine,
            compute=BatchCompute.with_options(spot=True, instance_types=["m6i", "r6i"]),
            placement=placement,
            storage=storage,
            outputs=S3Location(cohort, "joint-calling"),
            data=[S3Location(references, read_only=True)],
        )
        cdk.CfnOutput(self, "WorkflowQueue", value=joint_calling.compute.head_queue.job_queue_arn)
        cdk.Tags.of(self).add("CostCenter", "4711")


if __name__ == "__main__":
    app = cdk.App()
    GenomicsStack(app, "Genomics")
    app.synth()
