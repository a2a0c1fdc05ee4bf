"""Functions of AWS Lambda: each with a role and a log group of its own, outside of any VPC."""

from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam, aws_kms as kms, aws_lambda as lambda_, aws_logs as logs
from constructs import Construct

from .log_groups import new_log_group
from .nag import acknowledge, in_compliance_packs


def new_function(
    scope: Construct,
    id: str,
    *,
    code: lambda_.Code,
    description: str,
    timeout: cdk.Duration,
    environment: Mapping[str, str],
    log_retention: logs.RetentionDays,
    log_encryption_key: kms.IKey | None,
    after_failure: str,
    handler: str = "index.handler",
    runtime: lambda_.Runtime | None = None,
    **options: Any,
) -> lambda_.Function:
    """Define a function that may write its own log, and nothing else; its `role` is for the rest.

    Args:
        scope: Where it lives, with its role (`Role`) and its log group (`Log`): one function in a scope.
        id: Its name there.
        code: What it runs.
        description: What it is for, as the console shows it.
        timeout: When AWS Lambda ends a call.
        environment: What it finds set.
        log_retention: How long its log is kept.
        log_encryption_key: Key for its log; None for the key of CloudWatch Logs.
        after_failure: What becomes of a call that failed, as the reason why no queue keeps it.
        handler: What is called in the code.
        runtime: What runs it. Default: Python 3.14.
        **options: What else `lambda_.Function` takes.
    """
    log_group = new_log_group(scope, "Log", retention=log_retention, encryption_key=log_encryption_key)
    role = iam.Role(scope, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    log_group.grant_write(role)
    function = lambda_.Function(
        scope,
        id,
        code=code,
        handler=handler,
        runtime=runtime or lambda_.Runtime.PYTHON_3_14,
        role=role,
        log_group=log_group,
        timeout=timeout,
        environment=dict(environment),
        description=description,
        **options,
    )
    acknowledge(function, after_failure, *in_compliance_packs("LambdaDLQ"))
    acknowledge(
        function,
        "Concurrency set aside for it would be taken from the other functions of the account.",
        *in_compliance_packs("LambdaConcurrency"),
    )
    acknowledge(
        function, "It calls AWS only, and reaches nothing in the network.", *in_compliance_packs("LambdaInsideVPC")
    )
    return function
