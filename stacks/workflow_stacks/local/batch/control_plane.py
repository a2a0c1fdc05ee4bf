"""AWS Batch without machines: compute environments, job queues, job definitions, and what AWS refuses.

A record is exactly what the Describe call returns. Nothing here runs a job: `Batch.actions` holds the
answer to each API operation, and what runs jobs adds SubmitJob, TerminateJob and CancelJob there.
"""

from collections.abc import Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from . import limits
from .consumables import Consumables
from .errors import ClientError

Record = dict[str, Any]
Store = MutableMapping[str, Record]
Action = Callable[[Record], Record]

# AWS replaces the instances, or refuses, when one of these changes in place.
INFRASTRUCTURE = frozenset(
    {
        "allocationStrategy",
        "bidPercentage",
        "ec2Configuration",
        "ec2KeyPair",
        "imageId",
        "instanceRole",
        "instanceTypes",
        "launchTemplate",
        "placementGroup",
        "securityGroupIds",
        "subnets",
        "tags",
        "type",
    }
)
FARGATE = frozenset({"FARGATE", "FARGATE_SPOT"})
REFUSED_IMAGES = frozenset({"ECS_AL2", "ECS_AL2_NVIDIA"})


@dataclass
class Batch:
    """The control plane of AWS Batch over three stores of records.

    Attributes:
        arn: Gives the ARN of a Batch resource, as `job-queue/name`, in the account and region of the request.
        environments: Compute environments by name.
        queues: Job queues by name.
        definitions: Job definition revisions by `name:revision`.
        consumables: Consumable resources by name. Default: none to begin with.
        consumed: What jobs take of them.
        actions: The answer to each API operation, by its name in lower case.
        queue_deleted: Called with the ARN of a queue that was deleted: its jobs end.
    """

    arn: Callable[[str], str]
    environments: Store
    queues: Store
    definitions: Store
    consumables: Store = field(default_factory=dict)
    consumed: Consumables = field(init=False)
    actions: dict[str, Action] = field(init=False)
    queue_deleted: Callable[[str], None] = field(default=lambda _arn: None)

    def __post_init__(self) -> None:
        self.consumed = Consumables(self.arn, self.consumables)
        self.actions = {
            **self.consumed.actions,
            "createcomputeenvironment": self.create_environment,
            "updatecomputeenvironment": self.update_environment,
            "deletecomputeenvironment": self.delete_environment,
            "describecomputeenvironments": self.describe_environments,
            "createjobqueue": self.create_queue,
            "updatejobqueue": self.update_queue,
            "deletejobqueue": self.delete_queue,
            "describejobqueues": self.describe_queues,
            "registerjobdefinition": self.register_definition,
            "deregisterjobdefinition": self.deregister_definition,
            "describejobdefinitions": self.describe_definitions,
            "describejobs": lambda _: {"jobs": []},
            "listjobs": lambda _: {"jobSummaryList": []},
        }

    def create_environment(self, request: Record) -> Record:
        """Keep a compute environment as it was given; it is valid at once."""
        name = _new_name(request, "computeEnvironmentName", self.environments)
        limits.check_count(self.environments, "compute environments", limits.MAX_ENVIRONMENTS)
        kind = str(request["type"]).upper()
        resources = request.get("computeResources", {})
        if kind == "MANAGED":
            _check_resources(resources)
        record = {
            **request,
            "type": kind,
            "computeEnvironmentArn": self.arn(f"compute-environment/{name}"),
            "ecsClusterArn": self.arn(f"cluster/{name}").replace(":batch:", ":ecs:"),
            "state": request.get("state", "ENABLED"),
            "status": "VALID",
            "statusReason": "ComputeEnvironment Healthy",
            "containerOrchestrationType": "ECS",
            "tags": request.get("tags", {}),
        }
        self.environments[name] = record
        return _only(record, "computeEnvironmentName", "computeEnvironmentArn")

    def update_environment(self, request: Record) -> Record:
        """Change a compute environment in place, where AWS can."""
        record = _get(self.environments, request["computeEnvironment"])
        old, new = record.get("computeResources", {}), request.get("computeResources", {})
        changed = sorted(key for key in INFRASTRUCTURE & new.keys() if new[key] != old.get(key))
        if changed and old.get("allocationStrategy", "BEST_FIT") == "BEST_FIT" and old.get("type") not in FARGATE:
            raise ClientError(
                "Compute environments with the BEST_FIT allocation strategy cannot update "
                f"{', '.join(changed)}: create a new compute environment"
            )
        resources = {**old, **new}
        if record["type"] == "MANAGED":
            _check_resources(resources)
        record.update({key: request[key] for key in ("state", "serviceRole", "updatePolicy") if key in request})
        record["computeResources"] = resources
        return _only(record, "computeEnvironmentName", "computeEnvironmentArn")

    def delete_environment(self, request: Record) -> Record:
        """Delete a disabled compute environment that no queue uses."""
        record = _get(self.environments, request["computeEnvironment"])
        if record["state"] != "DISABLED":
            raise ClientError("Cannot delete, state must be DISABLED")
        arn, name = record["computeEnvironmentArn"], record["computeEnvironmentName"]
        for queue in self.queues.values():
            if any(entry["computeEnvironment"] in (arn, name) for entry in queue["computeEnvironmentOrder"]):
                raise ClientError(f"Cannot delete, found existing JobQueue relationship: {queue['jobQueueName']}")
        del self.environments[name]
        return {}

    def describe_environments(self, request: Record) -> Record:
        """Return the compute environments asked for, or all."""
        return {"computeEnvironments": _select(self.environments, request.get("computeEnvironments"))}

    def create_queue(self, request: Record) -> Record:
        """Keep a job queue; its compute environments must exist."""
        name = _new_name(request, "jobQueueName", self.queues)
        limits.check_count(self.queues, "job queues", limits.MAX_QUEUES)
        self._check_order(request["computeEnvironmentOrder"])
        record = {
            "tags": {},
            "state": "ENABLED",
            "jobStateTimeLimitActions": [],
            **request,
            "jobQueueArn": self.arn(f"job-queue/{name}"),
            "status": "VALID",
            "statusReason": "JobQueue Healthy",
        }
        self.queues[name] = record
        return _only(record, "jobQueueName", "jobQueueArn")

    def update_queue(self, request: Record) -> Record:
        """Change a job queue in place: anything but its name and its tags."""
        record = _get(self.queues, request["jobQueue"])
        if "computeEnvironmentOrder" in request:
            self._check_order(request["computeEnvironmentOrder"])
        record.update({key: value for key, value in request.items() if key != "jobQueue"})
        return _only(record, "jobQueueName", "jobQueueArn")

    def delete_queue(self, request: Record) -> Record:
        """Delete a disabled job queue; the jobs in it end."""
        record = _get(self.queues, request["jobQueue"])
        if record["state"] != "DISABLED":
            raise ClientError("Cannot delete, state must be DISABLED")
        del self.queues[record["jobQueueName"]]
        self.queue_deleted(record["jobQueueArn"])
        return {}

    def describe_queues(self, request: Record) -> Record:
        """Return the job queues asked for, or all."""
        return {"jobQueues": _select(self.queues, request.get("jobQueues"))}

    def register_definition(self, request: Record) -> Record:
        """Keep a new revision of a job definition, with everything it was given."""
        limits.check_definition_size(request)
        name = request["jobDefinitionName"]
        capabilities = request.get("platformCapabilities") or ["EC2"]
        if "FARGATE" in capabilities:
            _check_fargate(request.get("containerProperties", {}))
        taken = (record["revision"] for record in self.definitions.values() if record["jobDefinitionName"] == name)
        revision = max(taken, default=0) + 1
        record = {
            "tags": {},
            "parameters": {},
            "containerOrchestrationType": "ECS",
            **request,
            "platformCapabilities": capabilities,
            "jobDefinitionArn": self.arn(f"job-definition/{name}:{revision}"),
            "revision": revision,
            "status": "ACTIVE",
        }
        self.definitions[f"{name}:{revision}"] = record
        return _only(record, "jobDefinitionName", "jobDefinitionArn", "revision")

    def deregister_definition(self, request: Record) -> Record:
        """Make a revision inactive: no new job can use it, the running ones keep it."""
        _get(self.definitions, request["jobDefinition"])["status"] = "INACTIVE"
        return {}

    def describe_definitions(self, request: Record) -> Record:
        """Return the revisions asked for by ARN, `name:revision` or name, optionally of one status."""
        found = _select(self.definitions, request.get("jobDefinitions"))
        for key, wanted in (("jobDefinitionName", "jobDefinitionName"), ("status", "status")):
            if request.get(key):
                found = [record for record in found if record[wanted] == request[key]]
        return {"jobDefinitions": found}

    def _check_order(self, order: list[Record]) -> None:
        if not 1 <= len(order) <= limits.MAX_ENVIRONMENTS_PER_QUEUE:
            raise ClientError(f"A job queue needs 1 to {limits.MAX_ENVIRONMENTS_PER_QUEUE} compute environments")
        used = [_get(self.environments, entry["computeEnvironment"]) for entry in order]
        if len({environment.get("computeResources", {}).get("type") in FARGATE for environment in used}) > 1:
            raise ClientError("Cannot mix Fargate and EC2 compute environments in one job queue")


def _check_resources(resources: Record) -> None:
    for key in ("type", "maxvCpus", "subnets"):
        if key not in resources:
            raise ClientError(f"computeResources.{key} is required for a managed compute environment")
    if resources.get("minvCpus", 0) > resources["maxvCpus"]:
        raise ClientError("minvCpus must not be greater than maxvCpus")
    if resources["type"] not in FARGATE and not resources.get("instanceRole"):
        raise ClientError("computeResources.instanceRole is required for EC2 and Spot")
    for configuration in resources.get("ec2Configuration", []):
        if configuration.get("imageType") in REFUSED_IMAGES:
            raise ClientError(
                f"Image type {configuration['imageType']} is no longer supported for new compute "
                "environments: use ECS_AL2023"
            )


def _check_fargate(container: Record) -> None:
    if not container.get("executionRoleArn"):
        raise ClientError("A Fargate job definition needs an execution role")
    if any("host" in volume and volume["host"].get("sourcePath") for volume in container.get("volumes", [])):
        raise ClientError("Fargate does not support volumes with a host source path")
    if container.get("privileged"):
        raise ClientError("Fargate does not support privileged containers")


def _new_name(request: Record, key: str, store: Store) -> str:
    name = str(request[key])
    if name in store:
        raise ClientError(f"Object already exists: {name}")
    return name


def _short(reference: str) -> str:
    return reference.rsplit("/", 1)[-1]


def _get(store: Store, reference: str) -> Record:
    record = store.get(_short(reference))
    if record is None:
        raise ClientError(f"Object does not exist: {reference}")
    return record


def _select(store: Store, references: Iterable[str] | None) -> list[Record]:
    if not references:
        return list(store.values())
    wanted = {_short(reference) for reference in references}
    return [record for key, record in store.items() if key in wanted or key.rpartition(":")[0] in wanted]


def _only(record: Record, *keys: str) -> Record:
    return {key: record[key] for key in keys}
