"""The CloudFormation types of AWS Batch: what a template may say, turned into calls of `Batch`.

A handler creates, updates or deletes one resource; creating and updating return its physical id and
attributes. A new physical id on update means that the resource was replaced, and the old one is deleted
afterwards.
"""

import secrets
from collections.abc import Callable
from typing import Any

from .control_plane import INFRASTRUCTURE, Batch, Record

Resource = tuple[str, Record]
Handlers = dict[str, Callable[..., Any] | bool]

# Maps whose keys belong to the user: CloudFormation and the API write them alike.
USERS_KEYS = frozenset({"Tags", "Parameters", "Options", "Labels"})
_IRREGULAR = {"S3FilesVolumeConfiguration": "s3filesVolumeConfiguration"}


def handlers(batch: Batch) -> dict[str, Handlers]:
    """The handlers of every type, over one Batch."""
    return {
        "AWS::Batch::ComputeEnvironment": _environment(batch),
        "AWS::Batch::JobQueue": _queue(batch),
        "AWS::Batch::JobDefinition": _definition(batch),
        "AWS::Batch::ConsumableResource": _consumable(batch),
    }


def _environment(batch: Batch) -> Handlers:
    def create(logical_id: str, properties: Record, _stack: str) -> Resource:
        request = _request("computeEnvironmentName", logical_id, properties)
        request.pop("replaceComputeEnvironment", None)
        linked_role = "role/aws-service-role/batch.amazonaws.com/AWSServiceRoleForBatch"
        region = batch.arn("").split(":")[3]
        request.setdefault("serviceRole", batch.arn(linked_role).replace(f":batch:{region}:", ":iam::"))
        arn = batch.create_environment(request)["computeEnvironmentArn"]
        return arn, {"ComputeEnvironmentArn": arn}

    def update(arn: str, old: Record, new: Record, stack: str, logical_id: str) -> Resource:
        was, now = _camel(old.get("ComputeResources", {})), _camel(new.get("ComputeResources", {}))
        changed = {key for key in was.keys() | now.keys() if was.get(key) != now.get(key)}
        in_place = str(new.get("ReplaceComputeEnvironment", True)).lower() == "false"
        if "spotIamFleetRole" in changed or (changed & INFRASTRUCTURE and not in_place):
            return create(logical_id, new, stack)
        request = {"state": "ENABLED", **_camel(new), "computeEnvironment": arn, "computeResources": now}
        batch.update_environment(request)
        return arn, {"ComputeEnvironmentArn": arn}

    def delete(arn: str, _properties: Record) -> None:
        if _name(arn) in batch.environments:
            batch.update_environment({"computeEnvironment": arn, "state": "DISABLED"})
            batch.delete_environment({"computeEnvironment": arn})

    return {"create": create, "update": update, "update_with_logical_id": True, "delete": delete}


def _queue(batch: Batch) -> Handlers:
    def create(logical_id: str, properties: Record, _stack: str) -> Resource:
        arn = batch.create_queue(_request("jobQueueName", logical_id, properties))["jobQueueArn"]
        return arn, {"JobQueueArn": arn}

    def update(arn: str, _old: Record, new: Record, _stack: str) -> Resource:
        batch.update_queue({"state": "ENABLED", "jobStateTimeLimitActions": [], **_camel(new), "jobQueue": arn})
        return arn, {"JobQueueArn": arn}

    def delete(arn: str, _properties: Record) -> None:
        if _name(arn) in batch.queues:
            batch.update_queue({"jobQueue": arn, "state": "DISABLED"})
            batch.delete_queue({"jobQueue": arn})

    return {"create": create, "update": update, "delete": delete}


def _consumable(batch: Batch) -> Handlers:
    def create(logical_id: str, properties: Record, _stack: str) -> Resource:
        made = batch.consumed.create(_request("consumableResourceName", logical_id, properties))
        return made["consumableResourceArn"], {"ConsumableResourceArn": made["consumableResourceArn"]}

    def update(arn: str, _old: Record, new: Record, _stack: str) -> Resource:
        batch.consumed.update({"consumableResource": arn, "quantity": int(new["TotalQuantity"])})
        return arn, {"ConsumableResourceArn": arn}

    def delete(arn: str, _properties: Record) -> None:
        if _name(arn) in batch.consumables:
            batch.consumed.delete({"consumableResource": arn})

    return {"create": create, "update": update, "delete": delete}


def _definition(batch: Batch) -> Handlers:
    def create(logical_id: str, properties: Record, _stack: str) -> Resource:
        said = {key: value for key, value in properties.items() if key != "ResourceRetentionPolicy"}
        request = _request("jobDefinitionName", logical_id, said)
        arn = batch.register_definition(request)["jobDefinitionArn"]
        return arn, {"JobDefinitionArn": arn}

    kept: set[str] = set()

    def update(arn: str, _old: Record, new: Record, stack: str) -> Resource:
        name = _name(arn).rpartition(":")[0]
        made = create(name, {"JobDefinitionName": name, **new}, stack)  # its next revision
        policy = new.get("ResourceRetentionPolicy", {})
        if str(policy.get("SkipDeregisterOnUpdate", False)).lower() == "true":
            kept.add(arn)
        return made

    def delete(arn: str, _properties: Record) -> None:
        if arn in kept and _is_superseded(batch, arn):
            kept.discard(arn)
        elif _name(arn) in batch.definitions:
            batch.deregister_definition({"jobDefinition": arn})

    return {"create": create, "update": update, "delete": delete}


def _is_superseded(batch: Batch, arn: str) -> bool:
    """Whether a later revision of the same definition is active."""
    name, _, revision = _name(arn).rpartition(":")
    return any(
        one["jobDefinitionName"] == name and one["status"] == "ACTIVE" and one["revision"] > int(revision)
        for one in batch.definitions.values()
    )


def _request(name: str, logical_id: str, properties: Record) -> Record:
    return {name: f"{logical_id}-{secrets.token_hex(8)}", **_camel(properties)}


def _name(arn: str) -> str:
    return arn.rsplit("/", 1)[-1]


def _camel(value: Any) -> Any:
    """CloudFormation's `MaxvCpus` in the spelling of the API: `maxvCpus`."""
    if isinstance(value, list):
        return [_camel(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        _IRREGULAR.get(key, key[:1].lower() + key[1:]): item if key in USERS_KEYS else _camel(item)
        for key, item in value.items()
    }
