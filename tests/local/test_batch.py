"""What AWS Batch keeps and what it refuses, asked over its API."""

import pytest

from workflow_stacks.local.batch.control_plane import Batch
from workflow_stacks.local.batch.errors import ClientError

EC2 = {"type": "EC2", "maxvCpus": 8, "subnets": ["subnet-1"], "instanceRole": "profile"}
FARGATE = {"type": "FARGATE", "maxvCpus": 8, "subnets": ["subnet-1"]}
CONTAINER = {"image": "debian:12", "executionRoleArn": "arn:aws:iam::000000000000:role/execution"}


@pytest.fixture
def batch():
    return Batch(lambda name: f"arn:aws:batch:us-east-1:000000000000:{name}", {}, {}, {})


def environment(batch, name="tasks", **resources):
    request = {"computeEnvironmentName": name, "type": "managed", "computeResources": {**EC2, **resources}}
    return batch.create_environment(request)["computeEnvironmentArn"]


def queue(batch, *environments, **settings):
    order = [{"order": number, "computeEnvironment": arn} for number, arn in enumerate(environments)]
    request = {"jobQueueName": "queue", "priority": 1, "computeEnvironmentOrder": order, **settings}
    return batch.create_queue(request)["jobQueueArn"]


def test_a_compute_environment_is_returned_as_it_was_given(batch):
    given = {
        **EC2,
        "launchTemplate": {"launchTemplateId": "lt-1", "version": "3"},
        "ec2Configuration": [{"imageType": "ECS_AL2023"}],
        "allocationStrategy": "BEST_FIT_PROGRESSIVE",
    }
    arn = environment(batch, **given)

    [found] = batch.describe_environments({"computeEnvironments": [arn]})["computeEnvironments"]

    assert found["computeResources"] == given
    assert (found["type"], found["state"], found["status"]) == ("MANAGED", "ENABLED", "VALID")


@pytest.mark.parametrize(
    ("resources", "reason"),
    [
        ({"ec2Configuration": [{"imageType": "ECS_AL2"}]}, "use ECS_AL2023"),
        ({"minvCpus": 9}, "minvCpus must not be greater"),
        ({"instanceRole": None}, "instanceRole is required"),
    ],
)
def test_an_impossible_compute_environment_is_refused(batch, resources, reason):
    with pytest.raises(ClientError, match=reason):
        environment(batch, **resources)


def test_best_fit_cannot_be_updated_in_place(batch):
    arn = environment(batch, allocationStrategy="BEST_FIT", instanceTypes=["m6i"])
    request = {"computeEnvironment": arn, "computeResources": {"instanceTypes": ["m7i"]}}

    with pytest.raises(ClientError, match="BEST_FIT allocation strategy cannot update instanceTypes"):
        batch.update_environment(request)
    batch.update_environment({"computeEnvironment": arn, "computeResources": {"maxvCpus": 16}})


def test_a_queue_needs_compute_environments_that_exist(batch):
    with pytest.raises(ClientError, match="Object does not exist: missing"):
        queue(batch, "missing")


def test_a_queue_cannot_mix_fargate_and_ec2(batch):
    fargate = batch.create_environment(
        {"computeEnvironmentName": "heads", "type": "MANAGED", "computeResources": FARGATE}
    )

    with pytest.raises(ClientError, match="Cannot mix Fargate and EC2"):
        queue(batch, environment(batch), fargate["computeEnvironmentArn"])


def test_a_queue_keeps_its_tags_and_time_limits(batch):
    limits = [{"reason": "CAPACITY", "state": "RUNNABLE", "maxTimeSeconds": 600, "action": "CANCEL"}]
    arn = queue(batch, environment(batch), tags={"DefaultFsap": "fsap-1"}, jobStateTimeLimitActions=limits)

    [found] = batch.describe_queues({"jobQueues": [arn]})["jobQueues"]

    assert found["tags"] == {"DefaultFsap": "fsap-1"}
    assert found["jobStateTimeLimitActions"] == limits
    assert batch.describe_queues({"jobQueues": ["queue"]})["jobQueues"] == [found]


def test_a_compute_environment_that_a_queue_uses_cannot_be_deleted(batch):
    arn = environment(batch)
    queue(batch, arn)

    with pytest.raises(ClientError, match="state must be DISABLED"):
        batch.delete_environment({"computeEnvironment": arn})
    batch.update_environment({"computeEnvironment": arn, "state": "DISABLED"})
    with pytest.raises(ClientError, match="found existing JobQueue relationship: queue"):
        batch.delete_environment({"computeEnvironment": arn})


def test_a_job_definition_keeps_everything_it_was_given(batch):
    given = {
        "type": "container",
        "containerProperties": CONTAINER,
        "timeout": {"attemptDurationSeconds": 60},
        "retryStrategy": {"attempts": 3, "evaluateOnExit": [{"onStatusReason": "Host EC2*", "action": "RETRY"}]},
        "platformCapabilities": ["FARGATE"],
        "propagateTags": True,
        "parameters": {"Input": "none"},
        "tags": {"Owner": "lab"},
    }
    batch.register_definition({"jobDefinitionName": "task", **given})

    [found] = batch.describe_definitions({"jobDefinitionName": "task"})["jobDefinitions"]

    assert {key: found[key] for key in given} == given


def test_revisions_count_up_and_a_deregistered_one_is_inactive(batch):
    for _ in range(2):
        batch.register_definition({"jobDefinitionName": "task", "type": "container"})
    batch.deregister_definition({"jobDefinition": "task:1"})

    active = batch.describe_definitions({"jobDefinitionName": "task", "status": "ACTIVE"})["jobDefinitions"]
    both = batch.describe_definitions({"jobDefinitions": ["task"]})["jobDefinitions"]

    assert [definition["revision"] for definition in active] == [2]
    assert [definition["status"] for definition in both] == ["INACTIVE", "ACTIVE"]


@pytest.mark.parametrize(
    ("container", "reason"),
    [
        ({"executionRoleArn": None}, "needs an execution role"),
        ({"privileged": True}, "privileged"),
        ({"volumes": [{"name": "host", "host": {"sourcePath": "/data"}}]}, "host source path"),
    ],
)
def test_what_fargate_cannot_run_is_refused(batch, container, reason):
    request = {"jobDefinitionName": "head", "platformCapabilities": ["FARGATE"]}

    with pytest.raises(ClientError, match=reason):
        batch.register_definition({**request, "containerProperties": {**CONTAINER, **container}})


def test_the_api_answers_with_client_exceptions(cloud):
    client = cloud.client("batch")

    with pytest.raises(client.exceptions.ClientException, match="Object does not exist: none"):
        client.update_job_queue(jobQueue="none", priority=2)
