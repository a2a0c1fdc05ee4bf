"""A context of the app by hand: miniwdl on Amazon EFS, its head queue on Fargate and its task queue on EC2."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import (
    aws_batch as batch,
    aws_ec2 as ec2,
    aws_ecs as ecs,
    aws_efs as efs,
    aws_iam as iam,
    aws_logs as logs,
)
from constructs import Construct, IDependable
from handwritten_core import Core
from handwritten_rights import (
    ACCOUNT,
    CLIENT,
    PARTITION,
    READ_OBJECT,
    REGION,
    WRITE_LOG,
    agent_rights,
    allow,
    default_log_right,
    list_right,
    pull_rights,
    resolve_right,
    task_rights,
    write_rights,
)

from workflow_context.scripts import read_script

MOUNT = "/mnt/efs"
RUNS = f"{MOUNT}/miniwdl_run"
BASH_ENV = '$(printf "%s" "$START_HEAD" >/tmp/start_head.sh; echo /tmp/start_head.sh)'
START_HEAD = "".join(line for line in read_script("start_head.sh").splitlines(True) if not line.startswith("# "))
HEAD_COMMAND = ["bash", "-c", ":", "head"]
TAG = "workflow-context"
PARENT_TAG = "AWS_BATCH_PARENT_JOB_ID"
GUARD = "FileSystemIdentity"

ANYBODY = iam.AnyPrincipal()
MACHINES = iam.ServicePrincipal("ec2.amazonaws.com")
CONTAINERS = iam.ServicePrincipal(
    "ecs-tasks.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": ACCOUNT}}
)
STUCK_AFTER = cdk.Duration.minutes(15)
RETRIES = [
    *(
        batch.RetryStrategy.of(batch.Action.RETRY, batch.Reason.custom(on_reason=f"{reason}*"))
        for reason in ("CannotPullContainerError", "DockerTimeoutError")
    ),
    batch.RetryStrategy.of(batch.Action.EXIT, batch.Reason.custom(on_reason="*")),
]


class Context(cdk.Stack):
    """One context: miniwdl on Amazon EFS."""

    def __init__(self, scope: cdk.App, project: str, name: str, core: Core, program: Path) -> None:
        super().__init__(
            scope,
            f"{project}-{name}",
            tags={"workflow-context:project": project, "workflow-context:context": name},
            description="Genomics workflow context: miniwdl on EFS",
        )
        self.core = core
        self.context = f"{project}{name}"
        self.prefix = f"contexts/{name}"
        self.uri = f"s3://{core.bucket_name}/{self.prefix}"
        self.subnets = ec2.SubnetSelection(subnets=core.private_subnets)
        self.jobs_group = ec2.SecurityGroup(
            self, "Jobs", vpc=core.vpc, description="Head and task jobs of the workflow context"
        )
        self.new_file_system()
        self.log_group = logs.LogGroup(
            self, "Logs", retention=logs.RetentionDays.ONE_MONTH, removal_policy=cdk.RemovalPolicy.DESTROY
        )
        self.log_name, self.log_arn = self.log_group.log_group_name, self.log_group.log_group_arn
        tasks = self.new_task_environment()
        heads = batch.FargateComputeEnvironment(
            self,
            "HeadEnvironment",
            vpc=core.vpc,
            vpc_subnets=self.subnets,
            security_groups=[self.jobs_group],
            maxv_cpus=16,
            replace_compute_environment=False,
        )
        self.complete(heads, {"Type": "MANAGED"})
        self.task_queue = self.new_queue("TaskQueue", tasks).job_queue_arn
        head_queue = self.new_queue("HeadQueue", heads)
        client_role = self.new_client_role()
        tags = cdk.Tags.of(head_queue)
        tags.add("WorkflowEngineRoleArn", client_role.role_arn)
        tags.add("DefaultTaskQueue", self.task_queue)
        tags.add("DefaultFsap", self.access_point_id)
        head_role = self.new_head_role()
        head_job = self.new_head_job(head_role, program)
        self.show_outputs(head_queue.job_queue_arn, head_job, head_role)
        self.guard_file_system(name)

    def new_file_system(self) -> None:
        group = ec2.SecurityGroup(
            self,
            "MountTargets",
            vpc=self.core.vpc,
            description="Mount targets of the workflow file system",
            allow_all_outbound=False,
        )
        group.connections.allow_from(self.jobs_group, ec2.Port.tcp(2049), "Workflow file system")
        points = cdk.Fn.sub("arn:${AWS::Partition}:elasticfilesystem:${AWS::Region}:${AWS::AccountId}:access-point/*")
        self.file_system = efs.FileSystem(
            self,
            "FileSystem",
            vpc=self.core.vpc,
            vpc_subnets=self.subnets,
            security_group=group,
            encrypted=True,
            performance_mode=efs.PerformanceMode.GENERAL_PURPOSE,
            throughput_mode=efs.ThroughputMode.BURSTING,
            allow_anonymous_access=True,
            removal_policy=cdk.RemovalPolicy.DESTROY,
            file_system_policy=iam.PolicyDocument(
                statements=[
                    iam.PolicyStatement(
                        sid="DenyWithoutTls",
                        effect=iam.Effect.DENY,
                        principals=[ANYBODY],
                        actions=["elasticfilesystem:*"],
                        conditions={"Bool": {"aws:SecureTransport": "false"}},
                    ),
                    iam.PolicyStatement(
                        sid="AllowMountTargetsAndAccessPoints",
                        principals=[ANYBODY],
                        actions=CLIENT,
                        conditions={
                            "Bool": {"elasticfilesystem:AccessedViaMountTarget": "true"},
                            "ArnLike": {"elasticfilesystem:AccessPointArn": points},
                        },
                    ),
                ]
            ),
        )
        resource = self.file_system.node.default_child
        assert isinstance(resource, efs.CfnFileSystem)
        resource.backup_policy = efs.CfnFileSystem.BackupPolicyProperty(status="DISABLED")
        resource.cfn_options.update_replace_policy = cdk.CfnDeletionPolicy.RETAIN
        self.access_point = self.file_system.add_access_point(
            "AccessPoint",
            path="/workflow",
            create_acl=efs.Acl(owner_uid="0", owner_gid="0", permissions="750"),
            posix_user=efs.PosixUser(uid="0", gid="0"),
        )
        self.access_point.apply_removal_policy(cdk.RemovalPolicy.DESTROY)
        self.access_point_id = self.access_point.access_point_id
        self.file_system_id = self.file_system.file_system_id
        own = {"ArnEquals": {"elasticfilesystem:AccessPointArn": self.access_point.access_point_arn}}
        self.mount_right = allow(CLIENT, self.file_system.file_system_arn, conditions=own)
        self.ready: list[IDependable] = [self.file_system.mount_targets_available, self.access_point]

    def new_task_environment(self) -> batch.ManagedEc2EcsComputeEnvironment:
        role, policy = self.new_role(
            "Machine",
            MACHINES,
            "EC2 instances of task jobs of the workflow context",
            [
                *agent_rights(),
                self.mount_right,
                allow(WRITE_LOG, self.log_arn),
                default_log_right(),
                allow(["s3:GetBucketLocation"], self.core.bucket_arn),
                list_right(self.core.bucket_arn, self.prefix),
                allow(READ_OBJECT, f"{self.core.bucket_arn}/{self.prefix}/*"),
            ],
        )
        at_boot = ec2.MultipartUserData()
        for script in ("ecs_agent.sh", "instance_store.sh"):
            at_boot.add_part(ec2.MultipartBody.from_user_data(ec2.UserData.custom(read_script(script))))
        volume = ec2.BlockDeviceVolume.ebs(
            100, encrypted=True, volume_type=ec2.EbsDeviceVolumeType.GP3, delete_on_termination=True
        )
        template = ec2.LaunchTemplate(
            self,
            "LaunchTemplate",
            user_data=at_boot,
            require_imdsv2=True,
            http_put_response_hop_limit=2,
            block_devices=[ec2.BlockDevice(device_name="/dev/xvda", volume=volume)],
        )
        environment = batch.ManagedEc2EcsComputeEnvironment(
            self,
            "TaskEnvironment",
            vpc=self.core.vpc,
            vpc_subnets=self.subnets,
            security_groups=[self.jobs_group],
            allocation_strategy=batch.AllocationStrategy.BEST_FIT_PROGRESSIVE,
            images=[batch.EcsMachineImage(image_type=batch.EcsMachineImageType.ECS_AL2023)],
            instance_role=role,
            launch_template=template,
            default_instance_classes=[batch.DefaultInstanceClass.X86_64],
            minv_cpus=0,
            maxv_cpus=256,
            replace_compute_environment=False,
            update_to_latest_image_version=True,
            update_timeout=cdk.Duration.hours(120),
            terminate_on_update=False,
        )
        resources = {
            "InstanceTypes": ["default_x86_64"],
            "LaunchTemplate": {"Version": template.latest_version_number},
        }
        self.complete(environment, {"Type": "MANAGED", "ComputeResources": resources}, role, policy)
        return environment

    def complete(
        self, environment: batch.IComputeEnvironment, properties: Mapping[str, object], *after: IDependable
    ) -> None:
        """What the L2 does not say, or writes otherwise than the schema has it."""
        resource = environment.node.default_child
        assert isinstance(resource, batch.CfnComputeEnvironment)
        resource.add_override("Properties", properties)
        environment.node.add_dependency(*after, *self.ready)

    def new_queue(self, id: str, environment: batch.IComputeEnvironment) -> batch.JobQueue:
        reasons = batch.JobStateTimeLimitActionsReason
        return batch.JobQueue(
            self,
            id,
            compute_environments=[batch.OrderedComputeEnvironment(compute_environment=environment, order=1)],
            job_state_time_limit_actions=[
                batch.JobStateTimeLimitAction(
                    max_time=STUCK_AFTER,
                    reason=reason,
                    state=batch.JobStateTimeLimitActionsState.RUNNABLE,
                    action=batch.JobStateTimeLimitActionsAction.CANCEL,
                )
                for reason in (reasons.COMPUTE_ENVIRONMENT_MAX_RESOURCE, reasons.JOB_RESOURCE_REQUIREMENT)
            ],
        )

    def new_role(
        self, id: str, principal: iam.IPrincipal, description: str, rights: Sequence[iam.PolicyStatement]
    ) -> tuple[iam.Role, iam.Policy]:
        role = iam.Role(self, f"{id}Role", assumed_by=principal, description=description)
        return role, iam.Policy(self, f"{id}Policy", roles=[role], statements=rights)

    def new_client_role(self) -> iam.Role:
        """The role of head jobs that miniwdl-aws-submit submits: it names job definitions after tasks alone."""
        role, _ = self.new_role(
            "Client",
            CONTAINERS,
            "Head jobs of miniwdl-aws-submit",
            [
                self.mount_right,
                *write_rights(self.core.bucket_arn, self.prefix),
                *pull_rights(),
                default_log_right(),
                resolve_right(self.access_point_id),
            ],
        )
        own = {"StringEqualsIfExists": {f"aws:ResourceTag/{TAG}": self.context}}
        tags = {"StringEqualsIfExists": {f"aws:RequestTag/{TAG}": self.context}}
        jobs = {**own, "Null": {f"aws:ResourceTag/{PARENT_TAG}": "false"}}
        iam.Policy(
            self, "ClientJobs", roles=[role], statements=task_rights(self.task_queue, "*", ":*", own, {**tags}, jobs)
        )
        return role

    def new_head_role(self) -> iam.Role:
        tags = {
            "StringEquals": {f"aws:RequestTag/{TAG}": self.context},
            "ForAllValues:StringEquals": {"aws:TagKeys": [TAG, f"{TAG}:run", PARENT_TAG]},
        }
        jobs = {"StringEquals": {f"aws:ResourceTag/{TAG}": self.context}}
        bucket = cdk.Fn.sub("cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}")
        role, _ = self.new_role(
            "Head",
            CONTAINERS,
            "Head jobs of the workflow context",
            [
                self.mount_right,
                *write_rights(self.core.bucket_arn, self.prefix),
                *task_rights(self.task_queue, f"{self.context}-task-*", "", None, tags, jobs),
                resolve_right(self.access_point_id),
                allow(["s3:GetObject"], f"arn:{PARTITION}:s3:::{bucket}/workflow-program-*"),
            ],
        )
        return role

    def task_settings(self) -> dict[str, str]:
        options = {"awslogs-group": self.log_name, "awslogs-stream-prefix": "task"}
        log = {"logConfiguration": {"logDriver": "awslogs", "options": options}}
        return {
            "MINIWDL__AWS__CONTAINER_PROPERTIES": compact(log),
            "MINIWDL__CALL_CACHE__DIR": f"{RUNS}/_CACHE",
            "MINIWDL__CALL_CACHE__GET": "true",
            "MINIWDL__CALL_CACHE__PUT": "true",
        }

    def new_head_job(self, head_role: iam.Role, program: Path) -> batch.EcsJobDefinition:
        # Its policy is its own, since the log driver adds to it.
        execution_role = iam.Role(
            self, "ExecutionRole", assumed_by=CONTAINERS, description="Image pulls and logs of the workflow context"
        )
        self.log_group.grant_write(execution_role)
        for statement in pull_rights():
            execution_role.add_to_policy(statement)
        uploaded = self.synthesizer.add_file_asset(
            source_hash=f"workflow-program-{program.stem}",
            packaging=cdk.FileAssetPackaging.FILE,
            file_name=program.name,
        )
        container = batch.EcsFargateContainerDefinition(
            self,
            "HeadContainer",
            image=ecs.ContainerImage.from_registry("ghcr.io/miniwdl-ext/miniwdl-aws:v0.12.2"),
            cpu=1,
            memory=cdk.Size.gibibytes(4),
            command=[*HEAD_COMMAND, "Ref::workflow", "Ref::inputs", "Ref::outputs", RUNS],
            environment={
                "AWS_REGION": REGION,
                "BASH_ENV": BASH_ENV,
                "FETCH_PROGRAM": read_script("fetch_program.py"),
                "START_HEAD": START_HEAD,
                "WORKFLOW_PROGRAM": uploaded.http_url,
                "MINIWDL__FILE_IO__ROOT": MOUNT,
                "MINIWDL__AWS__TASK_QUEUE": self.task_queue,
                "MINIWDL__AWS__FSAP": self.access_point_id,
                "MINIWDL__SCHEDULER__CONTAINER_BACKEND": "workflow_context",
                "WORKFLOW_CONTEXT": self.context,
                **self.task_settings(),
            },
            job_role=head_role,
            execution_role=execution_role,
            logging=ecs.LogDriver.aws_logs(stream_prefix="head", log_group=self.log_group),
            assign_public_ip=False,
            fargate_platform_version=ecs.FargatePlatformVersion.VERSION1_4,
            volumes=[
                batch.EcsVolume.efs(
                    name="efs",
                    container_path=MOUNT,
                    file_system=self.file_system,
                    access_point_id=self.access_point_id,
                    enable_transit_encryption=True,
                    use_job_role=True,
                )
            ],
        )
        definition = batch.EcsJobDefinition(
            self,
            "HeadJob",
            container=container,
            parameters={"inputs": "{}", "outputs": f"{self.uri}/miniwdl"},
            retry_attempts=3,
            retry_strategies=RETRIES,
            timeout=cdk.Duration.days(7),
            propagate_tags=True,
        )
        cdk.Tags.of(definition).add(TAG, self.context)
        resource = definition.node.default_child
        assert isinstance(resource, batch.CfnJobDefinition)
        resource.add_property_override("ResourceRetentionPolicy.SkipDeregisterOnUpdate", True)
        definition.node.add_dependency(*self.ready)
        return definition

    def show_outputs(self, head_queue: str, head_job: batch.EcsJobDefinition, head_role: iam.Role) -> None:
        definition, mark = head_job.job_definition_arn, {TAG: self.context}
        container = {
            "image": "public.ecr.aws/docker/library/ubuntu:24.04",
            "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "512"}],
            "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": self.log_name}},
        }
        task = {
            "name": f"{self.context}-task-check-",
            "container": container,
            "mountsAsHead": True,
            "definitionTags": mark,
            "tags": mark,
        }
        check = {"definition": definition, "command": [*HEAD_COMMAND, "check"], "changesOwners": True, "task": task}
        log, *others = self.task_settings().items()
        client = [
            "# The head queue's tags tell miniwdl-aws-submit the rest: task queues, on EFS access point and role.",
            f"export AWS_DEFAULT_REGION={REGION}",
            f"export MINIWDL__AWS__WORKFLOW_QUEUE={head_queue}",
            f"export MINIWDL__AWS__S3_UPLOAD_FOLDER={self.uri}/miniwdl",
            f"export MINIWDL__AWS__JOB_TAGS='{json.dumps(mark)}'",
            f"export {log[0]}='{log[1]}'",
            *(f"export {name}={value}" for name, value in others),
            "# miniwdl-aws-submit WORKFLOW.wdl INPUT=VALUE --follow --no-public-ip",
        ]
        outputs = {
            "HeadQueue": head_queue,
            "TaskQueue": self.task_queue,
            "HeadJobDefinition": definition,
            "HeadRole": head_role.role_arn,
            "Check": compact(check),
            "MountPath": MOUNT,
            "Outputs": self.uri,
            "ClientConfiguration": "\n".join(client),
            "FileSystemId": self.file_system_id,
            "AccessPointId": self.access_point_id,
        }
        shown = Construct(self, "Default")  # beside resources that have such names
        for name, value in outputs.items():
            cdk.CfnOutput(shown, name, value=value)

    def guard_file_system(self, name: str) -> None:
        """An update that would replace the file system is refused."""
        identity = f"file system of {name}"
        parameter = cdk.CfnParameter(
            self,
            GUARD,
            default=identity,
            description="The file system that is deployed. Leave it as it is: it keeps updates from giving it up.",
        )
        deployed = parameter.value_as_string
        for part in ("MountTargets", "FileSystem"):
            cdk.Tags.of(self.node.find_child(part)).add("workflow-context:file-system", deployed)
        cdk.CfnRule(
            self,
            "FileSystemStays",
            assertions=[
                cdk.CfnRuleAssertion(
                    assert_=cdk.Fn.condition_equals(deployed, identity),
                    assert_description="This update would replace or remove the file system that is deployed, or lock "
                    f"jobs out of its data. Nothing was changed. To see what goes: workflow-context plan {name}. "
                    f"To go ahead: -c allowDataLoss={name}.",
                )
            ],
        )


def compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
