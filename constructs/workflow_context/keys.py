"""What a KMS key of one's own must allow, where AWS services use it for a context.

A key that is defined in the same app gets these statements by itself. The policy of one that exists is its owner's:
`docs/security.md` shows what must be in it.
"""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam, aws_kms as kms
from constructs import IConstruct


def let_logs_use(key: kms.IKey, scope: IConstruct) -> None:
    """Let CloudWatch Logs encrypt log groups of this account with a key.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html

    Args:
        key: The key.
        scope: A construct in the stack of the log groups.
    """
    groups = cdk.Stack.of(scope).format_arn(service="logs", resource="*", arn_format=cdk.ArnFormat.NO_RESOURCE_NAME)
    _add(
        key,
        sid="LogGroups",
        principals=[iam.ServicePrincipal(f"logs.{cdk.Aws.REGION}.amazonaws.com")],
        actions=["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
        conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}},
    )


def let_alarms_use(key: kms.IKey) -> None:
    """Let CloudWatch publish alarms of this account to topics under a key.

    https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html

    Args:
        key: The key.
    """
    _add(
        key,
        sid="Alarms",
        principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
        actions=["kms:Decrypt", "kms:GenerateDataKey*"],
        conditions={"StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID}},
    )


def let_volumes_use(key: kms.IKey) -> None:
    """Let whoever starts instances in this account, such as EC2 Auto Scaling for AWS Batch, encrypt volumes with a key.

    The statement is that of AWS's own key `aws/ebs`. To name the service-linked roles instead, which differ between
    Spot and on demand, is refused where one of them is not there yet.
    https://docs.aws.amazon.com/autoscaling/ec2/userguide/key-policy-requirements-EBS-encryption.html

    Args:
        key: The key.
    """
    _add(
        key,
        sid="Volumes",
        principals=[iam.AnyPrincipal()],
        actions=[
            *("kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*"),
            *("kms:CreateGrant", "kms:DescribeKey"),
        ],
        conditions={
            "StringEquals": {
                "kms:CallerAccount": cdk.Aws.ACCOUNT_ID,
                "kms:ViaService": f"ec2.{cdk.Aws.REGION}.amazonaws.com",
            }
        },
    )


def _add(key: kms.IKey, **statement: object) -> None:
    key.add_to_resource_policy(iam.PolicyStatement(resources=["*"], **statement), True)  # type: ignore[arg-type]
