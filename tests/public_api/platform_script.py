"""What a platform engineer writes first: run by tests/test_public_api.py, and type-checked strictly by `make check`."""

import aws_cdk as cdk
from aws_cdk import (
    aws_ec2 as ec2,
    aws_efs as efs,
    aws_fsx as fsx,
    aws_iam as iam,
    aws_lambda as lambda_,
    aws_logs as logs,
)
from constructs import Construct

from workflow_context import (
    BatchCompute,
    ContextParts,
    EfsFileSystem,
    EngineFactory,
    FsxLustreFileSystem,
    MiniwdlEngine,
    Monitoring,
    Network,
    NextflowEngine,
    S3FilesFileSystem,
    S3FileSystem,
    S3Location,
    SnakemakeEngine,
    WorkflowBucket,
    WorkflowContext,
    WorkflowEngine,
    WorkflowFileSystem,
)

app = cdk.App()
stack = cdk.Stack(app, "Platform")
vpc = ec2.Vpc(stack, "Vpc", restrict_default_security_group=False)
placement = Network(stack, "Network", vpc=vpc).placement()
bucket = WorkflowBucket(stack, "Bucket")
role = iam.Role(stack, "Analysts", assumed_by=iam.AccountRootPrincipal())
instance = ec2.Instance(
    stack,
    "Workstation",
    vpc=vpc,
    instance_type=ec2.InstanceType("m6i.large"),
    machine_image=ec2.MachineImage.latest_amazon_linux2023(),
)

# An EFS file system, one's own in every respect.
fs = EfsFileSystem(stack, "Storage", placement=placement)
instance.connections.allow_to(fs, ec2.Port.tcp(2049))
instance.connections.allow_to_default_port(fs)
read: iam.Grant = fs.grant_read(role)
write: iam.Grant = fs.grant_read_write(role)
assert read.success
assert write.success
fs.metric_burst_credit_balance().create_alarm(stack, "Credits", threshold=1, evaluation_periods=1)
fs.metric_percent_io_limit(period=cdk.Duration.minutes(5), statistic="p99")
fs.mount_on(instance, read_only=True)
l2: efs.IFileSystem = fs.file_system

# A context, with options of its own parts.
context = WorkflowContext(
    stack,
    "Joint",
    engine=MiniwdlEngine,
    compute=BatchCompute.with_options(
        spot=True,
        head_max_vcpus=100,
        instance_types=[ec2.InstanceType("m6i.4xlarge"), "r6i"],
        machine_image=ec2.MachineImage.generic_linux({"us-east-1": "ami-0123456789abcdef0"}),
    ),
    placement=placement,
    storage=fs,
    outputs=bucket.location("joint"),
    data=[S3Location(bucket.bucket, "references", read_only=True)],
    head_memory=cdk.Size.gibibytes(8),
    log_group=logs.LogGroup(stack, "Log", retention=logs.RetentionDays.ONE_YEAR),
)
submit: iam.Grant = context.grant_submit(role)
assert submit.success
context.connections.allow_to(ec2.Peer.ipv4("10.1.0.0/16"), ec2.Port.tcp(5432))
context.compute.connections.allow_to_default_port(fs)
Monitoring(stack, "Monitoring", context=context)

# A second context, on the same file system.
second = fs.add_access_point("Snakemake", uid=2000, gid=2000)
reports = WorkflowContext(
    stack,
    "Reports",
    engine=SnakemakeEngine.with_options(image="docker.io/snakemake/snakemake:v9.27.1"),
    placement=placement,
    storage=second,
    outputs=bucket.location("reports"),
    log_retention=logs.RetentionDays.SIX_MONTHS,
)
reports.engine.head_job_definition.grant_submit_job(role, reports.compute.head_queue)

# Somebody else's file systems.
group = ec2.SecurityGroup.from_security_group_id(stack, "Group", "sg-0123456789abcdef0")
existing: list[WorkflowFileSystem] = [
    EfsFileSystem.from_efs(stack, "Wrapped", file_system=efs.FileSystem(stack, "Theirs", vpc=vpc)),
    EfsFileSystem.from_efs_attributes(
        stack,
        "ById",
        file_system_id="fs-0123456789abcdef0",
        access_point_id="fsap-0123456789abcdef0",
        security_group=group,
    ),
    EfsFileSystem.from_efs_attributes(
        stack, "Retained", file_system_id="fs-0123456789abcdef1", mount_targets=placement, uid=1000, gid=1000
    ),
    FsxLustreFileSystem.from_fsx_lustre(
        stack,
        "WrappedLustre",
        file_system=fsx.LustreFileSystem(
            stack,
            "TheirLustre",
            vpc=vpc,
            vpc_subnet=vpc.private_subnets[0],
            storage_capacity_gib=1200,
            lustre_configuration=fsx.LustreConfiguration(deployment_type=fsx.LustreDeploymentType.SCRATCH_2),
        ),
    ),
    FsxLustreFileSystem.from_fsx_lustre_attributes(
        stack, "LustreById", file_system_id="fs-0123456789abcdef2", mount_name="abcdefgh", security_group=group
    ),
    S3FilesFileSystem.from_s3_files_attributes(
        stack,
        "FilesById",
        file_system_id="fs-0123456789abcdef3",
        access_point_id="fsap-0123456789abcdef3",
        access_point_arn="arn:aws:s3files:us-east-1:123456789012:access-point/fsap-0123456789abcdef3",
        location=bucket.location("files"),
        security_group=group,
    ),
    S3FileSystem(stack, "OnS3", location=bucket.location("work")),
]
grants: list[iam.Grant] = [one.grant_read_write(role) for one in existing]


class CwlEngine(WorkflowEngine):
    """An engine of one's own."""

    def __init__(
        self, scope: Construct, id: str, parts: ContextParts, *, image: str = "quay.io/cwl/cwltool:3.1"
    ) -> None:
        super().__init__(scope, id, parts)
        self.task_role = self.new_role("TaskRole", "Tasks of CWL workflows")
        self.grant_task(self.task_role)
        self.grant_pass_roles(self.task_role)
        self.head_job_definition = self.new_job_definition(
            "HeadJob",
            self.head_container("Head", image=image, command=["cwltool", "Ref::workflow"], environment={}),
            parameters={"workflow": "main.cwl"},
            timeout=cdk.Duration.days(1),
        )

    @property
    def client_configuration(self) -> str:
        """What a client must know."""
        return f"cwltool --outdir {self.shared_directory} WORKFLOW.cwl"


engines: list[EngineFactory] = [
    NextflowEngine.with_options(task_image="ubuntu:24.04"),
    CwlEngine.with_options(image="x:1"),
]
cwl = WorkflowContext(
    stack, "Cwl", engine=engines[1], placement=placement, storage=second, outputs=bucket.location("cwl")
)

# A function that starts a workflow when an input arrives.
function = lambda_.Function(
    stack,
    "Start",
    runtime=lambda_.Runtime.PYTHON_3_12,
    handler="index.handler",
    code=lambda_.Code.from_inline("def handler(event, context): ..."),
)
cwl.grant_submit(function)

if __name__ == "__main__":
    app.synth()
