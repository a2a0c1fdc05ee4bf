"""The types of AWS Batch in CloudFormation on the local cloud change as on AWS. Speaks boto3 only."""

import pytest
from stack_parts import ref, resource


def batch_resources(*, resources=None, environment=None, queue=None, definition=None):
    return {
        "Environment": resource(
            "Batch::ComputeEnvironment",
            **{
                "Type": "managed",
                "ReplaceComputeEnvironment": False,
                "ComputeResources": {
                    "Type": "EC2",
                    "MaxvCpus": 8,
                    "Subnets": ["subnet-1"],
                    "InstanceRole": "profile",
                    "InstanceTypes": ["m6i"],
                    "AllocationStrategy": "BEST_FIT_PROGRESSIVE",
                    **(resources or {}),
                },
                **(environment or {}),
            },
        ),
        "Queue": resource(
            "Batch::JobQueue",
            **{
                "Priority": 1,
                "ComputeEnvironmentOrder": [{"Order": 1, "ComputeEnvironment": ref("Environment")}],
                **(queue or {}),
            },
        ),
        "Definition": resource(
            "Batch::JobDefinition",
            **{
                "Type": "container",
                "ContainerProperties": {
                    "Image": "debian:12",
                    "LogConfiguration": {"LogDriver": "awslogs", "Options": {"awslogs-group": "G", "Mode": "x"}},
                },
                **(definition or {}),
            },
        ),
    }


def ids(stacks, name):
    return {part: stacks.id(name, part) for part in ("Environment", "Queue", "Definition")}


@pytest.fixture
def batch(cloud):
    return cloud.client("batch")


def test_a_compute_environment_scales_and_changes_instance_types_in_place(stacks, batch, name):
    stacks.create(name, batch_resources())
    before = ids(stacks, name)

    status = stacks.update(name, batch_resources(resources={"MaxvCpus": 64, "InstanceTypes": ["m7i"]}))

    assert status == "UPDATE_COMPLETE"
    assert ids(stacks, name) == before
    arn = before["Environment"]
    [found] = batch.describe_compute_environments(computeEnvironments=[arn])["computeEnvironments"]
    assert found["computeResources"]["maxvCpus"] == 64
    assert found["computeResources"]["instanceTypes"] == ["m7i"]


def test_a_compute_environment_is_replaced_for_its_instances_unless_told_not_to(stacks, batch, name):
    default = {"ReplaceComputeEnvironment": True}
    stacks.create(name, batch_resources(environment=default))
    before = ids(stacks, name)

    stacks.update(name, batch_resources(environment=default, resources={"InstanceTypes": ["m7i"]}))

    after = ids(stacks, name)
    assert after["Environment"] != before["Environment"]
    assert after["Queue"] == before["Queue"], "the queue moves over to it"
    arn = before["Environment"]
    assert batch.describe_compute_environments(computeEnvironments=[arn])["computeEnvironments"] == []


def test_an_update_of_best_fit_in_place_fails_and_rolls_back(stacks, name):
    best_fit = {"AllocationStrategy": "BEST_FIT"}
    stacks.create(name, batch_resources(resources=best_fit))
    before = ids(stacks, name)

    status = stacks.update(name, batch_resources(resources={**best_fit, "InstanceTypes": ["m7i"]}))

    assert status == "UPDATE_ROLLBACK_COMPLETE"
    assert "BEST_FIT" in stacks.reasons(name)
    assert ids(stacks, name) == before


def test_a_queue_changes_in_place_but_new_tags_replace_it(stacks, batch, name):
    stacks.create(name, batch_resources())
    before = ids(stacks, name)

    stacks.update(name, batch_resources(queue={"Priority": 7}))
    assert ids(stacks, name) == before
    [found] = batch.describe_job_queues(jobQueues=[before["Queue"]])["jobQueues"]
    assert found["priority"] == 7

    stacks.update(name, batch_resources(queue={"Priority": 7, "Tags": {"DefaultFsap": "fsap-1"}}))
    after = ids(stacks, name)
    assert after["Queue"] != before["Queue"]
    [found] = batch.describe_job_queues(jobQueues=[after["Queue"]])["jobQueues"]
    assert found["tags"] == {"DefaultFsap": "fsap-1"}


def test_a_change_of_a_job_definition_is_a_new_revision(stacks, batch, name):
    stacks.create(name, batch_resources())
    before = ids(stacks, name)["Definition"]

    stacks.update(name, batch_resources(definition={"Timeout": {"AttemptDurationSeconds": 60}}))

    after = ids(stacks, name)["Definition"]
    assert (before.rsplit(":", 1)[1], after.rsplit(":", 1)[1]) == ("1", "2")
    assert before.rsplit(":", 1)[0] == after.rsplit(":", 1)[0]
    first, second = batch.describe_job_definitions(jobDefinitions=[before, after])["jobDefinitions"]
    assert (first["status"], second["status"]) == ("INACTIVE", "ACTIVE")
    assert second["timeout"] == {"attemptDurationSeconds": 60}


def test_aws_9_a_definition_keeps_its_old_revision_active_when_told_to_and_not_beyond_its_stack(stacks, batch, name):
    keep = {"ResourceRetentionPolicy": {"SkipDeregisterOnUpdate": True}}
    stacks.create(name, batch_resources(definition=keep))
    before = ids(stacks, name)["Definition"]

    stacks.update(name, batch_resources(definition={**keep, "Timeout": {"AttemptDurationSeconds": 60}}))
    after = ids(stacks, name)["Definition"]

    def statuses():
        found = batch.describe_job_definitions(jobDefinitions=[before, after])["jobDefinitions"]
        return [one["status"] for one in found]

    assert statuses() == ["ACTIVE", "ACTIVE"]
    stacks.delete(name)
    assert statuses() == ["ACTIVE", "INACTIVE"]


def test_the_keys_of_log_options_tags_and_parameters_stay_as_they_are_written(stacks, batch, name):
    stacks.create(name, batch_resources(definition={"Parameters": {"Input": "a"}, "Tags": {"Owner": "lab"}}))

    arn = ids(stacks, name)["Definition"]
    [found] = batch.describe_job_definitions(jobDefinitions=[arn])["jobDefinitions"]

    assert found["parameters"] == {"Input": "a"}
    assert found["tags"] == {"Owner": "lab"}
    assert found["containerProperties"]["logConfiguration"]["options"] == {"awslogs-group": "G", "Mode": "x"}


def test_a_failing_resource_rolls_back_what_was_made_before_it(stacks, cloud, name):
    failing = batch_resources(queue={"ComputeEnvironmentOrder": [{"Order": 1, "ComputeEnvironment": "missing"}]})
    failing["Queue"]["DependsOn"] = "Definition"
    failing["Definition"]["Properties"]["JobDefinitionName"] = "rolled-back"

    assert stacks.create(name, failing) == "ROLLBACK_COMPLETE"

    assert "Object does not exist: missing" in stacks.reasons(name)
    batch = cloud.client("batch")
    assert batch.describe_job_definitions(jobDefinitionName="rolled-back", status="ACTIVE")["jobDefinitions"] == []
