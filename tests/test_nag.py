"""Acknowledged findings: each stands on its construct with its reason, and a wildcard without a reason stays open."""

from collections.abc import Callable
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam, aws_s3 as s3
from test_security_review import findings

from workflow_context.nag import (
    COMPLIANCE_PACKS,
    acknowledge,
    acknowledge_policies,
    in_compliance_packs,
    recorded_acknowledgements,
)


@pytest.fixture
def bucket() -> s3.Bucket:
    return s3.Bucket(cdk.Stack(cdk.App(), "Stack"), "Bucket")


def test_a_rule_has_an_id_in_every_compliance_pack() -> None:
    found = in_compliance_packs("S3BucketLoggingEnabled", "IAMNoInlinePolicy")
    assert len(found) == len(set(found)) == 2 * len(COMPLIANCE_PACKS)
    assert "HIPAA.Security-S3BucketLoggingEnabled" in found


def test_acknowledgements_can_be_recorded_instead_of_made(bucket: s3.Bucket) -> None:
    with recorded_acknowledgements() as record:
        acknowledge(bucket, "It is a test.", "AwsSolutions-S1", "AwsSolutions-S2")
    acknowledge(bucket, "After the record.", "AwsSolutions-S10")

    assert [(one.path, one.rule, one.reason) for one in record] == [
        ("Stack/Bucket", "AwsSolutions-S1", "It is a test."),
        ("Stack/Bucket", "AwsSolutions-S2", "It is a test."),
    ]


def test_a_record_within_a_record_leaves_the_outer_one_as_it_was(bucket: s3.Bucket) -> None:
    with recorded_acknowledgements() as outer:
        with recorded_acknowledgements() as inner:
            acknowledge(bucket, "Inner.", "A")
        acknowledge(bucket, "Outer.", "B")

    assert [[one.rule for one in record] for record in (inner, outer)] == [["A"], ["B"]]


def role_with(*statements: tuple[list[str], list[str]]) -> Callable[[cdk.Stack], iam.Role]:
    def make(stack: cdk.Stack) -> iam.Role:
        role = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"))
        for actions, where in statements:
            role.add_to_policy(iam.PolicyStatement(actions=actions, resources=where))
        return role

    return make


@pytest.fixture
def open_wildcards(tmp_path: Path) -> Callable[..., list[str]]:
    """The wildcards that remain findings, once those with the reasons given are acknowledged."""

    def run(make: Callable[[cdk.Stack], iam.Role], reasons: dict[str, str], **options: dict[str, str]) -> list[str]:
        app = cdk.App(outdir=str(tmp_path))
        acknowledge_policies(make(cdk.Stack(app, "Stack")), reasons, **options)
        return [one for one in findings(app, tmp_path) if "IAM5" in one or "InlinePolicy" in one]

    return run


LAB, OTHER = "arn:aws:s3:::lab/*", "arn:aws:batch:us-east-1:123456789012:job/*"


class TestWildcards:
    def test_without_a_reason_each_stays_a_finding(self, open_wildcards: Callable[..., list[str]]) -> None:
        [found] = open_wildcards(role_with((["s3:GetObject"], [LAB])), {})
        assert f"Resource::{LAB}" in found

    def test_a_reason_for_the_action_closes_it(self, open_wildcards: Callable[..., list[str]]) -> None:
        assert open_wildcards(role_with((["s3:GetObject"], [LAB])), {"s3:": "Below the prefix."}) == []

    def test_a_reason_for_one_action_leaves_those_of_others(self, open_wildcards: Callable[..., list[str]]) -> None:
        make = role_with((["s3:GetObject"], [LAB]), (["batch:TerminateJob"], [OTHER]))
        [found] = open_wildcards(make, {"s3:": "Below the prefix."})
        assert f"Resource::{OTHER}" in found

    def test_a_statement_with_an_action_that_has_no_reason_stays(
        self, open_wildcards: Callable[..., list[str]]
    ) -> None:
        make = role_with((["s3:GetObject", "batch:TerminateJob"], [LAB]))
        assert len(open_wildcards(make, {"s3:": "Below the prefix."})) == 1

    def test_a_wildcard_that_stands_in_a_second_statement_without_a_reason_stays(
        self, open_wildcards: Callable[..., list[str]]
    ) -> None:
        make = role_with((["s3:GetObject"], [LAB]), (["batch:TerminateJob"], [LAB]))
        assert len(open_wildcards(make, {"s3:": "Below the prefix."})) == 1

    def test_a_reason_for_the_resource_is_enough(self, open_wildcards: Callable[..., list[str]]) -> None:
        make = role_with((["batch:TerminateJob"], [OTHER]))
        assert open_wildcards(make, {}, resources={":job/": "Jobs have no names before they run."}) == []
