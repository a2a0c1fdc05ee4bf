"""`why JOB` names what keeps a job from running, and what to do, from what AWS says."""

from typing import Any

import pytest

from workflow_stacks.errors import WorkflowContextError
from workflow_stacks.runs.why import Finding, diagnose

QUEUE, ENVIRONMENT = "arn:aws:batch:r:1:job-queue/q", "arn:aws:batch:r:1:compute-environment/tasks"


class Aws:
    """What the services answer."""

    def __init__(self, **job: Any) -> None:
        self.job: dict[str, Any] = {"jobId": "j", "jobName": "align", "status": "RUNNABLE", "jobQueue": QUEUE, **job}
        self.queue: dict[str, Any] | None = {
            "jobQueueName": "q",
            "state": "ENABLED",
            "status": "VALID",
            "computeEnvironmentOrder": [{"order": 1, "computeEnvironment": ENVIRONMENT}],
        }
        self.environment: dict[str, Any] = {
            "computeEnvironmentName": "tasks",
            "computeEnvironmentArn": ENVIRONMENT,
            "state": "ENABLED",
            "status": "VALID",
            "ecsClusterArn": "cluster",
            "computeResources": {"type": "SPOT", "maxvCpus": 256, "desiredvCpus": 0, "instanceTypes": ["m6i"]},
        }
        self.activities: list[dict[str, str]] = []
        self.joined: list[str] = []

    def __call__(self, _service: str) -> "Aws":
        return self

    def describe_jobs(self, **_: Any) -> Any:
        return {"jobs": [self.job] if self.job["jobId"] == "j" else []}

    def describe_job_queues(self, **_: Any) -> Any:
        return {"jobQueues": [self.queue] if self.queue else []}

    def describe_compute_environments(self, **_: Any) -> Any:
        return {"computeEnvironments": [self.environment]}

    def describe_scaling_activities(self, **_: Any) -> Any:
        return {"Activities": self.activities}

    def list_container_instances(self, **_: Any) -> Any:
        return {"containerInstanceArns": self.joined}

    def get_paginator(self, operation: str) -> Any:
        pages = {
            "list_jobs": [{"jobSummaryList": [{}]}],
            "describe_auto_scaling_groups": [{"AutoScalingGroups": [{"AutoScalingGroupName": "tasks-asg-1"}]}],
        }[operation]

        class Paginator:
            def paginate(self, **_: Any) -> Any:
                return pages

        return Paginator()


def problems(aws: Aws) -> list[Finding]:
    return [finding for finding in diagnose(aws, "j") if finding.ok is False]


def the_problem(aws: Aws) -> Finding:
    [found] = problems(aws)
    return found


def test_a_job_that_only_waits_has_no_problem() -> None:
    assert problems(Aws()) == []


def test_what_aws_batch_says_itself_comes_first() -> None:
    found = the_problem(Aws(statusReason="MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - no instance fits"))
    assert "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT" in found.message
    assert "larger 'instanceTypes'" in found.remedy


@pytest.mark.parametrize(
    ("reason", "code", "meaning"),
    [
        ("Host EC2 (instance i-1) terminated.", None, "instance went away"),
        ("CannotPullContainerError: pull access denied", None, "image could not be pulled"),
        ("Essential container in task exited; OutOfMemoryError: Container killed", 137, "more memory"),
        ("Container Overrides length must be at most 8192", None, "8,192 characters"),
        ("ResourceInitializationError: failed to invoke EFS utils commands", None, "file system could not be mounted"),
        ("Job attempt duration exceeded timeout", None, "longer than its timeout"),
        ("exec /bin/sh: exec format error", 1, "another processor architecture"),
    ],
)
def test_a_failure_is_told_in_plain_words_with_the_reason(reason: str, code: int | None, meaning: str) -> None:
    container = {"exitCode": code} if code is not None else {}
    found = the_problem(Aws(status="FAILED", statusReason=reason, container=container))
    assert meaning in found.message
    assert reason in found.message
    assert found.remedy


def test_a_failure_of_the_program_itself_leads_to_its_log() -> None:
    aws = Aws(status="FAILED", statusReason="Essential container in task exited", container={"exitCode": 3})
    assert the_problem(aws).remedy == "look at its log"
    assert "exit code 3" in the_problem(aws).message


def test_a_disabled_queue() -> None:
    aws = Aws()
    assert aws.queue
    aws.queue["state"] = "DISABLED"
    assert "is DISABLED" in the_problem(aws).message


def test_a_queue_that_was_deleted() -> None:
    aws = Aws()
    aws.queue = None
    assert "does not exist" in the_problem(aws).message


def test_an_invalid_environment_with_its_reason() -> None:
    aws = Aws()
    aws.environment |= {"status": "INVALID", "statusReason": "CLIENT_ERROR - the launch template does not exist"}
    assert "CLIENT_ERROR" in the_problem(aws).message


def test_more_vcpus_than_the_context_has() -> None:
    aws = Aws(container={"resourceRequirements": [{"type": "VCPU", "value": "512"}]})
    assert "asks for 512 vCPUs" in the_problem(aws).message


def test_a_gpu_where_no_instance_has_one() -> None:
    asks = {"resourceRequirements": [{"type": "GPU", "value": "1"}]}
    aws = Aws(container=asks)
    assert "gpu: true" in the_problem(aws).remedy
    aws.environment["computeResources"]["instanceTypes"] = ["g5"]
    assert problems(aws) == []


@pytest.mark.parametrize(
    ("message", "remedy"),
    [
        ("You have requested more vCPU capacity ... VcpuLimitExceeded", "Service Quotas"),
        ("MaxSpotInstanceCountExceeded", "Service Quotas"),
        ("We currently do not have sufficient capacity: InsufficientInstanceCapacity", "on-demand"),
        ("Client.InternalError: the KMS key is not accessible", "key policy"),
    ],
)
def test_what_ec2_refused_is_told(message: str, remedy: str) -> None:
    aws = Aws()
    aws.activities = [{"StatusCode": "Failed", "StatusMessage": message}]
    assert message in the_problem(aws).message
    assert remedy in the_problem(aws).remedy


def test_instances_that_do_not_join_point_to_mounts_and_network() -> None:
    aws = Aws()
    aws.environment["computeResources"]["desiredvCpus"] = 8
    assert "mount the file system" in the_problem(aws).remedy
    aws.joined = ["instance"]
    assert problems(aws) == []


def test_a_job_that_waits_for_another_says_for_which() -> None:
    aws = Aws(status="PENDING", dependsOn=[{"jobId": "first"}])
    assert any("waits for first" in finding.message for finding in diagnose(aws, "j"))


def test_a_job_that_nobody_knows() -> None:
    with pytest.raises(WorkflowContextError, match="knows no job j"):
        diagnose(Aws(jobId="other"), "j")
