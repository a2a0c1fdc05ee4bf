"""Acknowledged findings of cdk-nag: each with the reason that a reviewer is given."""

import aws_cdk as cdk
from constructs import IConstruct


def acknowledge(construct: IConstruct, reason: str, *rules: str) -> None:
    """Acknowledge findings of security rules on one construct and what it holds, with a reason.

    The reason stands in the template's metadata and in the validation report. cdk-nag need not be installed.

    Args:
        construct: The resource the findings are about.
        reason: Why the finding is right as it is, in words that a reviewer accepts.
        *rules: Rule ids, such as `AwsSolutions-IAM5`.
    """
    for rule in rules:
        cdk.Validations.of(construct).acknowledge(cdk.Acknowledgment(id=rule, reason=reason))
