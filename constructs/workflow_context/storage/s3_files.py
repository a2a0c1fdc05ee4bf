"""Amazon S3 Files as the workflow file system: a bucket, mounted by NFS."""

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import (
    aws_ec2 as ec2,
    aws_iam as iam,
    aws_kms as kms,
    aws_s3files as s3files,
)
from constructs import Construct, IDependable
from typing_extensions import override

from workflow_context.nag import acknowledge_policies
from workflow_context.network import Placement
from workflow_context.s3_location import S3_WILDCARD, S3Location

from .efs_base import directory_of
from .s3_files_base import CLIENT_ACTIONS, NFS, ROOT_ACTION, ExistingS3FilesFileSystem, S3FilesFileSystemBase

_SERVICE = "elasticfilesystem.amazonaws.com"
_SMALL_FILES = 131072  # bytes; the service's own limit below which files are fetched with their directory
_MAX_DAYS = 365
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-files-prereq-policies.html, without its wildcards
_SYNCHRONIZE_OBJECTS = [
    "s3:AbortMultipartUpload",
    "s3:DeleteObject",
    "s3:DeleteObjectTagging",
    "s3:DeleteObjectVersion",
    "s3:DeleteObjectVersionTagging",
    "s3:GetObject",
    "s3:GetObjectAcl",
    "s3:GetObjectAttributes",
    "s3:GetObjectTagging",
    "s3:GetObjectVersion",
    "s3:GetObjectVersionAcl",
    "s3:GetObjectVersionAttributes",
    "s3:GetObjectVersionTagging",
    "s3:ListMultipartUploadParts",
    "s3:PutObject",
    "s3:PutObjectTagging",
    "s3:PutObjectVersionTagging",
]
_MANAGE_RULES = [
    "events:DeleteRule",
    "events:DisableRule",
    "events:EnableRule",
    "events:PutRule",
    "events:PutTargets",
    "events:RemoveTargets",
]
_READ_RULES = ["events:DescribeRule", "events:ListRuleNamesByTarget", "events:ListRules", "events:ListTargetsByRule"]


class S3FilesFileSystem(S3FilesFileSystemBase):
    """A prefix of a bucket, mounted as a directory by every job: an S3 Files file system.

    Defines the file system with its policy, the role by which the service keeps it and the bucket in step, a mount
    target in each zone, an access point and a security group. Head jobs on Fargate mount it by their job definition;
    instances mount it at boot, because AWS Batch refuses the volume on EC2.
    https://docs.aws.amazon.com/batch/latest/userguide/s3files-volumes.html

    What is written appears in the bucket about a minute later, under `<prefix>/workflow/`. A rename copies every object
    below it. There are no hard links. Objects that something else writes to the prefix at the same time win over files.

    Args:
        scope: Where the construct lives.
        id: Its name there. The logical id of the file system follows from it: changing it replaces it, which leaves the
            objects as they are.
        placement: Where the jobs run that will mount it.
        location: The bucket and the prefix. The bucket must be in the same account and region, versioned, and let old
            versions expire, since every change of a file makes one: `WorkflowBucket` does. Changing the place replaces
            the file system.
        expiration: How long data that nobody reads stays on the file system, 1 to 365 whole days; it is fetched from
            the bucket again when it is read. Default: 7 days, as AWS advises for batch jobs.
            https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-files-best-practices.html
        encryption_key: Key for what is on the file system; the objects have that of the bucket. Changing it replaces
            the file system. Default: a key of the service.
        uid: POSIX user id that every job acts as. Default: 0, root, as images expect that change owners (`tar x`, `cp
            -a`). Each user has a directory of its own: with another one, jobs find it empty.
        gid: POSIX group id. Default: 0.

    Attributes:
        file_system: The L1 file system.
        access_point: The L1 access point.

    Raises:
        ValueError: No prefix, a read-only location, or an expiration out of range.

    Security considerations:
        Encrypted at rest, under a key of the service unless one is given, and always in transit. NFS comes only from
        the security groups given to `allow_mount_from`; the file-system policy refuses every client that does not use
        the access point, and a client needs a role that may mount. Jobs may also read the prefix from S3 directly, past
        POSIX permissions: reads of large files go that way, faster and cheaper. The service's role may list the names
        of all objects in the bucket, and touch those below the prefix.

    Cost:
        0.30 USD per GB and month for what is on the file system, 0.03 USD per GB read from it and 0.06 USD per GB
        written to it (us-east-1), beside S3 storage and requests. A written GB costs 0.09 USD, since it is read once to
        be exported. Reads of 1 MiB or more cost S3 requests only. https://aws.amazon.com/s3/pricing/
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        placement: Placement | ec2.IVpc,
        location: S3Location,
        expiration: cdk.Duration | None = None,
        encryption_key: kms.IKey | None = None,
        uid: int = 0,
        gid: int = 0,
    ) -> None:
        placement = Placement.of(placement)
        connections = ec2.Connections(default_port=NFS)
        super().__init__(scope, id, connections=connections)
        days = round(expiration.to_days()) if expiration else 7
        if not 1 <= days <= _MAX_DAYS:
            message = f"expiration must be 1 to {_MAX_DAYS} days, got {days}"
            raise ValueError(message)
        if not location.prefix or location.read_only:
            raise ValueError("location must have a prefix and be writable; give bucket.location('dev', 'work')")
        self.location: S3Location = location
        self._directory = directory_of("/workflow", uid, gid)
        self._is_root = uid == 0
        self._security_group = ec2.SecurityGroup(
            self,
            "SecurityGroup",
            vpc=placement.vpc,
            description="Mount targets of the workflow file system",
            allow_all_outbound=False,
        )
        connections.add_security_group(self._security_group)
        role = self._new_service_role()
        synchronization = s3files.CfnFileSystem.SynchronizationConfigurationProperty(
            expiration_data_rules=[s3files.CfnFileSystem.ExpirationDataRuleProperty(days_after_last_access=days)],
            import_data_rules=[
                s3files.CfnFileSystem.ImportDataRuleProperty(
                    prefix="", trigger="ON_DIRECTORY_FIRST_ACCESS", size_less_than=_SMALL_FILES
                )
            ],
        )
        self.file_system = s3files.CfnFileSystem(
            self,
            "FileSystem",
            bucket=location.bucket.bucket_arn,
            prefix=f"{location.prefix}/",
            kms_key_id=encryption_key.key_arn if encryption_key else None,
            role_arn=role.role_arn,
            synchronization_configuration=synchronization,
        )
        # The service does not check the role when the file system is made: one without rights would never be ready.
        self.file_system.node.add_dependency(role)
        self._file_system_id = self.file_system.attr_file_system_id
        self._identity = {
            "file system": self.file_system.logical_id,
            "bucket": location.bucket.bucket_name,
            "prefix": location.prefix,
            "key": encryption_key.key_arn if encryption_key else "",
            "directory": self._directory,
        }
        self._file_system_arn = self.file_system.attr_file_system_arn
        self.access_point = s3files.CfnAccessPoint(
            self,
            "AccessPoint",
            file_system_id=self.file_system.attr_file_system_id,
            posix_user=s3files.CfnAccessPoint.PosixUserProperty(uid=str(uid), gid=str(gid)),
            root_directory=s3files.CfnAccessPoint.RootDirectoryProperty(
                path=self._directory,
                creation_permissions=s3files.CfnAccessPoint.CreationPermissionsProperty(
                    owner_uid=str(uid), owner_gid=str(gid), permissions="750"
                ),
            ),
        )
        self._access_point_id = self.access_point.attr_access_point_id
        self._access_point_arn = self.access_point.attr_access_point_arn
        policy = s3files.CfnFileSystemPolicy(
            self, "Policy", file_system_id=self.file_system.attr_file_system_id, policy=self._access_point_only()
        )
        self._ready: list[IDependable] = [self.access_point, policy, *self._mount_targets(placement)]

    @property
    @override
    def ready(self) -> Sequence[IDependable]:
        return self._ready

    @override
    def identity(self) -> Mapping[str, str]:
        return self._identity

    @staticmethod
    def from_s3_files_attributes(
        scope: Construct,
        id: str,
        *,
        file_system_id: str,
        access_point_id: str,
        access_point_arn: str,
        location: S3Location,
        security_group: ec2.ISecurityGroup,
    ) -> S3FilesFileSystemBase:
        """Use a file system by its ids: one of another stack.

        It must have a mount target in each zone where jobs run.

        Args:
            scope: Where the construct lives.
            id: Its name there.
            file_system_id: `fs-…`.
            access_point_id: `fsap-…`, with a POSIX user and a root directory.
            access_point_arn: Its ARN, as `aws s3files get-access-point` says it.
            location: The bucket and the prefix that it holds.
            security_group: The security group of its mount targets.
        """
        return ExistingS3FilesFileSystem(
            scope,
            id,
            file_system_id=file_system_id,
            access_point_id=access_point_id,
            access_point_arn=access_point_arn,
            location=location,
            security_group=security_group,
        )

    def _new_service_role(self) -> iam.Role:
        stack = cdk.Stack.of(self)
        any_file_system = stack.format_arn(service="s3files", resource="file-system", resource_name="*")
        rules = stack.format_arn(service="events", resource="rule", resource_name="*")
        own_rules = stack.format_arn(service="events", resource="rule", resource_name="DO-NOT-DELETE-S3-Files*")
        bucket, own_account = self.location.bucket, {"StringEquals": {"aws:ResourceAccount": cdk.Aws.ACCOUNT_ID}}
        role = iam.Role(
            self,
            "ServiceRole",
            description="S3 Files keeps the workflow file system and its bucket in step",
            # The file system names its role when it is made: the role cannot name it in turn.
            assumed_by=iam.ServicePrincipal(
                _SERVICE,
                conditions={
                    "StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID},
                    "ArnLike": {"aws:SourceArn": any_file_system},
                },
            ),
        )
        for statement in (
            iam.PolicyStatement(
                sid="ListBucket",
                actions=["s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:ListBucketVersions"],
                resources=[bucket.bucket_arn],
                conditions=own_account,
            ),
            iam.PolicyStatement(
                sid="Synchronize",
                actions=_SYNCHRONIZE_OBJECTS,
                resources=[bucket.arn_for_objects(f"{self.location.prefix}/*")],
                conditions=own_account,
            ),
            iam.PolicyStatement(
                sid="WatchBucket",
                actions=_MANAGE_RULES,
                resources=[own_rules],
                conditions={"StringEquals": {"events:ManagedBy": _SERVICE}},
            ),
            iam.PolicyStatement(sid="ReadRules", actions=_READ_RULES, resources=[rules]),
        ):
            role.add_to_policy(statement)
        if bucket.encryption_key is not None:
            bucket.encryption_key.grant(role, "kms:Decrypt", "kms:GenerateDataKey")
        acknowledge_policies(
            role,
            {
                "s3:": S3_WILDCARD,
                "events:": "The service names the rules by which it watches the bucket, and looks for them by listing.",
            },
        )
        return role

    def _access_point_only(self) -> dict[str, object]:
        """No client without the access point; who may use it is said by the roles."""
        return {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "DenyWithoutAccessPoint",
                    "Effect": "Deny",
                    "Principal": {"AWS": "*"},
                    "Action": [*CLIENT_ACTIONS, ROOT_ACTION],
                    "Resource": self.file_system.attr_file_system_arn,
                    "Condition": {"ArnNotEquals": {"s3files:AccessPointArn": self.access_point.attr_access_point_arn}},
                }
            ],
        }

    def _mount_targets(self, placement: Placement) -> list[s3files.CfnMountTarget]:
        return [
            s3files.CfnMountTarget(
                self,
                f"MountTarget{number}",
                file_system_id=self.file_system.attr_file_system_id,
                subnet_id=subnet.subnet_id,
                security_groups=[self._security_group.security_group_id],
            )
            for number, subnet in enumerate(placement.one_subnet_per_zone(), start=1)
        ]
