"""The stacks of one environment: data that stays, and contexts that come and go."""

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2, aws_efs as efs, aws_iam as iam, aws_kms as kms, aws_s3 as s3
from constructs import Construct

from workflow_context import (
    BatchCompute,
    EfsFileSystem,
    MiniwdlEngine,
    Network,
    Placement,
    S3Location,
    SnakemakeEngine,
    WorkflowBucket,
    WorkflowContext,
)


class DataStack(cdk.Stack):
    """The platform's own VPC, key and bucket, and a file system for all of its contexts.

    Attributes:
        placement: Where jobs run.
        results: The bucket of the results.
        wdl_storage: The file system as the WDL context sees it.
        snakemake_storage: The same one as the Snakemake context sees it: another directory, by another access point.
    """

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id)
        key = kms.Key(self, "Key", enable_key_rotation=True, description="Data of the genomics platform")
        vpc = ec2.Vpc(
            self,
            "Vpc",
            restrict_default_security_group=False,
            gateway_endpoints={"S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3)},
        )
        self.placement: Placement = Network(self, "Network", vpc=vpc).placement()
        self.results = WorkflowBucket(self, "Results", encryption_key=key)
        self.wdl_storage = EfsFileSystem(
            self,
            "Storage",
            placement=self.placement,
            throughput_mode=efs.ThroughputMode.ELASTIC,
            encryption_key=key,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        self.snakemake_storage = self.wdl_storage.add_access_point("Snakemake", uid=2000, gid=2000)


class ComputeStack(cdk.Stack):
    """Two contexts on the file system of the other stack, and the role of the people who use them.

    Attributes:
        joint_calling: WDL workflows.
        variant_reports: Snakemake workflows.
    """

    def __init__(self, scope: Construct, id: str, *, data: DataStack, max_vcpus: int) -> None:
        super().__init__(scope, id)
        references = S3Location(s3.Bucket.from_bucket_name(self, "References", "broad-references"), read_only=True)
        self.joint_calling = WorkflowContext(
            self,
            "JointCalling",
            engine=MiniwdlEngine,
            compute=BatchCompute.with_options(spot=True, max_vcpus=max_vcpus, instance_types=["m6i", "r6i"]),
            placement=data.placement,
            storage=data.wdl_storage,
            outputs=data.results.location("joint-calling"),
            data=[references],
        )
        self.variant_reports = WorkflowContext(
            self,
            "VariantReports",
            engine=SnakemakeEngine,
            compute=BatchCompute.with_options(max_vcpus=max_vcpus // 4, head_max_vcpus=64),
            placement=data.placement,
            storage=data.snakemake_storage,
            outputs=data.results.location("variant-reports"),
            data=[references, data.results.location("joint-calling")],
        )
        analysts = iam.Role(
            self,
            "Analysts",
            assumed_by=iam.AccountRootPrincipal(),
            description="Submits workflows, follows them and reads their results",
        )
        for context in (self.joint_calling, self.variant_reports):
            context.grant_submit(analysts)
            context.engine.outputs.grant_read(analysts)
