"""S3 as the workflow file system."""

import json

import aws_cdk as cdk
import pytest
from aws_cdk import aws_s3 as s3
from templates import Templates, only, resources

from workflow_context import S3FileSystem, S3Location, WorkflowBucket


def lifecycle(template: dict, bucket: str) -> list[dict]:
    [found] = [one for name, one in resources(template, "AWS::S3::Bucket").items() if name.startswith(bucket)]
    rules: list[dict] = found["Properties"]["LifecycleConfiguration"]["Rules"]
    return rules


def test_nothing_is_mounted(storages: Templates) -> None:
    definition = only(storages["Storages-s3"], "AWS::Batch::JobDefinition")
    assert "Volumes" not in definition["ContainerProperties"]
    assert "MountPath" not in storages["Storages-s3"]["Outputs"]


def test_intermediates_lie_beside_the_outputs_of_the_context(storages: Templates) -> None:
    outputs = storages["Storages-s3"]["Outputs"]
    assert "contexts/s3/work" in json.dumps(outputs["WorkDirectory"])
    assert json.dumps(outputs["Outputs"]).endswith('"/contexts/s3"]]}}')


def test_intermediates_expire_by_a_rule_of_their_own_bucket(storages: Templates) -> None:
    rules = lifecycle(storages["Storages-s3expiring"], "StorageBucket89")
    [rule] = [rule for rule in rules if rule["Id"].startswith("Expire-")]
    assert rule == {"ExpirationInDays": 30, "Id": "Expire-work", "Prefix": "work/", "Status": "Enabled"}


def test_no_context_has_a_rule_in_the_bucket_that_all_share(storages: Templates) -> None:
    assert not [rule for rule in lifecycle(storages["Storages-core"], "BucketD7") if rule["Id"].startswith("Expire-")]


def test_the_core_stack_depends_on_no_context(storages: Templates) -> None:
    assert "Storages-s3" not in json.dumps(storages["Storages-core"])


def test_unfinished_uploads_are_removed(storages: Templates) -> None:
    for stack in ("Storages-core", "Storages-s3destroyed"):
        rules = lifecycle(storages[stack], "BucketD7" if "core" in stack else "StorageBucket89")
        assert {"DaysAfterInitiation": 7} in [rule.get("AbortIncompleteMultipartUpload") for rule in rules]


def test_a_key_of_the_user_encrypts_a_bucket_of_its_own(storages: Templates) -> None:
    template = storages["Storages-s3key"]
    bucket = next(one for name, one in resources(template, "AWS::S3::Bucket").items() if "AccessLogs" not in name)
    [rule] = bucket["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert "11111111-2222" in rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"]
    assert bucket["DeletionPolicy"] == "Retain"


def test_jobs_may_use_the_key(storages: Templates) -> None:
    statements = [
        statement
        for policy in resources(storages["Storages-s3key"], "AWS::IAM::Policy").values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if "kms:Decrypt" in statement["Action"]
    ]
    assert len(statements) == 2  # head jobs and tasks
    assert all(statement["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"] for statement in statements)


def test_intermediates_that_go_with_the_context_have_a_bucket_of_their_own(storages: Templates) -> None:
    buckets = resources(storages["Storages-s3destroyed"], "AWS::S3::Bucket")
    assert {bucket["DeletionPolicy"] for bucket in buckets.values()} == {"Delete"}
    shown = json.dumps(storages["Storages-s3destroyed"]["Outputs"])
    assert all(f'"Ref": "{name}"' in shown for name in buckets)


def test_snakemake_moves_files_by_the_storage_plugin_with_the_task_role(storages: Templates) -> None:
    command = only(storages["Storages-s3"], "AWS::Batch::JobDefinition")["ContainerProperties"]["Command"]
    for option in ("--default-storage-provider", "--default-storage-prefix", "--aws-batch-job-role"):
        assert option in command
    assert command[-2:] == ["--shared-fs-usage", "none"]
    assert "--aws-batch-job-definition" not in command


@pytest.fixture(scope="module")
def bucket() -> WorkflowBucket:
    return WorkflowBucket(cdk.Stack(cdk.App(), "Stack"), "Bucket")


def test_fails_when_there_is_no_prefix(bucket: WorkflowBucket) -> None:
    with pytest.raises(ValueError, match="needs a prefix"):
        S3FileSystem(cdk.Stack.of(bucket), "NoPrefix", location=bucket.location())


def test_fails_when_the_location_is_read_only(bucket: WorkflowBucket) -> None:
    with pytest.raises(ValueError, match="read-only"):
        S3FileSystem(cdk.Stack.of(bucket), "ReadOnly", location=S3Location(bucket.bucket, "work", read_only=True))


def test_fails_when_everything_in_a_bucket_would_expire(bucket: WorkflowBucket) -> None:
    with pytest.raises(ValueError, match="would delete everything"):
        bucket.expire("", cdk.Duration.days(1))


def test_the_rule_of_a_long_prefix_has_an_id_that_s3_takes() -> None:
    stack = cdk.Stack(cdk.App(), "Stack")
    WorkflowBucket(stack, "Bucket").expire("p" * 900, cdk.Duration.days(1))
    template = cdk.App.of(stack).synth().get_stack_by_name("Stack").template
    assert all(len(rule["Id"]) <= 255 for rule in lifecycle(template, "BucketD7"))


def test_a_bucket_of_somebody_else_will_do() -> None:
    stack = cdk.Stack(cdk.App(), "Stack")
    location = S3Location(s3.Bucket.from_bucket_name(stack, "Theirs", "theirs"), "work")
    assert S3FileSystem(stack, "Storage", location=location).work_directory == "s3://theirs/work"
