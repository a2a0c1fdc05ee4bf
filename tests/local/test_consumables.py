"""Consumable resources of AWS Batch on the local cloud: jobs wait until what they share is free.

https://docs.aws.amazon.com/batch/latest/userguide/resource-aware-scheduling.html
"""

from itertools import pairwise

import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def resource(lab, request) -> str:
    """Ten units of something."""
    name = request.node.name[:100].replace("[", "-").replace("]", "")
    made = lab.batch.create_consumable_resource(
        consumableResourceName=name, totalQuantity=10, resourceType="REPLENISHABLE"
    )
    return made["consumableResourceArn"]


def consuming(resource: str, quantity: int) -> dict:
    one = {"consumableResource": resource, "quantity": quantity}
    return {"consumableResourcePropertiesOverride": {"consumableResourceList": [one]}}


def test_a_job_waits_until_what_it_consumes_is_free(lab, resource) -> None:
    first = lab.submit("sleep 600", **consuming(resource, 6))
    lab.wait(first, "RUNNING")
    second = lab.submit("echo", **consuming(resource, 6))
    found = lab.batch.describe_consumable_resource(consumableResource=resource)
    assert (found["inUseQuantity"], found["availableQuantity"]) == (6, 4)
    assert lab.wait(second, "RUNNABLE")["status"] == "RUNNABLE"

    lab.batch.terminate_job(jobId=first, reason="enough")

    assert lab.wait(second)["status"] == "SUCCEEDED"
    assert lab.job(second)["startedAt"] >= lab.job(first)["stoppedAt"]
    assert lab.batch.describe_consumable_resource(consumableResource=resource)["inUseQuantity"] == 0


def test_more_of_it_lets_waiting_jobs_start(lab, resource) -> None:
    job = lab.submit("echo", **consuming(resource, 11))
    lab.wait(job, "RUNNABLE")

    lab.batch.update_consumable_resource(consumableResource=resource, operation="SET", quantity=11)

    assert lab.wait(job)["status"] == "SUCCEEDED"


def test_each_job_of_an_array_takes_its_share(lab, resource) -> None:
    job = lab.submit("date +%s%N; sleep 0.3; date +%s%N", arrayProperties={"size": 3}, **consuming(resource, 6))
    assert lab.wait(job)["status"] == "SUCCEEDED"
    spans = sorted(tuple(map(int, lab.log(lab.job(f"{job}:{index}")))) for index in range(3))
    assert all(earlier[1] <= later[0] for earlier, later in pairwise(spans))


def test_what_cannot_be_replenished_is_gone_after_its_job(lab) -> None:
    lab.batch.create_consumable_resource(
        consumableResourceName="licences", totalQuantity=3, resourceType="NON_REPLENISHABLE"
    )
    lab.run("echo", **consuming("licences", 2))
    assert lab.batch.describe_consumable_resource(consumableResource="licences")["totalQuantity"] == 1


def test_a_definition_says_what_its_jobs_consume(lab, resource) -> None:
    lab.batch.register_job_definition(
        jobDefinitionName="consumer",
        type="container",
        containerProperties={
            "image": "debian:12-slim",
            "command": ["sleep", "600"],
            "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "512"}],
        },
        consumableResourceProperties={
            "consumableResourceList": [{"consumableResource": resource, "quantity": 4}],
        },
    )
    job = lab.submit("", definition="consumer")
    lab.wait(job, "RUNNING")
    assert lab.batch.describe_consumable_resource(consumableResource=resource)["inUseQuantity"] == 4
    lab.batch.terminate_job(jobId=job, reason="enough")
    lab.wait(job)


@pytest.mark.parametrize(
    ("consumed", "message"),
    [
        ([("nothing", 1)], "ConsumableResource nothing does not exist"),
        ([("nothing", 1)] * 6, "at most 5 resources, not 6"),
    ],
)
def test_a_job_that_consumes_what_there_is_not_is_refused(lab, consumed, message) -> None:
    listed = [{"consumableResource": name, "quantity": quantity} for name, quantity in consumed]
    with pytest.raises(ClientError, match=message):
        lab.submit("echo", consumableResourcePropertiesOverride={"consumableResourceList": listed})


def test_less_than_nothing_is_refused(lab, resource) -> None:
    with pytest.raises(ClientError, match="must not be less than 0"):
        lab.batch.update_consumable_resource(consumableResource=resource, operation="REMOVE", quantity=11)
