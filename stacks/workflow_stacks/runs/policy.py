"""The policy of somebody who only runs workflows in a deployed context."""

from __future__ import annotations

from typing import Any

from workflow_stacks.errors import WorkflowContextError

from .staging import split
from .submission import head_definition
from .target import Target

VERSION = "2012-10-17"


def run_policy(target: Target) -> dict[str, Any]:
    """What `WorkflowContext.grant_submit` gives, as a policy for IAM with the names of what is deployed.

    Raises:
        WorkflowContextError: AWS cannot be asked.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    from workflow_context.run_rights import RunRights

    queue, definition = target.outputs["HeadQueue"], target.outputs["HeadJobDefinition"].rpartition(":")[0]
    _, partition, _, region, account, _ = queue.split(":", 5)
    bucket, prefix = split(target.place)
    try:
        container = head_definition(target)["containerProperties"]
        key = _key_of(target, bucket)
    except (BotoCoreError, ClientError) as error:
        raise WorkflowContextError(f"cannot look at the context '{target.name}': {error}") from error
    rights = RunRights(
        place=(partition, region, account),
        stack=target.project.stack_name(target.name, target.user),
        head_queue=queue,
        definitions=[definition, f"{definition}:*"],  # deployments to come make new revisions
        bucket=f"arn:{partition}:s3:::{bucket}",
        prefix=prefix,
        log_group=container["logConfiguration"]["options"]["awslogs-group"],
        key=key,
    )
    return {"Version": VERSION, "Statement": rights.statements()}


def _key_of(target: Target, bucket: str) -> str:
    """The ARN of the customer's key that a bucket encrypts with by default; empty when it is AWS's own."""
    found = target.client("s3").get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    ids = [one.get("ApplyServerSideEncryptionByDefault", {}).get("KMSMasterKeyID", "") for one in found]
    named = next(filter(None, ids), "")
    return str(target.client("kms").describe_key(KeyId=named)["KeyMetadata"]["Arn"]) if named else ""
