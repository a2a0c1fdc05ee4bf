"""Why a job does not run, or why it failed: what AWS Batch, Auto Scaling and Amazon ECS say, and what to do about it.

The order is that in which one would look by hand: the job itself, its queue, the compute environments, what the job
asks for, the machines that were wanted, and the machines that came.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from workflow_stacks.errors import WorkflowContextError

Client = Callable[[str], Any]
Record = Mapping[str, Any]

_WAITING = ("SUBMITTED", "PENDING", "RUNNABLE")

NOT_MOUNTED = r"(EFS utils|mount\.nfs|fs-[0-9a-f]+.*mount|ResourceInitializationError.*volume)"
"""How AWS tells that a file system could not be mounted."""

FAILURES: Sequence[tuple[str, str, str]] = (
    (
        r"Host EC2 .*terminated",
        "the instance went away, on Spot usually because AWS took it back",
        "the task is repeated, with a fallback queue on demand; if it happens often, allow more instance types",
    ),
    (
        r"CannotPull(Image)?ContainerError|CannotPullContainer|CannotPullImage",
        "the container image could not be pulled",
        "check its name, that its registry is reachable and may be read, and the pull limits of that registry",
    ),
    (
        r"exec format error",
        "the image is built for another processor architecture than that of the machine",
        "use an image for this architecture, or set 'architecture' of the context",
    ),
    (
        r"OutOfMemory|exit code 137|code: 137",
        "the container used more memory than the job asked for, and was ended",
        "ask for more memory",
    ),
    (
        r"Container Overrides length",
        "command and environment of the job are longer than the 8,192 characters that Amazon ECS takes",
        "give inputs as a file in S3 instead of as a parameter",
    ),
    (
        NOT_MOUNTED,
        "the file system could not be mounted",
        "deploy the context again, and check its security groups and that the role of the job may mount",
    ),
    (
        r"ResourceInitializationError.*(secret|ssm)",
        "a secret of the job could not be read",
        "check the permissions of the execution role",
    ),
    (
        r"[Tt]imeout|attempt duration exceeded",
        "the job ran longer than its timeout",
        "raise the time limit of the task, or of the head job",
    ),
)
"""How failures are told by AWS: pattern of the reason, what it means, what to do."""


@dataclass(frozen=True)
class Finding:
    """Something that was looked at.

    Attributes:
        check: What was looked at.
        ok: Whether it is as it should be; None when it is only told.
        message: What was found.
        remedy: What to do about it; empty when it is fine.
    """

    check: str
    ok: bool | None
    message: str
    remedy: str = ""


class Case:
    """A job and all that decides whether it runs.

    Args:
        client: Gives the boto3 client of a service.
        job_id: The id of the job.

    Raises:
        WorkflowContextError: AWS Batch knows no such job.
    """

    def __init__(self, client: Client, job_id: str) -> None:
        self.client = client
        found = client("batch").describe_jobs(jobs=[job_id])["jobs"]
        if not found:
            raise WorkflowContextError(
                f"AWS Batch knows no job {job_id}: it keeps ended jobs for about a week, and knows those of one region"
            )
        self.job: Record = found[0]

    @cached_property
    def queue(self) -> Record | None:
        """Its queue; None when it was deleted."""
        found = self.client("batch").describe_job_queues(jobQueues=[self.job["jobQueue"]])["jobQueues"]
        return found[0] if found else None

    @cached_property
    def environments(self) -> list[Record]:
        """The compute environments of the queue, the first one first."""
        if self.queue is None:
            return []
        names = [one["computeEnvironment"] for one in self.queue["computeEnvironmentOrder"]]
        found = self.client("batch").describe_compute_environments(computeEnvironments=names)["computeEnvironments"]
        return sorted(found, key=lambda one: names.index(one["computeEnvironmentArn"]))

    def asked(self, kind: str) -> float:
        """How much of something the job asks for: VCPU, MEMORY (MiB) or GPU."""
        container = self.job.get("container", {})
        for one in container.get("resourceRequirements", []):
            if one["type"] == kind:
                return float(one["value"])
        return float(container.get({"VCPU": "vcpus", "MEMORY": "memory"}.get(kind, ""), 0) or 0)


def diagnose(client: Client, job_id: str) -> list[Finding]:
    """Look at a job, and at everything that it needs.

    Args:
        client: Gives the boto3 client of a service.
        job_id: The id of the job.

    Raises:
        WorkflowContextError: AWS Batch knows no such job.
    """
    case = Case(client, job_id)
    found = list(_job(case))
    if case.job["status"] in _WAITING:
        for check in (_dependencies, _queue, _environments, _size, _others, _scaling, _instances):
            found += check(case)
    return found


def explain(text: str) -> tuple[str, str] | None:
    """What a reason of AWS, or the end of a log, means, and what to do; None when it is not known."""
    return next(((meaning, remedy) for pattern, meaning, remedy in FAILURES if re.search(pattern, text)), None)


def _job(case: Case) -> Iterator[Finding]:
    job = case.job
    status, name = job["status"], job["jobName"]
    reasons = [job.get("statusReason", ""), job.get("container", {}).get("reason", "")]
    reason = "; ".join(filter(None, reasons))
    code = job.get("container", {}).get("exitCode")
    if status == "FAILED":
        text = f"{reason}; exit code {code}" if code is not None else reason
        known = explain(f"{text} exit code {code}")
        if known:
            meaning, remedy = known
            yield Finding("job", False, f"{name} failed: {meaning} ({text})", remedy)
            return
        yield Finding("job", False, f"{name} failed: {text or 'no reason is given'}", "look at its log")
    elif reason and status in _WAITING:
        yield Finding("job", False, f"{name} is {status}: {reason}", _misconfiguration(reason))
    else:
        yield Finding("job", None, f"{name} is {status}{f': {reason}' if reason else ''}")


def _misconfiguration(reason: str) -> str:
    if "JOB_RESOURCE_REQUIREMENT" in reason:
        return "no instance type of the context is large enough: ask for less, or allow larger 'instanceTypes'"
    if "MAX_RESOURCE" in reason:
        return "raise 'maxVCpus' of the context, or ask for less"
    if "SERVICE_ROLE" in reason:
        return "the service-linked role AWSServiceRoleForBatch is missing or damaged: let AWS Batch make it again"
    if "CAPACITY" in reason:
        return "wait, allow more instance types, or use on-demand instances"
    return "see https://docs.aws.amazon.com/batch/latest/userguide/job_stuck_in_runnable.html"


def _dependencies(case: Case) -> Iterator[Finding]:
    waits_for = [one["jobId"] for one in case.job.get("dependsOn", []) if "jobId" in one]
    if case.job["status"] == "PENDING" and waits_for:
        yield Finding("dependencies", None, f"it waits for {', '.join(waits_for)}")


def _queue(case: Case) -> Iterator[Finding]:
    if case.queue is None:
        yield Finding("queue", False, f"the queue {case.job['jobQueue']} does not exist any more", "deploy the context")
    else:
        yield queue_finding(case.queue)


def queue_finding(queue: Record) -> Finding:
    """Whether a queue takes jobs."""
    if queue["state"] == "ENABLED" and queue["status"] == "VALID":
        return Finding("queue", True, f"the queue {queue['jobQueueName']} is enabled and valid")
    told = (
        f"the queue {queue['jobQueueName']} is {queue['state']} and {queue['status']}: {queue.get('statusReason', '')}"
    )
    return Finding("queue", False, told, "deploy the context again, or enable the queue")


def _environments(case: Case) -> Iterator[Finding]:
    yield from map(environment_finding, case.environments)


def environment_finding(one: Record) -> Finding:
    """Whether a compute environment takes jobs."""
    name, resources = one["computeEnvironmentName"], one.get("computeResources", {})
    if one["state"] != "ENABLED" or one["status"] != "VALID":
        told = f"the compute environment {name} is {one['state']} and {one['status']}: {one.get('statusReason', '')}"
        return Finding("compute environment", False, told, "the reason names what is missing; deploy the context again")
    most, now = resources.get("maxvCpus", 0), resources.get("desiredvCpus")
    running = f", {now} wanted now" if now is not None else ""
    told = f"the compute environment {name} ({resources.get('type', '')}) is enabled and valid, at most {most} vCPUs"
    return Finding("compute environment", True, f"{told}{running}")


def _size(case: Case) -> Iterator[Finding]:
    vcpus = case.asked("VCPU")
    most = max((one.get("computeResources", {}).get("maxvCpus", 0) for one in case.environments), default=0)
    if vcpus > most and case.environments:
        told = f"the job asks for {vcpus:g} vCPUs, and the largest compute environment has at most {most}"
        yield Finding("size", False, told, "raise 'maxVCpus' of the context, or ask for less")
    if case.asked("GPU") and not any(_may_have_gpus(one) for one in case.environments):
        told = f"the job asks for {case.asked('GPU'):g} GPUs, and no instance type of the context has one"
        yield Finding("size", False, told, "set 'gpu: true' in the context")


def _may_have_gpus(environment: Record) -> bool:
    types = environment.get("computeResources", {}).get("instanceTypes", [])
    return any(re.match(r"(p|g)\d|optimal_gpu", one) for one in types)


def _others(case: Case) -> Iterator[Finding]:
    """What the queue does meanwhile: jobs run in it one after another as long as all its vCPUs are taken."""
    batch, queue = case.client("batch"), case.job["jobQueue"]
    running = _count(batch, queue, "RUNNING")
    waiting = _count(batch, queue, "RUNNABLE")
    yield Finding(
        "other jobs", None, f"in its queue {running} jobs are running and {waiting} are waiting, with this one"
    )


def _count(batch: Any, queue: str, status: str) -> int:
    pages = batch.get_paginator("list_jobs").paginate(jobQueue=queue, jobStatus=status)
    return sum(len(page["jobSummaryList"]) for page in pages)


def _scaling(case: Case) -> Iterator[Finding]:
    """What Auto Scaling answered when AWS Batch asked for instances."""
    for one in case.environments:
        name = one["computeEnvironmentName"]
        if one.get("computeResources", {}).get("type", "").startswith("FARGATE"):
            continue
        scaling = case.client("autoscaling")
        groups = [
            group["AutoScalingGroupName"]
            for page in scaling.get_paginator("describe_auto_scaling_groups").paginate()
            for group in page["AutoScalingGroups"]
            if group["AutoScalingGroupName"].startswith(name)
        ]
        for group in groups:
            activities = scaling.describe_scaling_activities(AutoScalingGroupName=group, MaxRecords=10)["Activities"]
            failed = next((one for one in activities if one["StatusCode"] == "Failed"), None)
            if failed is not None:
                message = failed.get("StatusMessage", "")
                yield Finding("instances", False, f"EC2 gave no instance: {message}", _no_instance(message))


def _no_instance(message: str) -> str:
    if re.search(r"VcpuLimitExceeded|InstanceLimitExceeded|MaxSpotInstanceCountExceeded", message):
        return "raise the EC2 quota for vCPUs of this kind of instance in the Service Quotas console"
    if re.search(r"UnauthorizedOperation|AccessDenied|KMS|kms", message):
        return (
            "a service-linked role may not use something, often the KMS key of the volumes: allow it in the key policy"
        )
    if re.search(r"InsufficientInstanceCapacity|no Spot capacity|capacity", message):
        return "wait, allow more instance types, or use on-demand instances"
    if re.search(r"Ami|AMI|image", message):
        return "the machine image cannot be used: remove 'amiId' of the context, or share the image with this account"
    return "the message names what EC2 refused"


def _instances(case: Case) -> Iterator[Finding]:
    """Whether instances that came have joined the cluster: one that cannot mount the file system does not."""
    for one in case.environments:
        wanted = one.get("computeResources", {}).get("desiredvCpus", 0)
        cluster = one.get("ecsClusterArn")
        if not wanted or not cluster or one.get("computeResources", {}).get("type", "").startswith("FARGATE"):
            continue
        joined = case.client("ecs").list_container_instances(cluster=cluster)["containerInstanceArns"]
        if not joined:
            yield Finding(
                "instances",
                False,
                f"{one['computeEnvironmentName']} wants {wanted} vCPUs, and no instance has joined its cluster yet",
                "this takes two to four minutes; then look at the system log of an instance in the EC2 console: one "
                "that cannot mount the file system shuts down, and one without a way to the internet cannot join",
            )
