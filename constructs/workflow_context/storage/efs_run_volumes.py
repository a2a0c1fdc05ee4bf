"""Directories for single runs on Amazon EFS: each with an access point, and so a POSIX user, of its own."""

import aws_cdk as cdk
from aws_cdk import aws_efs as efs, aws_iam as iam
from typing_extensions import override

from .base import WorkflowFileSystem
from .run_volumes import ACCESS_POINT_TAG, RunVolumes

_MARK = "workflow-context:storage"


class EfsRunVolumes(RunVolumes):
    """Directories below `/storage` of a file system, each behind an access point that the dispatcher makes.

    Args:
        file_system: The file system.
        whole: The same with `/storage` as its root.
    """

    kind = "efs"

    def __init__(self, file_system: efs.IFileSystem, whole: WorkflowFileSystem) -> None:
        self.whole = whole
        self.file_system_id = file_system.file_system_id
        self._arn = file_system.file_system_arn
        self._stack = cdk.Stack.of(file_system)
        self._access_points = self._access_point("*")

    @override
    def grant_provision(self, grantee: iam.IGrantable) -> None:
        # Tags are given when it is made, and never later: by them it is told from other access points.
        # https://docs.aws.amazon.com/efs/latest/ug/using-tags-efs.html
        tagged = {"StringLike": {f"aws:RequestTag/{_MARK}": "run-*"}}
        iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["elasticfilesystem:CreateAccessPoint"],
            resource_arns=[self._arn],
            conditions=tagged,
        )
        iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["elasticfilesystem:TagResource"],
            resource_arns=[self._access_points],
            conditions={"StringEquals": {"elasticfilesystem:CreateAction": "CreateAccessPoint"}},
        )

    @override
    def grant_use(self, grantee: iam.IGrantable) -> None:
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
        own = self._access_point(f"${{aws:PrincipalTag/{ACCESS_POINT_TAG}}}")
        iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"],
            resource_arns=[self._arn],
            conditions={"ArnEquals": {"elasticfilesystem:AccessPointArn": own}},
        )

    @override
    def grant_remove(self, grantee: iam.IGrantable) -> None:
        iam.Grant.add_to_principal(
            grantee=grantee, actions=["elasticfilesystem:DescribeAccessPoints"], resource_arns=[self._arn]
        )
        iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["elasticfilesystem:DeleteAccessPoint"],
            resource_arns=[self._access_points],
            conditions={"StringLike": {f"aws:ResourceTag/{_MARK}": "run-*"}},
        )

    def _access_point(self, id: str) -> str:
        return self._stack.format_arn(service="elasticfilesystem", resource="access-point", resource_name=id)
