"""What somebody writes without this package: the same kinds of resources with the L2s of aws-cdk-lib, and no checks.

One core stack with the network and the bucket, and a stack for each context: Amazon EFS, a head queue on Fargate and a
task queue on EC2, as for miniwdl. `bench_synth.py` compares the package with it.

Run it by hand: python tests/benchmarks/handwritten_app.py OUTDIR CONTEXTS
"""

import json
import sys
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import (
    aws_batch as batch,
    aws_ec2 as ec2,
    aws_ecs as ecs,
    aws_efs as efs,
    aws_iam as iam,
    aws_logs as logs,
    aws_s3 as s3,
)

ROOT = Path(__file__).parents[2]


class Core(cdk.Stack):
    def __init__(self, scope: cdk.App, name: str) -> None:
        super().__init__(scope, name, termination_protection=True)
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            max_azs=2,
            nat_gateways=1,
            gateway_endpoints={"S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3)},
            flow_logs={"FlowLog": ec2.FlowLogOptions()},
        )
        access_logs = s3.Bucket(
            self,
            "AccessLogs",
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
        )
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            versioned=True,
            server_access_logs_bucket=access_logs,
        )


class Context(cdk.Stack):
    def __init__(self, scope: cdk.App, name: str, core: Core) -> None:
        super().__init__(scope, name)
        log_group = logs.LogGroup(self, "Logs", retention=logs.RetentionDays.ONE_MONTH)
        machines_group = ec2.SecurityGroup(self, "Machines", vpc=core.vpc)
        file_system = efs.FileSystem(
            self,
            "FileSystem",
            vpc=core.vpc,
            encrypted=True,
            throughput_mode=efs.ThroughputMode.BURSTING,
            removal_policy=cdk.RemovalPolicy.RETAIN,
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
        file_system.connections.allow_default_port_from(machines_group)
        access_point = file_system.add_access_point(
            "AccessPoint",
            path=f"/{name}",
            create_acl=efs.Acl(owner_uid="0", owner_gid="0", permissions="755"),
            posix_user=efs.PosixUser(uid="0", gid="0"),
        )

        machine_role = iam.Role(
            self,
            "MachineRole",
            assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"),
            managed_policies=[
                iam.ManagedPolicy.from_aws_managed_policy_name("service-role/AmazonEC2ContainerServiceforEC2Role")
            ],
        )
        core.bucket.grant_read(machine_role, f"{name}/*")
        template = ec2.LaunchTemplate(
            self,
            "Template",
            require_imdsv2=True,
            http_put_response_hop_limit=2,
            block_devices=[
                ec2.BlockDevice(
                    device_name="/dev/xvda",
                    volume=ec2.BlockDeviceVolume.ebs(100, volume_type=ec2.EbsDeviceVolumeType.GP3, encrypted=True),
                )
            ],
            user_data=ec2.MultipartUserData(),
        )
        subnets = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS)
        tasks = batch.ManagedEc2EcsComputeEnvironment(
            self,
            "Tasks",
            vpc=core.vpc,
            vpc_subnets=subnets,
            security_groups=[machines_group],
            instance_role=machine_role,
            launch_template=template,
            images=[batch.EcsMachineImage(image_type=batch.EcsMachineImageType.ECS_AL2023)],
            maxv_cpus=256,
        )
        heads = batch.FargateComputeEnvironment(
            self, "Heads", vpc=core.vpc, vpc_subnets=subnets, security_groups=[machines_group], maxv_cpus=16
        )
        task_queue = batch.JobQueue(
            self,
            "TaskQueue",
            compute_environments=[batch.OrderedComputeEnvironment(compute_environment=tasks, order=1)],
        )
        batch.JobQueue(
            self,
            "HeadQueue",
            compute_environments=[batch.OrderedComputeEnvironment(compute_environment=heads, order=1)],
        )

        task_role = iam.Role(self, "TaskRole", assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com"))
        core.bucket.grant_read_write(task_role, f"{name}/*")
        head_role = iam.Role(self, "HeadRole", assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com"))
        core.bucket.grant_read_write(head_role, f"{name}/*")
        file_system.grant_read_write(head_role)
        head_role.add_to_principal_policy(
            iam.PolicyStatement(
                actions=["batch:SubmitJob", "batch:TerminateJob"],
                resources=[task_queue.job_queue_arn, f"arn:aws:batch:{self.region}:{self.account}:job-definition/*"],
            )
        )
        head_role.add_to_principal_policy(
            iam.PolicyStatement(actions=["batch:DescribeJobs", "batch:ListJobs"], resources=["*"])
        )
        batch.EcsJobDefinition(
            self,
            "Head",
            container=batch.EcsFargateContainerDefinition(
                self,
                "HeadContainer",
                image=ecs.ContainerImage.from_registry("public.ecr.aws/docker/library/python:3.11"),
                cpu=1,
                memory=cdk.Size.gibibytes(4),
                command=["miniwdl", "run", "Ref::workflow"],
                environment={"BUCKET": core.bucket.bucket_name},
                job_role=head_role,
                execution_role=iam.Role(
                    self, "ExecutionRole", assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com")
                ),
                logging=ecs.LogDriver.aws_logs(stream_prefix="head", log_group=log_group),
                volumes=[
                    batch.EcsVolume.efs(
                        name="work",
                        container_path="/mnt/efs",
                        file_system=file_system,
                        access_point_id=access_point.access_point_id,
                        enable_transit_encryption=True,
                        use_job_role=True,
                    )
                ],
            ),
            retry_attempts=3,
        )


def main(outdir: str, contexts: int) -> None:
    flags = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = cdk.App(outdir=outdir, context=flags)
    core = Core(app, "Bench-core")
    for number in range(contexts):
        Context(app, f"Bench-context{number}", core)
    app.synth()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
