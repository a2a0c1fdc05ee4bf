"""The core stack of the app by hand: the network and the bucket that the contexts share."""

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2, aws_iam as iam, aws_logs as logs, aws_s3 as s3
from handwritten_rights import ACCOUNT


class Core(cdk.Stack):
    """The network and the bucket that the contexts share."""

    def __init__(self, scope: cdk.App, name: str, project: str) -> None:
        super().__init__(
            scope,
            name,
            termination_protection=True,
            tags={"workflow-context:project": project},
            description="Network and bucket of a genomics workflow project",
        )
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr("10.0.0.0/16"),
            max_azs=2,
            reserved_azs=1,
            nat_gateways=1,
            subnet_configuration=[
                ec2.SubnetConfiguration(name="Public", subnet_type=ec2.SubnetType.PUBLIC, cidr_mask=22),
                ec2.SubnetConfiguration(name="Private", subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS, cidr_mask=19),
            ],
            gateway_endpoints={"S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3)},
            restrict_default_security_group=False,
        )
        flow_logs = logs.LogGroup(
            self, "FlowLogs", retention=logs.RetentionDays.ONE_MONTH, removal_policy=cdk.RemovalPolicy.DESTROY
        )
        self.vpc.add_flow_log(
            "FlowLog",
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(flow_logs),
            traffic_type=ec2.FlowLogTrafficType.REJECT,
        )
        access_logs = self.new_bucket(
            "AccessLogs", s3.LifecycleRule(id="ExpireAccessLogs", expiration=cdk.Duration.days(90))
        )
        week = cdk.Duration.days(7)
        self.bucket = self.new_bucket(
            "Bucket",
            s3.LifecycleRule(id="AbortIncompleteMultipartUploads", abort_incomplete_multipart_upload_after=week),
            s3.LifecycleRule(id="ExpireOldVersions", noncurrent_version_expiration=week),
            versioned=True,
        )
        access_logs.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("logging.s3.amazonaws.com")],
                actions=["s3:PutObject"],
                resources=[access_logs.arn_for_objects("bucket/*")],
                conditions={
                    "ArnLike": {"aws:SourceArn": self.bucket.bucket_arn},
                    "StringEquals": {"aws:SourceAccount": ACCOUNT},
                },
            )
        )
        resource = self.bucket.node.default_child
        assert isinstance(resource, s3.CfnBucket)
        resource.logging_configuration = s3.CfnBucket.LoggingConfigurationProperty(
            destination_bucket_name=access_logs.bucket_name, log_file_prefix="bucket/"
        )
        cdk.CfnOutput(self, "VpcId", value=self.vpc.vpc_id)
        cdk.CfnOutput(self, "AccessLogBucketName", value=access_logs.bucket_name)
        cdk.CfnOutput(self, "BucketName", value=self.bucket.bucket_name)
        subnets = [*self.vpc.public_subnets, *self.vpc.private_subnets]
        for value in (self.vpc.vpc_id, *(subnet.subnet_id for subnet in subnets)):
            self.export_value(value)
        self.bucket_name, self.bucket_arn = self.bucket.bucket_name, self.bucket.bucket_arn
        self.private_subnets = self.vpc.private_subnets

    def new_bucket(self, id: str, *rules: s3.LifecycleRule, versioned: bool = False) -> s3.Bucket:
        return s3.Bucket(
            self,
            id,
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            versioned=versioned or None,
            lifecycle_rules=list(rules),
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
