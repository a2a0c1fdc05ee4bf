"""docs/rights.md: what roles used in runs, and why what they did not use stays."""

import pytest
import rights
from matrix.run_pairs import NOT_HERE, PAIRS

TABLE = rights.read_table()
UNUSED = {action for roles in TABLE.values() for one in roles.values() for action in one.unused}


def test_every_pair_is_in_the_table_that_can_be_run() -> None:
    assert set(TABLE) == {f"{pair.engine} {pair.storage}" for pair in PAIRS if pair.name not in NOT_HERE}


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
