"""The evaluation of policies, held to what AWS documents.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

import json

import pytest
from counting import calls_of

from workflow_stacks.local.iam.evaluation import Policies, evaluate
from workflow_stacks.local.iam.policy import PolicyError, parse_policy

BUCKET = "arn:aws:s3:::amzn-s3-demo-bucket"
ROLE = "arn:aws:iam::111122223333:role/Task"
ROOT = frozenset({"arn:aws:iam::111122223333:root", "111122223333"})


def statements(*given: dict):
    return parse_policy(json.dumps({"Version": "2012-10-17", "Statement": list(given)}))


def allow(action="*", resource="*", **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action="*", resource="*", **more):
    return {"Effect": "Deny", "Action": action, "Resource": resource, **more}


def decided(action, resource, *identity, boundary=None, resource_policy=(), context=None, **more):
    policies = Policies(statements(*identity), None if boundary is None else statements(*boundary))
    policy = statements(*resource_policy) if resource_policy else ()
    principals = frozenset({ROLE})
    return evaluate(
        action,
        resource,
        context or {},
        policies,
        resource_policy=policy,
        principals=principals,
        delegates=ROOT,
        **more,
    )


def allowed(*arguments, **more) -> bool:
    return decided(*arguments, **more).allowed


def met(condition: dict, **context) -> bool:
    """Whether a statement with a condition allows a request with these keys."""
    given = {
        key.replace("__", ":"): tuple(value) if isinstance(value, list) else (value,) for key, value in context.items()
    }
    return allowed("s3:GetObject", f"{BUCKET}/a", allow(Condition=condition), context=given)


def test_what_no_policy_allows_is_denied_and_the_message_says_so():
    decision = decided("s3:GetObject", f"{BUCKET}/a", allow("s3:PutObject"))

    assert not decision.allowed
    assert decision.because == "because no identity-based policy allows the s3:GetObject action"


@pytest.mark.parametrize("first", [True, False])
def test_an_explicit_deny_overrides_every_allow_whichever_comes_first(first):
    both = [allow("s3:*"), deny("s3:DeleteBucket")]

    decision = decided("s3:DeleteBucket", BUCKET, *(both if first else both[::-1]))

    assert decision.because == "with an explicit deny in an identity-based policy"
    assert allowed("s3:ListBucket", BUCKET, *both)


def test_effective_permissions_are_the_intersection_of_identity_policy_and_boundary():
    boundary = [allow(["s3:*", "logs:*"])]

    assert allowed("s3:GetObject", f"{BUCKET}/a", allow("s3:GetObject"), boundary=boundary)
    assert not allowed("logs:GetLogEvents", "*", allow("s3:GetObject"), boundary=boundary)
    outside = decided("iam:CreateUser", "*", allow("iam:*"), boundary=boundary)
    assert outside.because == "because no permissions boundary allows the iam:CreateUser action"
    denied = decided("s3:GetObject", f"{BUCKET}/a", allow(), boundary=[allow(), deny("s3:Get*")])
    assert denied.because == "with an explicit deny in a permissions boundary"


def test_not_action_with_allow_grants_all_but_those_and_with_deny_denies_all_but_those():
    everything_but_iam = {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}
    only_s3 = {"Effect": "Deny", "NotAction": ["s3:*"], "Resource": "*"}

    assert allowed("s3:GetObject", f"{BUCKET}/a", everything_but_iam)
    assert not allowed("iam:CreateUser", "*", everything_but_iam)
    assert allowed("s3:GetObject", f"{BUCKET}/a", allow(), only_s3)
    assert not allowed("batch:SubmitJob", "*", allow(), only_s3)


def test_not_resource_is_about_every_other_resource():
    # The example of the user guide: Deny with NotResource keeps a principal within one bucket.
    within = {"Effect": "Deny", "Action": "s3:*", "NotResource": [BUCKET, f"{BUCKET}/*"]}

    assert allowed("s3:GetObject", f"{BUCKET}/a", allow(), within)
    assert not allowed("s3:GetObject", "arn:aws:s3:::other/a", allow(), within)


@pytest.mark.parametrize(
    ("action", "resource", "matches"),
    [
        ("s3:get*", f"{BUCKET}/*", True),
        ("S3:GETOBJECT", f"{BUCKET}/*", True),
        ("s3:GetObjec?", f"{BUCKET}/?", True),
        ("s3:Get", f"{BUCKET}/*", False),
        ("s3:GetObject*", f"{BUCKET}*", True),
        ("s3:GetObject", f"{BUCKET}", False),
        ("s3:GetObject", f"{BUCKET}/A", False),
        ("s3:GetObject", "arn:aws:s3:::amzn.s3.demo.bucket/*", False),
        ("*:GetObject", "*", True),
    ],
)
def test_wildcards_are_for_any_text_and_one_character_and_only_actions_ignore_case(action, resource, matches):
    assert allowed("s3:GetObject", f"{BUCKET}/a", allow(action, resource)) is matches


def test_a_policy_variable_stands_for_the_request_and_its_wildcards_are_literal():
    home = allow("s3:GetObject", f"{BUCKET}/home/${{aws:PrincipalTag/user}}/*")

    assert allowed("s3:GetObject", f"{BUCKET}/home/zoe/x", home, context={"aws:principaltag/user": ("zoe",)})
    assert not allowed("s3:GetObject", f"{BUCKET}/home/zoe/x", home, context={"aws:principaltag/user": ("*",)})
    assert not allowed("s3:GetObject", f"{BUCKET}/home//x", home)
    default = allow("s3:GetObject", f"{BUCKET}/${{aws:PrincipalTag/team, 'common'}}/*")
    assert allowed("s3:GetObject", f"{BUCKET}/common/x", default)
    star = allow("s3:GetObject", f"{BUCKET}/${{*}}")
    assert allowed("s3:GetObject", f"{BUCKET}/*", star)
    assert not allowed("s3:GetObject", f"{BUCKET}/a", star)


@pytest.mark.parametrize(
    ("condition", "context", "matches"),
    [
        ({"StringEquals": {"aws:RequestTag/Team": ["a", "b"]}}, {"aws__requesttag/team": "b"}, True),
        ({"StringEquals": {"aws:RequestTag/Team": "a"}}, {"aws__requesttag/team": "A"}, False),
        ({"StringEqualsIgnoreCase": {"aws:RequestTag/Team": "a"}}, {"aws__requesttag/team": "A"}, True),
        ({"StringEquals": {"aws:RequestTag/Team": "a"}}, {}, False),
        ({"StringEqualsIfExists": {"aws:RequestTag/Team": "a"}}, {}, True),
        ({"StringEqualsIfExists": {"aws:RequestTag/Team": "a"}}, {"aws__requesttag/team": "b"}, False),
        ({"StringNotEquals": {"aws:RequestTag/Team": "a"}}, {}, True),
        ({"StringNotEquals": {"aws:RequestTag/Team": ["a", "b"]}}, {"aws__requesttag/team": "b"}, False),
        ({"StringLike": {"s3:prefix": ["ctx", "ctx/*"]}}, {"s3__prefix": "ctx/run/1"}, True),
        ({"StringLike": {"s3:prefix": ["ctx", "ctx/*"]}}, {"s3__prefix": "other/"}, False),
        ({"StringLike": {"s3:prefix": ["ctx", "ctx/*"]}}, {}, False),
        ({"StringNotLike": {"s3:prefix": "ctx/*"}}, {"s3__prefix": "ctx/a"}, False),
        ({"StringNotLike": {"s3:prefix": ["${aws:PrincipalTag/none}", "b"]}}, {"s3__prefix": "a"}, False),
        ({"NumericLessThanEquals": {"s3:max-keys": "10"}}, {"s3__max-keys": "10"}, True),
        ({"NumericLessThanEquals": {"s3:max-keys": "10"}}, {"s3__max-keys": "11"}, False),
        ({"DateGreaterThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"}}, {"aws__currenttime": "2026-02-01"}, True),
        ({"DateLessThan": {"aws:EpochTime": "1000"}}, {"aws__epochtime": "2000"}, False),
        ({"Bool": {"aws:SecureTransport": "false"}}, {"aws__securetransport": "true"}, False),
        ({"Bool": {"aws:SecureTransport": True}}, {"aws__securetransport": "true"}, True),
        ({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, {"aws__sourceip": "203.0.113.7"}, True),
        ({"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, {"aws__sourceip": "203.0.113.7"}, False),
        (
            {"ArnLike": {"aws:SourceArn": "arn:aws:batch:*:*:job-queue/*"}},
            {"aws__sourcearn": "arn:aws:batch:us-east-1:1:job-queue/q"},
            True,
        ),
        (
            {"ArnLike": {"aws:SourceArn": "arn:aws:batch:*:job-queue/*"}},
            {"aws__sourcearn": "arn:aws:batch:us-east-1:1:job-queue/q"},
            False,  # each of the six parts is compared by itself
        ),
        (
            {"ArnNotEquals": {"aws:SourceArn": "arn:aws:sns:us-east-1:1:a"}},
            {"aws__sourcearn": "arn:aws:sns:us-east-1:1:b"},
            True,
        ),
        ({"Null": {"aws:TokenIssueTime": "true"}}, {}, True),
        ({"Null": {"aws:TokenIssueTime": "true"}}, {"aws__tokenissuetime": "1"}, False),
        ({"Null": {"aws:TokenIssueTime": "false"}}, {"aws__tokenissuetime": "1"}, True),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": ["a", "b"]}}, {"aws__tagkeys": ["a"]}, True),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": ["a", "b"]}}, {"aws__tagkeys": ["a", "c"]}, False),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": ["a"]}}, {}, True),
        ({"ForAnyValue:StringEquals": {"aws:TagKeys": ["a"]}}, {"aws__tagkeys": ["a", "c"]}, True),
        ({"ForAnyValue:StringEquals": {"aws:TagKeys": ["a"]}}, {"aws__tagkeys": ["c"]}, False),
        ({"ForAnyValue:StringEquals": {"aws:TagKeys": ["a"]}}, {}, False),
        ({"ForAnyValue:StringNotEquals": {"aws:TagKeys": ["a"]}}, {"aws__tagkeys": ["a", "c"]}, True),
        ({"ForAllValues:StringNotEquals": {"aws:TagKeys": ["a"]}}, {"aws__tagkeys": ["a", "c"]}, False),
        (
            {"StringEquals": {"aws:RequestTag/A": "1"}, "Null": {"aws:RequestTag/B": "true"}},
            {"aws__requesttag/a": "1", "aws__requesttag/b": "2"},
            False,  # all operators must be met
        ),
    ],
)
def test_a_condition_is_met_as_the_user_guide_says(condition, context, matches):
    assert met(condition, **context) is matches


def test_an_operator_that_iam_does_not_have_is_refused():
    with pytest.raises(PolicyError, match="StringSortOfEquals"):
        statements(allow(Condition={"StringSortOfEquals": {"a": "b"}}))


def test_a_bucket_policy_that_names_the_role_allows_what_no_identity_policy_does():
    names_role = {**allow("s3:GetObject"), "Principal": {"AWS": ROLE}}
    names_another = {**allow("s3:GetObject"), "Principal": {"AWS": "arn:aws:iam::111122223333:role/Other"}}

    assert allowed("s3:GetObject", f"{BUCKET}/a", deny("iam:*"), resource_policy=[names_role])
    assert not allowed("s3:GetObject", f"{BUCKET}/a", deny("iam:*"), resource_policy=[names_another])


def test_a_bucket_policy_that_names_the_account_leaves_it_to_identity_policies():
    names_account = {**allow("s3:GetObject"), "Principal": {"AWS": "arn:aws:iam::111122223333:root"}}

    assert not allowed("s3:GetObject", f"{BUCKET}/a", allow("logs:*"), resource_policy=[names_account])
    assert allowed("s3:GetObject", f"{BUCKET}/a", allow("s3:*"), resource_policy=[names_account])


def test_a_boundary_limits_what_a_resource_policy_gives_to_a_role():
    names_role = {**allow("s3:GetObject"), "Principal": {"AWS": ROLE}}

    assert not allowed(
        "s3:GetObject", f"{BUCKET}/a", allow("logs:*"), boundary=[allow("logs:*")], resource_policy=[names_role]
    )


def test_a_bucket_policy_that_denies_everybody_without_tls_denies_the_role_too():
    without_tls = {**deny("s3:*"), "Principal": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    decision = decided(
        "s3:GetObject",
        f"{BUCKET}/a",
        allow("s3:*"),
        resource_policy=[without_tls],
        context={"aws:securetransport": ("false",)},
    )

    assert decision.because == "with an explicit deny in a resource-based policy"


def test_a_key_policy_must_allow_too_be_it_by_leaving_it_to_the_account():
    to_account = {**allow("kms:*"), "Principal": {"AWS": "arn:aws:iam::111122223333:root"}}
    to_another = {**allow("kms:*"), "Principal": {"AWS": "arn:aws:iam::111122223333:role/Other"}}
    key = "arn:aws:kms:us-east-1:111122223333:key/1"

    assert allowed(
        "kms:Decrypt", key, allow("kms:Decrypt"), resource_policy=[to_account], resource_policy_required=True
    )
    assert not allowed("kms:Decrypt", key, allow("logs:*"), resource_policy=[to_account], resource_policy_required=True)
    refused = decided(
        "kms:Decrypt", key, allow("kms:Decrypt"), resource_policy=[to_another], resource_policy_required=True
    )
    assert refused.because == "because no resource-based policy allows the kms:Decrypt action"


def test_an_evaluation_takes_a_few_calls_for_each_statement():
    many = [allow(f"service{number}:Do*", f"arn:aws:s3:::bucket-{number}/*") for number in range(100)]
    given = Policies(statements(*many, allow("s3:GetObject", f"{BUCKET}/*")))
    evaluate("s3:GetObject", f"{BUCKET}/a", {}, given)

    assert 100 < calls_of(lambda: evaluate("s3:GetObject", f"{BUCKET}/a", {}, given)) < 10 * 101


def test_an_arn_without_region_is_like_itself_in_a_condition():
    policy = "arn:aws:iam::1:policy/p"
    given = allow(Condition={"ArnEquals": {"iam:PolicyARN": policy}})
    assert allowed("iam:AttachRolePolicy", ROLE, given, context={"iam:policyarn": (policy,)})
    assert not allowed("iam:AttachRolePolicy", ROLE, given, context={"iam:policyarn": (f"{policy}2",)})
