"""A machine on which people look at the shared file system of a context."""

import aws_cdk as cdk
import jsii
from aws_cdk import aws_ec2 as ec2, aws_iam as iam, aws_kms as kms
from constructs import Construct

from .context import WorkflowContext
from .keys import let_volumes_use
from .machines import encrypted_root_volume
from .models.idle_costs import STOPS_WHEN_IDLE
from .nag import acknowledge, acknowledge_policies, in_compliance_packs
from .network import Placement, client_security_group
from .s3_location import S3_WILDCARD
from .scripts import install_script, read_script

_IDLE_STOP = "/usr/local/sbin/workflow-idle-stop"
_SESSIONS = "SSM-SessionManagerRunShell"
_SIZES = {2: "t3.small", 4: "t3.medium", 8: "t3.large", 16: "t3.xlarge", 32: "t3.2xlarge"}
"""GiB of memory to type."""
_SYSTEM_GIB = 1
_ROOT_GIB = 20
_MAX_IDLE_HOURS = 168


@jsii.implements(ec2.IConnectable)
class DebugInstance(Construct):
    """An EC2 instance with the file system of a context at the path where jobs have it, for a look inside.

    People open a shell on it by AWS Systems Manager (`aws ssm start-session --target …`); there is no other way in. It
    stops itself when no session was open for some time, and is started again for the next look. The file system is
    read-only unless `write` is given. Where there is nothing to mount (S3), its role may read the work directory with
    the AWS CLI, which Amazon Linux brings along: a mount of S3 would show the same objects, and hide what each request
    costs. Nothing that is kept on its own disk is safe: a newer Amazon Linux replaces it at the next deployment.

    Args:
        scope: Where the construct lives.
        id: Its name there.
        context: The context.
        idle: How long it runs on without a session before it stops, 1 to 168 whole hours. A session counts as long as
            it is open: Session Manager itself ends those in which nothing was typed for 20 minutes.
        write: Whether it may write on the file system, or in the work directory. Default: no.
        instance_type: Its type, for x86_64 or arm64. Default: the smallest of the t3 family with 1 GiB beside what the
            file system takes of a machine: t3.small for most.
        placement: Where it runs: private subnets with a way out, or with interface endpoints for Systems Manager.
            Default: where the jobs of the context run.
        encryption_key: Key for its disk. Default: the key of EBS in the account.

    Attributes:
        instance: The L2 instance.
        connections: Its network connections.

    Raises:
        ValueError: A time out of range, or public subnets, in which it would need a public address.

    Security considerations:
        No key pair, no open port, no public address, IMDSv2 only, an encrypted disk. Lustre is the exception that its
        protocol asks for: its servers may call back. Who may open a session is a matter of IAM (`grant_session`), and
        who opens one is root on the machine and reads all that jobs wrote. Sessions are in CloudTrail; what is typed is
        logged where the account's Session Manager preferences say so. Its role has AmazonSSMManagedInstanceCore and
        what the mount needs; AWS's policy allows `ssm:GetParameter` for every parameter of the account and Region.

    Cost:
        While it runs, t3.small 0.0208 USD an hour; stopped, its disk of 20 GiB 1.60 USD a month (us-east-1).
        https://aws.amazon.com/ec2/pricing/on-demand/
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        context: WorkflowContext,
        idle: cdk.Duration | None = None,
        write: bool = False,
        instance_type: ec2.InstanceType | None = None,
        placement: Placement | ec2.IVpc | None = None,
        encryption_key: kms.IKey | None = None,
    ) -> None:
        super().__init__(scope, id)
        minutes = int(idle.to_minutes()) if idle is not None else 240
        if minutes % 60 or not 1 <= minutes // 60 <= _MAX_IDLE_HOURS:
            message = f"idle must be 1 to {_MAX_IDLE_HOURS} whole hours, got {minutes} minutes"
            raise ValueError(message)
        placement = Placement.of(placement) if placement is not None else context.engine.placement
        if placement.assign_public_ip:
            raise ValueError(
                "a debug instance has no public address, and in public subnets it would reach neither Systems Manager "
                "nor its packages; give it a placement in private subnets, or mount_on an instance of your own"
            )
        if encryption_key is not None:
            let_volumes_use(encryption_key)
        self._write = write
        self._storage = context.storage
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"),
            description="Debug instance of the workflow context",
            managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name("AmazonSSMManagedInstanceCore")],
        )
        self.instance = self._new_instance(placement, role, instance_type or self._default_type(), encryption_key)
        cdk.Tags.of(self.instance).add(STOPS_WHEN_IDLE, f"{minutes // 60} hours")
        self.instance.user_data.add_commands(*_idle_stop(minutes))
        self._reach_storage()
        acknowledge_policies(self, {"s3:": S3_WILDCARD})
        self._acknowledge(role)

    @property
    def connections(self) -> ec2.Connections:
        """Its network connections."""
        return self.instance.connections

    def grant_session(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow somebody to start the instance, to open a shell on it, and to end what sessions he opened.

        Args:
            grantee: Who may.
        """
        stack = cdk.Stack.of(self)
        instance = stack.format_arn(service="ec2", resource="instance", resource_name=self.instance.instance_id)
        look = iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["ec2:DescribeInstances", "ssm:DescribeInstanceInformation"],
            resource_arns=["*"],  # none of them has a resource level
        )
        start = iam.Grant.add_to_principal(
            grantee=grantee, actions=["ec2:StartInstances", "ec2:StopInstances"], resource_arns=[instance]
        )
        document = stack.format_arn(service="ssm", resource="document", resource_name=_SESSIONS)
        open_ = iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["ssm:StartSession"],
            resource_arns=[instance, document],
            # The shell only: without it, the user could name any document.
            # https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-sessiondocumentaccesscheck.html
            conditions={"BoolIfExists": {"ssm:SessionDocumentAccessCheck": "true"}},
        )
        own = stack.format_arn(service="ssm", resource="session", resource_name="${aws:userid}-*")
        end = iam.Grant.add_to_principal(
            grantee=grantee, actions=["ssm:TerminateSession", "ssm:ResumeSession"], resource_arns=[own]
        )
        return look.combine(start).combine(open_).combine(end)

    def outputs(self) -> dict[str, str]:
        """What a user wants to know once it is deployed: name to value, for stack outputs."""
        return {"DebugInstance": self.instance.instance_id}

    def _default_type(self) -> ec2.InstanceType:
        needed = self._storage.task_memory_overhead.to_gibibytes(rounding=cdk.SizeRoundingBehavior.NONE) + _SYSTEM_GIB
        sizes = list(_SIZES)
        chosen = next((size for size in sizes if size >= needed), sizes[-1])
        return ec2.InstanceType(_SIZES[chosen])

    def _new_instance(
        self, placement: Placement, role: iam.Role, instance_type: ec2.InstanceType, key: kms.IKey | None
    ) -> ec2.Instance:
        arm = instance_type.architecture == ec2.InstanceArchitecture.ARM_64
        # The L2 asks for the zone of the subnet, which is not known of one that is imported by its id; EC2 knows it.
        subnet = ec2.Subnet.from_subnet_attributes(
            self, "Subnet", subnet_id=placement.subnets[0].subnet_id, availability_zone="of the subnet"
        )
        acknowledge(subnet, "Nothing reads its routes.", "Annotation::@aws-cdk/aws-ec2:noSubnetRouteTableId")
        group = client_security_group(self, placement.vpc, "Debug instance of the workflow context")
        instance = ec2.Instance(
            self,
            "Instance",
            vpc=placement.vpc,
            vpc_subnets=ec2.SubnetSelection(subnets=[subnet]),
            security_group=group,
            role=role,
            instance_type=instance_type,
            machine_image=ec2.MachineImage.latest_amazon_linux2023(
                cpu_type=ec2.AmazonLinuxCpuType.ARM_64 if arm else ec2.AmazonLinuxCpuType.X86_64
            ),
            associate_public_ip_address=False,
            http_tokens=ec2.HttpTokens.REQUIRED,
            http_put_response_hop_limit=1,
            instance_initiated_shutdown_behavior=ec2.InstanceInitiatedShutdownBehavior.STOP,
            user_data_causes_replacement=True,  # it runs at the first boot only
            propagate_tags_to_volume_on_creation=True,
            block_devices=[encrypted_root_volume(cdk.Size.gibibytes(_ROOT_GIB), key)],
        )
        resource = instance.node.default_child
        assert isinstance(resource, ec2.CfnInstance)  # noqa: S101  for the type checker
        resource.add_property_deletion_override("AvailabilityZone")
        return instance

    def _reach_storage(self) -> None:
        storage, write = self._storage, self._write
        if storage.mount_script is not None:
            storage.mount_on(self.instance, read_only=not write)
        else:
            (storage.grant_read_write if write else storage.grant_read)(self.instance.role)

    def _acknowledge(self, role: iam.Role) -> None:
        acknowledge(
            role,
            "AWS's own policy for machines under Systems Manager: the agent's channels, and nothing of the account's "
            "data but parameters.",
            "AwsSolutions-IAM4",
            "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/AmazonSSMManagedInstanceCore]",
        )
        acknowledge(
            self.instance,
            "Its one disk is encrypted, and its network interface names a subnet of the VPC: the rules look for the "
            "disk in a launch template that other instances have, and for the subnet beside the interface.",
            "AwsSolutions-EC26",
            *in_compliance_packs("EC2InstancesInVPC"),
        )
        acknowledge(
            self.instance,
            "It holds nothing of its own, stops when nobody uses it, and can be made again: it needs no fine "
            "monitoring, no protection from deletion and no backup.",
            "AwsSolutions-EC28",
            "AwsSolutions-EC29",
            *in_compliance_packs(
                "EC2InstanceDetailedMonitoringEnabled", "EC2EBSInBackupPlan", "EC2EBSOptimizedInstance"
            ),
        )


def _idle_stop(minutes: int) -> list[str]:
    """Commands that set up the stop, each in a shell of its own: whatever becomes of the mount, the machine stops."""
    settings = {"IDLE_MINUTES": str(minutes), "IDLE_STOP": _IDLE_STOP}
    scripts = (install_script("idle_stop.sh", _IDLE_STOP), read_script("idle_timer.sh", settings))
    return [f"bash -s <<'WORKFLOW-IDLE'\n{script}\nWORKFLOW-IDLE" for script in scripts]
