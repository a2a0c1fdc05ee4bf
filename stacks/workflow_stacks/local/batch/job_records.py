"""Records of jobs: what SubmitJob makes of a request and a job definition, exactly as DescribeJobs returns it."""

import time
from typing import Any

from .errors import ClientError

Record = dict[str, Any]

ENDED = frozenset({"SUCCEEDED", "FAILED"})
STATES = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED")
MIN_TIMEOUT_SECONDS = 60
MAX_ATTEMPTS = 10
MAX_ARRAY = 10_000
SUMMARY = (
    "arrayProperties",
    "createdAt",
    "jobArn",
    "jobDefinition",
    "jobId",
    "jobName",
    "startedAt",
    "status",
    "statusReason",
    "stoppedAt",
)


def now_ms() -> int:
    """The time, as AWS Batch gives it."""
    return int(time.time() * 1000)


def new_job(request: Record, definition: Record, *, id_: str, arn: str, queue_arn: str, tags: Record) -> Record:
    """The record of a job that was submitted."""
    if "containerProperties" not in definition:
        raise ClientError("The local cloud runs jobs of one container: containerProperties")
    overrides = request.get("containerOverrides", {})
    parameters = {**definition.get("parameters", {}), **request.get("parameters", {})}
    propagated = definition["tags"] if request.get("propagateTags", definition.get("propagateTags")) else {}
    record = {
        "jobId": id_,
        "jobArn": arn,
        "jobName": request["jobName"],
        "jobQueue": queue_arn,
        "jobDefinition": definition["jobDefinitionArn"],
        "status": "SUBMITTED",
        "createdAt": now_ms(),
        "attempts": [],
        "dependsOn": request.get("dependsOn", []),
        "parameters": parameters,
        "container": _container(definition["containerProperties"], overrides, parameters),
        "retryStrategy": {"attempts": 1, **definition.get("retryStrategy", {}), **request.get("retryStrategy", {})},
        "platformCapabilities": definition["platformCapabilities"],
        "tags": {**propagated, **tags, **request.get("tags", {})},
        "isCancelled": False,
        "isTerminated": False,
    }
    consumed = request.get("consumableResourcePropertiesOverride") or definition.get("consumableResourceProperties")
    if consumed:
        record["consumableResourceProperties"] = consumed
    timeout = request.get("timeout") or definition.get("timeout")
    if timeout:
        record["timeout"] = timeout
    size = request.get("arrayProperties", {}).get("size")
    if size is not None:
        record["arrayProperties"] = {"size": size, "statusSummary": {}}
    _check(record)
    return record


def array_child(parent: Record, index: int) -> Record:
    """One job of an array job."""
    record: Record = {
        **parent,
        "jobId": f"{parent['jobId']}:{index}",
        "jobArn": f"{parent['jobArn']}:{index}",
        "arrayProperties": {"index": index, "size": parent["arrayProperties"]["size"]},
        "attempts": [],
        "container": dict(parent["container"]),
        "dependsOn": [],
    }
    for dependency in parent["dependsOn"]:
        if dependency.get("type") == "SEQUENTIAL":
            if index:
                record["dependsOn"].append({"jobId": f"{parent['jobId']}:{index - 1}"})
        elif dependency.get("type") == "N_TO_N":
            record["dependsOn"].append({"jobId": f"{dependency['jobId']}:{index}"})
        else:
            record["dependsOn"].append(dependency)
    return record


def summary(job: Record) -> Record:
    """What ListJobs says of a job."""
    container = {key: job["container"][key] for key in ("exitCode", "reason") if key in job["container"]}
    return {key: job[key] for key in SUMMARY if key in job} | ({"container": container} if container else {})


def vcpus(job: Record) -> float:
    """How many vCPUs a job takes."""
    return _resource(job["container"], "VCPU", float(job["container"].get("vcpus", 1)))


def memory_mib(job: Record) -> float:
    """How much memory a job takes, in MiB."""
    return _resource(job["container"], "MEMORY", float(job["container"].get("memory", 0)))


def _container(properties: Record, overrides: Record, parameters: Record) -> Record:
    command = overrides.get("command") or properties.get("command") or []
    environment = {one["name"]: one["value"] for part in (properties, overrides) for one in part.get("environment", [])}
    requirements = {
        one["type"]: one for part in (properties, overrides) for one in part.get("resourceRequirements", [])
    }
    known = {"volumes": [], "mountPoints": [], "ulimits": [], "secrets": [], "networkInterfaces": [], **properties}
    return {
        **known,
        **{key: overrides[key] for key in ("vcpus", "memory", "instanceType") if key in overrides},
        "command": [_argument(one, parameters) for one in command],
        "environment": [{"name": name, "value": value} for name, value in environment.items()],
        "resourceRequirements": list(requirements.values()),
    }


def _argument(text: str, parameters: Record) -> str:
    return str(parameters.get(text[5:], text)) if text.startswith("Ref::") else text


def _resource(container: Record, kind: str, default: float) -> float:
    return next((float(one["value"]) for one in container["resourceRequirements"] if one["type"] == kind), default)


def _check(job: Record) -> None:
    attempts = job["retryStrategy"]["attempts"]
    if not 1 <= attempts <= MAX_ATTEMPTS:
        raise ClientError(f"Retry attempts must be between 1 and {MAX_ATTEMPTS}, not {attempts}")
    size = job.get("arrayProperties", {}).get("size")
    if size is not None and not 2 <= size <= MAX_ARRAY:
        raise ClientError(f"Array size must be between 2 and {MAX_ARRAY}, not {size}")
    if not job["container"]["command"]:
        raise ClientError(
            f"{job['jobDefinition']} has no command. The local cloud does not know the one of the image: give one"
        )
