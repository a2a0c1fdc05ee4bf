"""A CDK app shaped like a context, in variants, for the tests of the local cloud.

`python sample_app.py FOLDER` synthesizes each variant into a folder of its name.
"""

import sys
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import (
    aws_batch as batch,
    aws_cloudwatch as cloudwatch,
    aws_ec2 as ec2,
    aws_ecs as ecs,
    aws_efs as efs,
    aws_iam as iam,
    aws_kms as kms,
    aws_logs as logs,
    aws_s3 as s3,
    aws_secretsmanager as secretsmanager,
    aws_sns as sns,
    aws_sns_subscriptions as subscriptions,
    aws_ssm as ssm,
)

DESTROY = cdk.RemovalPolicy.DESTROY
STACK = "Sample"
SMALL_STACK = "Small"
VARIANTS = {
    "bursting": {},
    "provisioned": {"mode": "provisioned", "mibps": 1024},
    "elastic": {"mode": "elastic"},
    "failing": {"fault": "queue"},
    "unknown-type": {"fault": "type"},
}


class Sample(cdk.Stack):
    def __init__(self, scope: cdk.App, name: str, *, mode="bursting", mibps=None, fault=None) -> None:
        super().__init__(scope, name)
        self.vpc = self.network()
        self.key = kms.Key(self, "Key", enable_key_rotation=True, removal_policy=DESTROY, alias=f"{name}-key")
        self.clients = ec2.SecurityGroup(self, "Clients", vpc=self.vpc)
        self.storage(mode, mibps)
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            enforce_ssl=True,
            versioned=True,
            encryption=s3.BucketEncryption.KMS,
            encryption_key=self.key,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            removal_policy=DESTROY,
            lifecycle_rules=[s3.LifecycleRule(abort_incomplete_multipart_upload_after=cdk.Duration.days(7))],
            server_access_logs_prefix="log/",
        )
        self.compute()
        self.extras()
        if fault == "queue":
            queue(self, "no-such-environment")
        if fault == "type":
            cdk.CfnResource(self, "Fault", type="AWS::Nowhere::Thing")

    def network(self) -> ec2.Vpc:
        vpc = ec2.Vpc(
            self,
            "Vpc",
            max_azs=2,
            nat_gateways=1,
            restrict_default_security_group=False,
            gateway_endpoints={"S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3)},
        )
        group = logs.LogGroup(self, "FlowLogs", retention=logs.RetentionDays.ONE_MONTH, removal_policy=DESTROY)
        vpc.add_flow_log("FlowLog", destination=ec2.FlowLogDestination.to_cloud_watch_logs(group))
        return vpc

    def storage(self, mode: str, mibps: int | None) -> None:
        self.group = ec2.SecurityGroup(self, "MountTargets", vpc=self.vpc, allow_all_outbound=False)
        self.group.connections.allow_from(self.clients, ec2.Port.tcp(2049))
        self.files = efs.FileSystem(
            self,
            "Files",
            vpc=self.vpc,
            encrypted=True,
            kms_key=self.key,
            security_group=self.group,
            throughput_mode=efs.ThroughputMode[mode.upper()],
            removal_policy=DESTROY,
            provisioned_throughput_per_second=cdk.Size.mebibytes(mibps) if mibps else None,
            lifecycle_policy=efs.LifecyclePolicy.AFTER_30_DAYS,
            enable_automatic_backups=False,
            file_system_policy=iam.PolicyDocument(
                statements=[
                    iam.PolicyStatement(
                        principals=[iam.AnyPrincipal()],
                        actions=["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"],
                        conditions={"Bool": {"elasticfilesystem:AccessedViaMountTarget": "true"}},
                    )
                ]
            ),
        )
        self.access_point = self.files.add_access_point(
            "Access",
            path="/workflow",
            posix_user=efs.PosixUser(uid="1000", gid="1000"),
            create_acl=efs.Acl(owner_uid="1000", owner_gid="1000", permissions="0770"),
        )

    def compute(self) -> None:
        template = ec2.LaunchTemplate(
            self,
            "Template",
            require_imdsv2=True,
            user_data=ec2.MultipartUserData(),
            block_devices=[ec2.BlockDevice(device_name="/dev/xvda", volume=ec2.BlockDeviceVolume.ebs(100))],
        )
        machines = {
            "vpc": self.vpc,
            "launch_template": template,
            "security_groups": [self.clients],
            "images": [batch.EcsMachineImage(image_type=batch.EcsMachineImageType.ECS_AL2023)],
        }
        on_demand = batch.ManagedEc2EcsComputeEnvironment(self, "OnDemand", maxv_cpus=16, **machines)
        spot = batch.ManagedEc2EcsComputeEnvironment(
            self,
            "Spot",
            spot=True,
            maxv_cpus=64,
            allocation_strategy=batch.AllocationStrategy.SPOT_PRICE_CAPACITY_OPTIMIZED,
            **machines,
        )
        fargate = batch.FargateComputeEnvironment(self, "Fargate", vpc=self.vpc, security_groups=[self.clients])
        tasks = batch.JobQueue(
            self,
            "Tasks",
            priority=1,
            compute_environments=[
                batch.OrderedComputeEnvironment(compute_environment=spot, order=1),
                batch.OrderedComputeEnvironment(compute_environment=on_demand, order=2),
            ],
        )
        heads = batch.JobQueue(
            self,
            "Heads",
            priority=1,
            compute_environments=[batch.OrderedComputeEnvironment(compute_environment=fargate, order=1)],
        )
        cfn = heads.node.default_child
        cfn.job_state_time_limit_actions = [
            batch.CfnJobQueue.JobStateTimeLimitActionProperty(
                action="CANCEL",
                max_time_seconds=3600,
                reason="MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT",
                state="RUNNABLE",
            )
        ]
        cdk.Tags.of(heads).add("DefaultTaskQueue", tasks.job_queue_name)
        cdk.Tags.of(heads).add("DefaultFsap", self.access_point.access_point_id)
        role = iam.Role(self, "TaskRole", assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com"))
        self.bucket.grant_read_write(role)
        self.files.grant_read_write(role)
        batch.EcsJobDefinition(
            self,
            "Task",
            retry_attempts=2,
            timeout=cdk.Duration.hours(1),
            propagate_tags=True,
            parameters={"Input": "none"},
            container=batch.EcsEc2ContainerDefinition(
                self,
                "TaskContainer",
                image=ecs.ContainerImage.from_registry("debian:12"),
                cpu=1,
                memory=cdk.Size.mebibytes(1024),
                job_role=role,
                command=["echo", "Ref::Input"],
                logging=ecs.LogDriver.aws_logs(
                    stream_prefix="task", log_group=logs.LogGroup(self, "TaskLogs", removal_policy=DESTROY)
                ),
                volumes=[
                    batch.EcsVolume.efs(
                        name="files",
                        file_system=self.files,
                        container_path="/mnt/efs",
                        enable_transit_encryption=True,
                        access_point_id=self.access_point.access_point_id,
                        use_job_role=True,
                    )
                ],
            ),
        )
        cdk.CfnOutput(self, "HeadQueue", value=heads.job_queue_arn)

    def extras(self) -> None:
        topic = sns.Topic(self, "Topic")
        topic.add_subscription(subscriptions.EmailSubscription("someone@example.org"))
        metric = cloudwatch.Metric(
            namespace="AWS/EFS",
            metric_name="BurstCreditBalance",
            dimensions_map={"FileSystemId": self.files.file_system_id},
        )
        cloudwatch.Alarm(self, "Alarm", metric=metric, threshold=1, evaluation_periods=1)
        cloudwatch.Dashboard(self, "Dashboard", widgets=[[cloudwatch.GraphWidget(left=[metric])]])
        ssm.StringParameter(self, "Parameter", string_value=self.access_point.access_point_id)
        secretsmanager.Secret(self, "Secret", removal_policy=DESTROY)
        iam.ManagedPolicy(
            self,
            "Policy",
            statements=[iam.PolicyStatement(actions=["s3:GetObject"], resources=[self.bucket.arn_for_objects("*")])],
        )


class Small(cdk.Stack):
    """A bucket, and a job queue that fails when it names a compute environment that is not there."""

    def __init__(self, scope: cdk.App, name: str, environment: str | None) -> None:
        super().__init__(scope, name)
        s3.Bucket(self, "Bucket", encryption=s3.BucketEncryption.S3_MANAGED, removal_policy=DESTROY)
        if environment:
            queue(self, environment)


def queue(stack: cdk.Stack, environment: str) -> None:
    order = [{"order": 1, "computeEnvironment": environment}]
    batch.CfnJobQueue(stack, "Fault", priority=1, compute_environment_order=order)


if __name__ == "__main__":
    for variant, settings in VARIANTS.items():
        app = cdk.App(outdir=str(Path(sys.argv[1]) / variant), builtin_cloud_formation_validation=False)
        Sample(app, STACK, **settings)
        app.synth()
    for variant, environment in (("small-failing", "no-such-environment"), ("small", None)):
        app = cdk.App(outdir=str(Path(sys.argv[1]) / variant), builtin_cloud_formation_validation=False)
        Small(app, SMALL_STACK, environment)
        app.synth()
