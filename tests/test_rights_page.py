"""docs/rights.md: what roles used in runs, and why what they did not use stays; and how runs are held against it."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import pytest
import rights
from matrix.run_pairs import PAIRS

TABLE = rights.read_table()
UNUSED = {action for roles in TABLE.values() for one in roles.values() for action in one.unused}


def test_every_pair_is_in_the_table() -> None:
    assert set(TABLE) == {f"{pair.engine} {pair.storage}" for pair in PAIRS}


def test_every_pair_has_a_head_job_and_jobs_are_started_for_it() -> None:
    for pair, roles in TABLE.items():
        assert {"Head", "Execution"} <= roles.keys(), pair
        assert "batch:SubmitJob" in roles["Head"].used, pair


@pytest.mark.parametrize("action", sorted(UNUSED))
def test_a_right_that_no_run_used_has_a_reason_to_stay(action: str) -> None:
    assert rights.reason_for(action)


def test_every_reason_is_about_a_right() -> None:
    used = {next(one for one in rights.REASONS if rights.glob(one).match(action)) for action in UNUSED}
    assert used == set(rights.REASONS)


def test_the_page_shows_the_table() -> None:
    text = rights.PAGE.read_text()
    assert rights.page(text) == text, "python tests/rights.py writes it anew"


def test_what_stands_for_an_action_that_was_used_is_used() -> None:
    found = rights.Rights(frozenset({"s3:Get*", "s3:PutObject", "ecs:*"}), frozenset({"s3:GetObject"}))

    assert found.unused == {"s3:PutObject", "ecs:*"}


KEPT = {"toil S3": {"Head": rights.Rights(frozenset({"s3:Get*", "batch:*"}), frozenset({"batch:SubmitJob"}))}}


@pytest.mark.parametrize(
    ("role", "action", "beyond"),
    [
        ("Head", "batch:SubmitJob", False),  # used before
        ("Head", "s3:GetObject", False),  # granted, never used
        ("Head", "s3:PutObject", True),
        ("Task", "s3:GetObject", True),
    ],
)
def test_what_a_run_uses_is_held_against_what_its_role_is_granted_and_used_before(
    role: str, action: str, beyond: bool
) -> None:
    uses = {("toil S3", role): frozenset({action})}

    assert rights.beyond(KEPT, uses) == ({("toil S3", role): [action]} if beyond else {})


ROLE = "oneEngineHeadRole0123ABCD"
SUBMIT = {"action": "batch:SubmitJob", "resource": "*", "allowed": 1, "denied": 0}


class Deployed:
    """Stands for a local cloud with the stack of a context: the template, and the calls of its head job."""

    def __init__(self, calls: Sequence[Mapping[str, Any]], granted: Sequence[str]) -> None:
        self._calls = calls
        statement = {"Effect": "Allow", "Action": granted, "Resource": "*"}
        self._role = {
            "Type": "AWS::IAM::Role",
            "Properties": {"Policies": [{"PolicyDocument": {"Statement": [statement]}}]},
        }

    def status(self) -> object:
        return self

    def iam_report(self) -> list[dict[str, Any]]:
        return [{"role": "arn:aws:iam::1:role/Lab-one-head", "calls": self._calls}]

    def client(self, _name: str) -> Self:
        return self

    def describe_stacks(self) -> dict[str, Any]:
        return {"Stacks": [{"StackName": "Lab-one"}]}

    def describe_stack_resources(self, StackName: str) -> dict[str, Any]:  # noqa: N803  (boto3's name)
        del StackName
        role = {"ResourceType": "AWS::IAM::Role", "LogicalResourceId": ROLE, "PhysicalResourceId": "Lab-one-head"}
        return {"StackResources": [role]}

    def get_template(self, StackName: str) -> dict[str, Any]:  # noqa: N803  (boto3's name)
        del StackName
        return {"TemplateBody": {"Resources": {ROLE: self._role}}}


@pytest.mark.parametrize(
    ("calls", "granted", "told"),
    [
        ([SUBMIT], ["s3:Get*", "batch:*"], ""),
        ([SUBMIT], ["s3:Get*", "batch:*", "s3:PutObject"], "s3:PutObject"),
        ([SUBMIT], ["s3:Get*"], "batch:*"),
        ([{**SUBMIT, "allowed": 0, "denied": 1}], ["s3:Get*", "batch:*"], "batch:SubmitJob"),
        ([{**SUBMIT, "action": "s3:PutObject"}], ["s3:Get*", "batch:*"], "s3:PutObject"),
        ([], ["s3:Get*", "batch:*"], "no role of the project"),
    ],
    ids=["as it was", "a right more", "a right less", "denied", "used by another policy", "no run"],
)
def test_runs_fail_the_tests_when_their_roles_have_or_do_something_else_than_the_table_says(
    calls: Sequence[Mapping[str, Any]],
    granted: Sequence[str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rights, "read_table", lambda: KEPT)
    monkeypatch.delenv(rights.RECORD, raising=False)
    file = tmp_path / "agc-project.yaml"
    file.write_text("{name: Lab, schemaVersion: 1, contexts: {one: {engines: [{type: wdl, engine: toil}]}}}")

    if not told:
        rights.assert_rights(Deployed(calls, granted), file)  # type: ignore[arg-type]
        return
    with pytest.raises(AssertionError, match=re.escape(told)):
        rights.assert_rights(Deployed(calls, granted), file)  # type: ignore[arg-type]
