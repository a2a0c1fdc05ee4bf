"""WorkflowBucket: who may read it, how long what is in it stays, and who notes it."""

import json
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_kms as kms
from templates import Template, resources

from workflow_context import WorkflowBucket

BUCKET = "AWS::S3::Bucket"


@pytest.fixture(scope="module")
def template() -> Template:
    """`Plain` has the defaults, `Own` a key, no versions and a prefix whose objects expire."""
    stack = cdk.Stack(cdk.App(), "Stack")
    WorkflowBucket(stack, "Plain")
    own = WorkflowBucket(
        stack,
        "Own",
        encryption_key=kms.Key(stack, "Key"),
        versioned=False,
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )
    own.expire("dev/work", cdk.Duration.days(9))
    found: Template = cdk.assertions.Template.from_stack(stack).to_json()
    return found


def bucket(template: Template, name: str) -> dict[str, Any]:
    [found] = [one for key, one in resources(template, BUCKET).items() if key.startswith(name)]
    return dict(found)


def rules(template: Template, name: str) -> dict[str, dict[str, Any]]:
    found = bucket(template, name)["Properties"]["LifecycleConfiguration"]["Rules"]
    assert {one["Status"] for one in found} == {"Enabled"}
    return {one["Id"]: one for one in found}


def policy(template: Template, name: str) -> list[dict[str, Any]]:
    [found] = [one for key, one in resources(template, "AWS::S3::BucketPolicy").items() if key.startswith(name)]
    statements: list[dict[str, Any]] = found["Properties"]["PolicyDocument"]["Statement"]
    return statements


class TestPrivacy:
    def test_all_public_access_is_blocked(self, template: Template) -> None:
        assert len(resources(template, BUCKET)) == 4
        for name, one in resources(template, BUCKET).items():
            assert set(one["Properties"]["PublicAccessBlockConfiguration"].values()) == {True}, name
            assert "AccessControl" not in one["Properties"], name

    @pytest.mark.parametrize("name", ["PlainBucket", "PlainAccessLogs", "OwnBucket", "OwnAccessLogs"])
    def test_requests_without_tls_are_denied(self, template: Template, name: str) -> None:
        [deny] = [one for one in policy(template, name) if one["Effect"] == "Deny"]
        assert (deny["Action"], deny["Principal"]) == ("s3:*", {"AWS": "*"})
        assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}

    def test_objects_are_encrypted_by_s3_or_with_the_key_that_is_given(self, template: Template) -> None:
        def algorithm(name: str) -> Any:
            [rule] = bucket(template, name)["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
            return rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"], rule.get("BucketKeyEnabled", False)

        assert algorithm("PlainBucket") == ("AES256", False)
        assert algorithm("OwnBucket") == ("aws:kms", True)
        assert algorithm("OwnAccessLogs") == ("AES256", False)


class TestRetention:
    @pytest.mark.parametrize("name", ["PlainAccessLogs", "OwnAccessLogs"])
    def test_access_logs_are_kept_90_days(self, template: Template, name: str) -> None:
        assert {key: one["ExpirationInDays"] for key, one in rules(template, name).items()} == {"ExpireAccessLogs": 90}

    def test_overwritten_and_deleted_objects_can_be_had_back_for_7_days(self, template: Template) -> None:
        assert bucket(template, "PlainBucket")["Properties"]["VersioningConfiguration"] == {"Status": "Enabled"}
        kept = rules(template, "PlainBucket")["ExpireOldVersions"]["NoncurrentVersionExpiration"]
        assert kept == {"NoncurrentDays": 7}
        assert "VersioningConfiguration" not in bucket(template, "OwnBucket")["Properties"]
        assert "ExpireOldVersions" not in rules(template, "OwnBucket")

    @pytest.mark.parametrize("name", ["PlainBucket", "OwnBucket"])
    def test_unfinished_uploads_go_after_7_days(self, template: Template, name: str) -> None:
        rule = rules(template, name)["AbortIncompleteMultipartUploads"]
        assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}

    def test_objects_expire_below_the_prefix_that_is_written_and_nowhere_else(self, template: Template) -> None:
        expiring = {
            (one.get("Prefix"), one["ExpirationInDays"])
            for name in ("PlainBucket", "OwnBucket")
            for one in rules(template, name).values()
            if "ExpirationInDays" in one
        }
        assert expiring == {("dev/work/", 9)}

    def test_fails_when_everything_would_expire(self) -> None:
        with pytest.raises(ValueError, match="expire needs a prefix"):
            WorkflowBucket(cdk.Stack(cdk.App(), "Wrong"), "Bucket").expire("", cdk.Duration.days(1))

    @pytest.mark.parametrize(("name", "deletion"), [("Plain", "Retain"), ("Own", "Delete")])
    def test_buckets_stay_unless_told_otherwise_and_always_when_replaced(
        self, template: Template, name: str, deletion: str
    ) -> None:
        for part in ("Bucket", "AccessLogs"):
            found = bucket(template, name + part)
            assert (found["DeletionPolicy"], found["UpdateReplacePolicy"]) == (deletion, "Retain")


class TestAccessLog:
    def test_each_access_is_noted_in_the_other_bucket(self, template: Template) -> None:
        for name in ("Plain", "Own"):
            logging = bucket(template, f"{name}Bucket")["Properties"]["LoggingConfiguration"]
            assert logging["LogFilePrefix"] == "bucket/"
            assert logging["DestinationBucketName"]["Ref"].startswith(f"{name}AccessLogs")

    def test_the_logging_service_alone_writes_there_for_this_bucket_of_this_account(self, template: Template) -> None:
        [allow] = [one for one in policy(template, "PlainAccessLogs") if one["Effect"] == "Allow"]
        assert (allow["Action"], allow["Principal"]) == ("s3:PutObject", {"Service": "logging.s3.amazonaws.com"})
        assert allow["Condition"]["ArnLike"]["aws:SourceArn"]["Fn::GetAtt"][0].startswith("PlainBucket")
        assert allow["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
        assert json.dumps(allow["Resource"]).endswith('"/bucket/*"]]}')


def test_a_location_leaves_out_empty_parts_of_its_prefix() -> None:
    found = WorkflowBucket(cdk.Stack(cdk.App(), "Stack"), "Bucket").location("lab", "", "dev")
    assert found.prefix == "lab/dev"
    assert not found.read_only
