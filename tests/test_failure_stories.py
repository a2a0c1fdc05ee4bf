"""docs/failure-stories.md: each story is there, and its test exists."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in (ROOT / "docs" / "failure-stories.md").read_text().splitlines()
    if re.match(r"\| [FDR]-\d\d ", line)
]
STORIES = [f"{kind}-{number:02}" for kind, last in (("F", 15), ("D", 8), ("R", 23)) for number in range(1, last + 1)]


def test_all_46_stories_are_told() -> None:
    assert [row[0] for row in ROWS] == STORIES
    assert len(STORIES) == 46


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_story_has_a_test_that_exists(row: list[str]) -> None:
    _, happened, prevents, test = row
    assert happened
    assert prevents
    file, *names = test.strip("`").split("::")
    body = ast.parse((ROOT / file).read_text()).body
    for name in names:
        found = [one for one in body if isinstance(one, ast.ClassDef | ast.FunctionDef) and one.name == name]
        assert found, f"{test} does not exist"
        body = found[0].body
    assert names[-1].startswith("test_")
