"""`local run --iam`: what the roles of a run did with their rights."""

import pytest

from workflow_stacks.cli.local_iam import iam_of_run, print_iam


def call(action: str, allowed: int, denied: int = 0) -> dict:
    return {"action": action, "resource": "*", "allowed": allowed, "denied": denied}


def role(name: str, *calls: dict, unused: tuple[str, ...] = ()) -> dict:
    return {"role": f"arn:aws:iam::1:role/{name}", "calls": list(calls), "neverUsed": list(unused)}


def test_only_the_calls_of_this_run_are_told() -> None:
    before = [role("Head", call("batch:SubmitJob", 2)), role("Task", call("s3:GetObject", 1))]
    after = [
        role("Head", call("batch:SubmitJob", 5, 1), call("batch:ListJobs", 1)),
        role("Task", call("s3:GetObject", 1)),
    ]

    assert iam_of_run(before, after) == [role("Head", call("batch:SubmitJob", 3, 1), call("batch:ListJobs", 1))]


def test_what_was_denied_comes_first_and_what_was_never_used_comes_last(capsys: pytest.CaptureFixture[str]) -> None:
    print_iam([role("Head", call("batch:ListJobs", 1), call("s3:GetObject", 0, 4), unused=("s3:DeleteObject",))])

    said = capsys.readouterr().out
    places = [said.index(one) for one in ("Role Head", "s3:GetObject", "batch:ListJobs", "s3:DeleteObject")]
    assert places == sorted(places)
