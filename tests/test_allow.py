"""Statements that are added together are in the policy of the role, in their order, as if added one by one."""

from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from templates import only

from workflow_context.allow import allow

ECS = iam.ServicePrincipal("ecs-tasks.amazonaws.com")


def statements(*names: str) -> list[iam.PolicyStatement]:
    return [iam.PolicyStatement(sid=name, actions=["s3:GetObject"], resources=[f"arn:{name}"]) for name in names]


def sids(stack: cdk.Stack) -> list[str]:
    template: dict[str, Any] = cdk.assertions.Template.from_stack(stack).to_json()
    return [one["Sid"] for one in only(template, "AWS::IAM::Policy")["PolicyDocument"]["Statement"]]


@pytest.fixture
def stack() -> cdk.Stack:
    return cdk.Stack(cdk.App(), "Stack")


@pytest.mark.parametrize("first", ["A", "ABCDEFG"])
def test_few_or_many_statements_are_in_one_policy_in_their_order(stack: cdk.Stack, first: str) -> None:
    role = iam.Role(stack, "Role", assumed_by=ECS)
    allow(role, *statements(*first))
    role.add_to_policy(*statements("X"))
    allow(role, *statements("Y", "Z"))
    assert sids(stack) == [*first, "X", "Y", "Z"]


def test_roles_may_share_statements(stack: cdk.Stack) -> None:
    shared = statements(*"ABCDE")
    for id in ("One", "Two"):
        allow(iam.Role(stack, id, assumed_by=ECS), *shared)
    template = cdk.assertions.Template.from_stack(stack).to_json()
    policies = [
        one["Properties"]["PolicyDocument"] for one in template["Resources"].values() if "Policy" in one["Type"]
    ]
    assert [[one["Sid"] for one in policy["Statement"]] for policy in policies] == [list("ABCDE")] * 2


def test_a_role_of_another_stack_gets_them_too(stack: cdk.Stack) -> None:
    allow(iam.Role.from_role_arn(stack, "Role", "arn:aws:iam::123456789012:role/lab"), *statements(*"ABCDE"))
    assert sids(stack) == list("ABCDE")


def test_a_role_that_others_make_has_no_policy_here(stack: cdk.Stack) -> None:
    iam.Role.customize_roles(stack)
    role = iam.Role(stack, "Role", assumed_by=ECS)
    allow(role, *statements(*"ABCDE"))
    assert stack.node.try_find_child("Role") is not None
    assert role.node.try_find_child("DefaultPolicy") is None
