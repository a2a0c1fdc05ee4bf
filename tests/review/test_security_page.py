"""docs/security.md says what a review finds."""

import pytest
from security_tables import TABLES, in_page

from workflow_stacks.review import Review


@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_the_page_is_that_of_a_review(name: str, reviewed: Review) -> None:
    assert in_page(name) == TABLES[name](reviewed), "python tests/review/security_tables.py writes it anew"
