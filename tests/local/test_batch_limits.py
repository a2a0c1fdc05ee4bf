"""The quotas of AWS Batch, and what ECS refuses when a job is started.

https://docs.aws.amazon.com/batch/latest/userguide/service_limits.html
"""

import json

import pytest

from workflow_stacks.local.batch import dispatch, limits
from workflow_stacks.local.batch.control_plane import Batch
from workflow_stacks.local.batch.errors import ClientError, TooManyRequestsError
from workflow_stacks.local.batch.job_records import new_job
from workflow_stacks.local.batch.requests import check_request

ENVIRONMENT = {"computeEnvironmentName": "tasks-0123456789abcdef"}
QUEUE = {"jobQueueName": "queue-0123456789abcdef"}
KIB = 1024


@pytest.fixture
def batch():
    return Batch(lambda name: f"arn:aws:batch:us-east-1:000000000000:{name}", {}, {}, {})


def job(command, variables=(), overrides=None, parameters=None):
    definition = {
        "jobDefinitionArn": "arn:aws:batch:us-east-1:000000000000:job-definition/d:1",
        "containerProperties": {
            "image": "debian:12",
            "command": command,
            "environment": [{"name": name, "value": value} for name, value in variables],
        },
        "platformCapabilities": ["EC2"],
        "tags": {},
    }
    request = {"jobName": "job", "containerOverrides": overrides or {}, "parameters": parameters or {}}
    return new_job(request, definition, id_="0" * 36, arn="arn", queue_arn="queue", tags={})


def length(one):
    return len(dispatch.overrides(one, ENVIRONMENT, QUEUE))


def test_aws_1_overrides_hold_command_environment_and_the_variables_of_batch():
    one = job(["run", "Ref::what"], [("A", "1")], {"environment": [{"name": "B", "value": "2"}]}, {"what": "this"})

    [found] = json.loads(dispatch.overrides(one, ENVIRONMENT, QUEUE))["containerOverrides"]

    assert found["command"] == ["run", "this"]
    assert {entry["name"] for entry in found["environment"]} == {
        "A",
        "B",
        "AWS_BATCH_JOB_ID",
        "AWS_BATCH_JOB_ATTEMPT",
        "AWS_BATCH_JQ_NAME",
        "AWS_BATCH_CE_NAME",
    }


@pytest.mark.parametrize("where", ["command", "environment", "parameters", "overrides"])
def test_aws_1_more_than_8192_characters_are_refused_wherever_they_come_from(where):
    def of(size):
        text = "x" * size
        return {
            "command": lambda: job([text]),
            "environment": lambda: job(["run"], [("A", text)]),
            "parameters": lambda: job(["Ref::p"], parameters={"p": text}),
            "overrides": lambda: job(["run"], overrides={"environment": [{"name": "A", "value": text}]}),
        }[where]()

    most = 8192 - length(of(0))

    assert length(of(most)) == 8192
    assert dispatch.refusal(of(most), ENVIRONMENT, QUEUE) is None
    assert dispatch.refusal(of(most + 1), ENVIRONMENT, QUEUE) == "Container Overrides length must be at most 8192"


def test_aws_1_quotes_count_twice_as_json_writes_them():
    assert length(job(['"' * 100])) - length(job(["x" * 100])) == 100


def test_a_job_definition_of_more_than_24_kib_is_refused(batch):
    def register(size):
        container = {"image": "debian:12", "command": ["x" * size]}
        return batch.register_definition(
            {"jobDefinitionName": "large", "type": "container", "containerProperties": container}
        )

    register(23 * KIB)
    with pytest.raises(ClientError, match="Job definition size must be less than 24 KiB, got 25 KiB"):
        register(24 * KIB)


def test_a_submission_of_more_than_30_kib_is_refused():
    limits.check_job_size({"jobName": "job", "parameters": {"inputs": "x" * 29 * KIB}})
    with pytest.raises(ClientError, match="Job size must be less than 30 KiB, got 47 KiB"):
        limits.check_job_size({"jobName": "job", "parameters": {"inputs": "x" * 46 * KIB}})


@pytest.mark.parametrize("kind", ["queue", "environment"])
def test_an_account_has_50_queues_and_50_environments_in_a_region(batch, kind):
    resources = {"type": "EC2", "maxvCpus": 8, "subnets": ["subnet-1"], "instanceRole": "profile"}

    def environment(name):
        batch.create_environment({"computeEnvironmentName": name, "type": "MANAGED", "computeResources": resources})

    def queue(name):
        order = [{"order": 1, "computeEnvironment": "first"}]
        batch.create_queue({"jobQueueName": name, "priority": 1, "computeEnvironmentOrder": order})

    environment("first")
    create, there = (queue, 0) if kind == "queue" else (environment, 1)
    for number in range(50 - there):
        create(f"one-{number}")

    with pytest.raises(ClientError, match="reached: 50"):
        create("one-too-many")


def test_more_than_50_submissions_a_second_are_throttled():
    now = [0.0]
    rate = limits.SubmissionRate(clock=lambda: now[0])
    for _ in range(50):
        rate.check()
    with pytest.raises(TooManyRequestsError):
        rate.check()

    now[0] += 0.1

    for _ in range(5):
        rate.check()
    with pytest.raises(TooManyRequestsError):
        rate.check()


@pytest.mark.parametrize(
    ("action", "request_", "said"),
    [
        ("submitjob", {"jobName": "a"}, 'Missing required parameter in input: "jobQueue"'),
        ("terminatejob", {"jobId": "a"}, "reason"),
        ("describejobs", {"jobs": "a"}, "Invalid type for parameter jobs"),
        ("createjobqueue", [], "Invalid type"),
    ],
)
def test_rob_27_a_request_that_lacks_something_is_a_client_exception(action, request_, said):
    with pytest.raises(ClientError, match=said):
        check_request(action, request_)


def test_keys_that_the_model_does_not_know_pass():
    check_request("terminatejob", {"jobId": "a", "reason": "b", "new": 1})
