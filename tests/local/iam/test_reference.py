"""The Service Authorization data: what an action is about, and which condition keys it supports."""

import pytest

from workflow_stacks.local.iam import reference


@pytest.mark.parametrize(
    ("action", "arn", "named"),
    [
        ("batch:SubmitJob", "arn:aws:batch:us-east-1:1:job-queue/q", True),
        ("batch:SubmitJob", "arn:aws:batch:us-east-1:1:job-definition/d:3", True),
        ("batch:SubmitJob", "arn:aws:batch:us-east-1:1:compute-environment/e", False),
        ("batch:TagResource", "arn:aws:batch:us-east-1:1:job-queue/q", True),
        ("s3:GetObject", "arn:aws:s3:::b/a:b/c", True),
        ("s3:ListBucket", "arn:aws:s3:::b", True),
        ("iam:PassRole", "arn:aws:iam::1:role/path/name", True),
        ("elasticfilesystem:ClientMount", "arn:aws:elasticfilesystem:us-east-1:1:file-system/fs-1", True),
        ("s3files:ClientMount", "arn:aws:s3files:us-east-1:1:file-system/fs-1", True),
    ],
)
def test_the_resources_of_an_action_are_those_of_its_resource_types(action, arn, named):
    assert reference.names_resource(action, arn) is named


def test_an_action_on_no_resource_has_no_resource_types():
    assert reference.resource_types("batch:DescribeJobs") == ()
    assert reference.resource_types("ecr:GetAuthorizationToken") == ()


def test_a_condition_key_that_the_action_does_not_support_is_not_in_its_context():
    given = {
        "aws:requesttag/a": ("1",),
        "aws:resourcetag/b": ("2",),
        "s3:prefix": ("p",),
        "aws:principalarn": ("arn",),
    }

    assert set(reference.supported("batch:SubmitJob", given)) == {
        "aws:requesttag/a",
        "aws:resourcetag/b",
        "aws:principalarn",
    }
    assert set(reference.supported("batch:DescribeJobs", given)) == {"aws:principalarn"}
    assert set(reference.supported("s3:ListBucket", given)) >= {"s3:prefix", "aws:principalarn"}
    assert "aws:requesttag/a" not in reference.supported("s3:ListBucket", given)


def test_an_action_that_aws_does_not_have_does_not_exist():
    assert reference.exists("s3:GetObject")
    assert not reference.exists("s3:HeadBucket")
    assert not reference.exists("nothing:Do")
