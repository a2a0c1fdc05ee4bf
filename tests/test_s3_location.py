"""S3Location: rights end at the prefix, and at reading where that is all."""

from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam, aws_kms as kms, aws_s3 as s3
from templates import Template, resources

from workflow_context import S3Location

ARN = "arn:aws:s3:::lab"
KEY = "arn:aws:kms:us-east-1:123456789012:key/1"
READ = {"s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectTagging"}
WRITE = {
    "s3:PutObject",
    "s3:PutObjectTagging",
    "s3:DeleteObject",
    "s3:AbortMultipartUpload",
    "s3:ListMultipartUploadParts",
}


@pytest.fixture(scope="module")
def stack() -> cdk.Stack:
    return cdk.Stack(cdk.App(), "Stack")


@pytest.fixture(scope="module")
def bucket(stack: cdk.Stack) -> s3.IBucket:
    return s3.Bucket.from_bucket_name(stack, "Bucket", "lab")


@pytest.fixture(scope="module")
def template(stack: cdk.Stack, bucket: s3.IBucket) -> Template:
    key = kms.Key.from_key_arn(stack, "Key", KEY)
    encrypted = s3.Bucket.from_bucket_attributes(stack, "Encrypted", bucket_arn=ARN, encryption_key=key)

    def role(name: str) -> iam.Role:
        return iam.Role(stack, name, assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"))

    S3Location(bucket, "a/b").grant_read(role("Reads"))
    S3Location(bucket, "a/b").grant_read_write(role("Writes"))
    S3Location(bucket, "a/b", read_only=True).grant_read_write(role("Guest"))
    S3Location(bucket, "a/b.bam", may_be_object=True).grant_read(role("One"))
    S3Location(bucket).grant_read(role("Whole"))
    S3Location(bucket, "a/b").grant_list_bucket(role("Lists"))
    S3Location(encrypted, "a").grant_read(role("Decrypts"))
    S3Location(encrypted, "a").grant_read_write(role("Crypts"))
    found: Template = cdk.assertions.Template.from_stack(stack).to_json()
    return found


def plain(value: Any) -> str:
    """An ARN of the bucket, whose partition is known only when it is deployed."""
    if isinstance(value, str):
        return value
    return "".join("aws" if isinstance(part, dict) else part for part in value["Fn::Join"][1])


def granted(template: Template, role: str) -> dict[str, tuple[set[str], Any]]:
    """Action to where, and on which condition."""
    [policy] = [one for name, one in resources(template, "AWS::IAM::Policy").items() if name.startswith(role)]
    found = {}
    for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
        assert statement["Effect"] == "Allow"
        actions, where = (
            value if isinstance(value, list) else [value] for value in (statement["Action"], statement["Resource"])
        )
        for action in actions:
            assert action not in found
            found[action] = {plain(one) for one in where}, statement.get("Condition")
    return found


def test_readers_read_below_the_prefix_and_list_it_and_no_more(template: Template) -> None:
    found = granted(template, "Reads")
    assert found.keys() == READ | {"s3:GetBucketLocation", "s3:ListBucket"}
    assert [found[action] for action in READ] == [({f"{ARN}/a/b/*"}, None)] * 3
    assert found["s3:ListBucket"] == ({ARN}, {"StringLike": {"s3:prefix": ["a/b", "a/b/*"]}})
    assert found["s3:GetBucketLocation"] == ({ARN}, None)


def test_writers_write_and_delete_below_the_prefix_only(template: Template) -> None:
    found = granted(template, "Writes")
    assert found.keys() - granted(template, "Reads").keys() == WRITE | {"s3:ListBucketMultipartUploads"}
    assert {where for action in WRITE for where in found[action][0]} == {f"{ARN}/a/b/*"}


def test_nobody_writes_where_it_is_read_only(template: Template) -> None:
    assert granted(template, "Guest") == granted(template, "Reads")


def test_one_object_is_granted_with_what_lies_below_its_name(template: Template) -> None:
    assert granted(template, "One")["s3:GetObject"] == ({f"{ARN}/a/b.bam/*", f"{ARN}/a/b.bam"}, None)


def test_without_a_prefix_it_is_the_whole_bucket(template: Template) -> None:
    found = granted(template, "Whole")
    assert found["s3:GetObject"] == ({f"{ARN}/*"}, None)
    assert found["s3:ListBucket"] == ({ARN}, None)


def test_whoever_asks_for_the_bucket_lists_names_and_reads_nothing(template: Template) -> None:
    assert granted(template, "Lists") == {"s3:ListBucket": ({ARN}, None)}


@pytest.mark.parametrize(
    ("role", "actions"), [("Decrypts", {"kms:Decrypt"}), ("Crypts", {"kms:Decrypt", "kms:GenerateDataKey"})]
)
def test_the_key_of_the_bucket_may_be_used_for_what_is_granted(
    template: Template, role: str, actions: set[str]
) -> None:
    found = {action: where for action, (where, _) in granted(template, role).items() if action.startswith("kms:")}
    assert found == {action: {KEY} for action in actions}


class TestPlaces:
    def test_its_address_has_no_slash_at_its_end(self, bucket: s3.IBucket) -> None:
        assert [S3Location(bucket, prefix).uri for prefix in ("", "a", "a/b")] == [
            "s3://lab",
            "s3://lab/a",
            "s3://lab/a/b",
        ]

    def test_what_lies_within_has_the_same_rights(self, bucket: s3.IBucket) -> None:
        assert S3Location(bucket, "a", read_only=True).within("", "b", "c") == S3Location(
            bucket, "a/b/c", read_only=True
        )

    def test_of_a_bucket_it_is_all_of_it(self, bucket: s3.IBucket) -> None:
        location = S3Location(bucket, "a")
        assert S3Location.of(bucket) == S3Location(bucket)
        assert S3Location.of(location) is location

    def test_fails_when_it_is_of_something_else(self) -> None:
        with pytest.raises(TypeError, match="outputs must be an S3Location or a bucket, got 's3://lab'"):
            S3Location.of("s3://lab")  # type: ignore[arg-type]
