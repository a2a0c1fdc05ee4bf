"""Log groups: encrypted, kept for a time, and gone with their stack."""

import aws_cdk as cdk
from aws_cdk import aws_kms as kms, aws_logs as logs
from constructs import Construct

from .keys import let_logs_use
from .nag import acknowledge, in_compliance_packs


def new_log_group(
    scope: Construct, id: str, *, retention: logs.RetentionDays, encryption_key: kms.IKey | None
) -> logs.LogGroup:
    """Define a log group, which CloudFormation deletes with the stack.

    Args:
        scope: Where it lives.
        id: Its name there.
        retention: How long it keeps its entries.
        encryption_key: Its key, which is allowed to CloudWatch Logs; None for the key of CloudWatch Logs.
    """
    log_group = logs.LogGroup(
        scope, id, retention=retention, encryption_key=encryption_key, removal_policy=cdk.RemovalPolicy.DESTROY
    )
    if encryption_key is not None:
        let_logs_use(encryption_key, scope)
    else:
        acknowledge(
            log_group,
            "CloudWatch Logs encrypts every log group with a key of its own.",
            *in_compliance_packs("CloudWatchLogGroupEncrypted"),
        )
    return log_group
