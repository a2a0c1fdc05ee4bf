"""CoreStack: what the contexts of a project share."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2, aws_kms as kms, aws_s3 as s3
from constructs import Construct

from workflow_context.bucket import WorkflowBucket
from workflow_context.network import Network
from workflow_context.s3_location import S3Location

if TYPE_CHECKING:
    from workflow_context.shared_queues import SharedQueues

    from .project.shared_queues import SharedQueues as SharedQueuesSettings


class CoreStack(cdk.Stack):
    """The network and the bucket of a project, and the queues that contexts may share.

    Args:
        scope: The app.
        id: Its name there.
        vpc_id: A VPC to use. Default: a new one.
        subnet_ids: The subnets to use in it; each is taken to be in a zone of its own. Default: found by a look-up, for
            which the account and the region must be known.
        nat_gateways: NAT gateways of a new VPC. Default: one; with 0 jobs can only run in public subnets.
        bucket_name: A bucket to use: its encryption, lifecycle and policy are yours. Default: a new one.
        kms_key_arn: Key for the bucket and the flow logs. Default: AWS's own keys.
        bucket_removal_policy: What happens to the buckets when the stack is deleted. Default: they stay.
        shared_queues: What the project file says of queues that contexts share. Default: there are none.
        stack_name: Name of the stack in CloudFormation.
        termination_protection: Whether AWS refuses to delete the stack. Default: yes.
        tags: Tags of the stack itself, which CloudFormation passes on to what is in it.
        env: Account and region. Default: any.

    Attributes:
        network: The network.
        bucket: The bucket; each context has a prefix in it.
        shared_queues: The queues that contexts share; None where the project has none.

    Everything that a context may need is exported, whether one needs it now or not: which contexts are deployed, and
    whose, changes nothing here. While a context imports it, CloudFormation refuses to delete this stack.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        vpc_id: str | None = None,
        subnet_ids: Sequence[str] = (),
        nat_gateways: int = 1,
        bucket_name: str | None = None,
        kms_key_arn: str | None = None,
        bucket_removal_policy: cdk.RemovalPolicy = cdk.RemovalPolicy.RETAIN,
        shared_queues: "SharedQueuesSettings | None" = None,
        stack_name: str | None = None,
        termination_protection: bool = True,
        tags: Mapping[str, str] | None = None,
        env: cdk.Environment | None = None,
    ) -> None:
        super().__init__(
            scope,
            id,
            stack_name=stack_name,
            env=env,
            termination_protection=termination_protection,
            tags=dict(tags or {}),
            description="Network and bucket of a genomics workflow project",
        )
        vpc, subnets = self._imported(vpc_id, subnet_ids)
        key = kms.Key.from_key_arn(self, "Key", kms_key_arn) if kms_key_arn else None
        self.network = Network(self, "Network", vpc=vpc, subnets=subnets, nat_gateways=nat_gateways, encryption_key=key)
        outputs = {"VpcId": self.network.vpc.vpc_id}
        self.bucket: s3.IBucket
        self._makes_bucket = bucket_name is None
        if bucket_name is None:
            made = WorkflowBucket(self, "Bucket", encryption_key=key, removal_policy=bucket_removal_policy)
            self.bucket = made.bucket
            outputs["AccessLogBucketName"] = made.access_log_bucket.bucket_name
        else:
            self.bucket = s3.Bucket.from_bucket_attributes(self, "Bucket", bucket_name=bucket_name, encryption_key=key)
        outputs["BucketName"] = self.bucket.bucket_name
        self.shared_queues = self._new_queues(shared_queues, key) if shared_queues is not None else None
        for name, value in outputs.items():
            cdk.CfnOutput(self, name, value=value)
        self._export_all()

    def location(self, prefix: str) -> S3Location:
        """A prefix of the bucket.

        Args:
            prefix: Without a slash at either end.
        """
        return S3Location(self.bucket, prefix)

    def _export_all(self) -> None:
        vpc, bucket = self.network.vpc, self.bucket
        subnets = (*vpc.public_subnets, *vpc.private_subnets, *vpc.isolated_subnets)
        of_bucket = (bucket.bucket_name, bucket.bucket_arn) if self._makes_bucket else ()
        of_queues = self._queue_values(self.shared_queues) if self.shared_queues is not None else ()
        for value in (vpc.vpc_id, *(subnet.subnet_id for subnet in subnets), *of_bucket, *of_queues):
            if cdk.Token.is_unresolved(value):  # what is imported is no resource of this stack
                self.export_value(value)

    def _new_queues(self, written: "SharedQueuesSettings", key: kms.IKey | None) -> "SharedQueues":
        # What few projects have.
        from workflow_context.shared_queues import SharedQueues

        from .build.compute import compute_of

        return SharedQueues(
            self,
            "Shared",
            placement=self.network.placement(public=written.use_public_subnets),
            compute=compute_of(written, head_max_vcpus=written.max_head_vcpus, encryption_key=key),
        )

    @staticmethod
    def _queue_values(queues: "SharedQueues") -> Iterator[str]:
        yield queues.security_group_id
        yield queues.compute.head_queue_arn
        for kind in queues.compute.kinds:
            yield from kind.arns

    def _imported(
        self, vpc_id: str | None, subnet_ids: Sequence[str]
    ) -> tuple[ec2.IVpc | None, list[ec2.ISubnet] | None]:
        if vpc_id is None:
            return None, None
        if not subnet_ids:
            return ec2.Vpc.from_lookup(self, "Vpc", vpc_id=vpc_id), None
        zones = [f"zone-{number}" for number, _ in enumerate(subnet_ids, start=1)]
        vpc = ec2.Vpc.from_vpc_attributes(self, "Vpc", vpc_id=vpc_id, availability_zones=zones)
        return vpc, [
            ec2.Subnet.from_subnet_id(self, f"Subnet{number}", subnet_id)
            for number, subnet_id in enumerate(subnet_ids, start=1)
        ]
