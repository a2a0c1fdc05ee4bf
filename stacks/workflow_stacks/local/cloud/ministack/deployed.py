"""What IAM asks of the other services."""

import json
from collections.abc import Mapping
from typing import Any

from ministack.services import efs, iam, kms, s3, s3files, secretsmanager

from workflow_stacks.local.batch.control_plane import Batch
from workflow_stacks.local.iam.authorizer import managed_policies
from workflow_stacks.local.iam.deployed import Deployed, Encryption, Role

Record = dict[str, Any]


def deployed_with(batch: Batch, jobs: Mapping[str, Record]) -> Deployed:
    """Look into the services.

    Args:
        batch: The control plane of AWS Batch.
        jobs: Its jobs by their id.
    """

    def role(name: str) -> Role | None:
        found = iam._roles.get(name)
        if found is None:
            return None
        documents = [*found["InlinePolicies"].values(), *filter(None, map(policy, found["AttachedPolicies"]))]
        boundary = found.get("PermissionsBoundary")
        # A boundary that is not there any more allows nothing.
        limit = None if not boundary else policy(boundary) or json.dumps({"Statement": []})
        tags = {tag["Key"]: tag["Value"] for tag in found["Tags"]}
        return Role(found["Arn"], tuple(map(_text, documents)), limit, tags)

    def policy(arn: str) -> str | None:
        if arn in managed_policies():
            return managed_policies()[arn]
        found = iam._lookup_policy(arn)
        return _text(found["Versions"][found["DefaultVersionId"]]["Document"]) if found else None

    def instance_role(profile: str) -> str | None:
        found = iam._instance_profiles.get(profile.rpartition("/")[2])
        roles = found["Roles"] if found else []
        named = roles[0] if roles else (profile if profile in iam._roles else None)
        return named["RoleName"] if isinstance(named, dict) else named

    def definition(reference: str) -> Record | None:
        name = reference.rpartition("/")[2]
        if name in batch.definitions:
            return batch.definitions[name]
        active = [
            one for one in batch.definitions.values() if one["jobDefinitionName"] == name and one["status"] == "ACTIVE"
        ]
        return max(active, key=lambda one: int(one["revision"]), default=None)

    def object_encryption(bucket: str, key: str) -> Encryption:
        held = s3._buckets.get(bucket)
        found = held["objects"].get(key) if held else None
        return encryption(found.get("preserved_headers", {}) if found else {})

    def encryption(headers: Mapping[str, str]) -> Encryption:
        key = headers.get("x-amz-server-side-encryption-aws-kms-key-id", "")
        # Every principal of the account may use the key that AWS keeps for S3, through S3.
        return Encryption("" if not key or key.endswith("alias/aws/s3") else key_arn(key) or key)

    def key_arn(name: str) -> str | None:
        found = kms._resolve_key(name)
        return found["Arn"] if found else None

    def key_policy(arn: str) -> str:
        found = kms._resolve_key(arn)
        return _text(found.get("Policy") or "") if found else ""

    def secret_arn(name: str) -> str | None:
        _, found = secretsmanager._resolve(name)
        return found["ARN"] if found else None

    def file_system_policy(name: str) -> str:
        found = efs._file_systems.get(name)
        return _text((found or {}).get("FileSystemPolicy") or s3files._policies.get(name) or "")

    def access_point_tags(name: str) -> dict[str, str]:
        found = efs._access_points.get(name)
        return {tag["Key"]: tag["Value"] for tag in (found or {}).get("Tags", ())}

    def has_object(bucket: str, key: str) -> bool:
        held = s3._buckets.get(bucket)
        return held is not None and key in held["objects"]

    return Deployed(
        role=role,
        instance_role=instance_role,
        queue=lambda reference: batch.queues.get(reference.rpartition("/")[2]),
        definition=definition,
        job=jobs.get,
        bucket_policy=lambda bucket: _text(s3._bucket_policies.get(bucket) or ""),
        has_object=has_object,
        object_encryption=object_encryption,
        bucket_encryption=lambda bucket: encryption(s3._bucket_default_sse_headers(bucket)),
        key_arn=key_arn,
        key_policy=key_policy,
        secret_arn=secret_arn,
        file_system_policy=file_system_policy,
        access_point_tags=access_point_tags,
    )


def _text(document: Any) -> str:
    return document if isinstance(document, str) else json.dumps(document)
