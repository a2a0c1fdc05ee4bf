"""docs/failure-stories.md: each story is there. The tests that any page names exist."""

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


NAMED = sorted(
    {
        (page.relative_to(ROOT).as_posix(), test)
        for page in (ROOT / "docs").rglob("*.md")
        for test in re.findall(r"`(tests/[\w/]+\.py(?:::\w+)+)`", page.read_text())
    }
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_story_says_what_happened_what_prevents_it_and_which_test_holds_it(row: list[str]) -> None:
    _, happened, prevents, test = row
    assert happened
    assert prevents
    assert ("docs/failure-stories.md", test.strip("`")) in NAMED


@pytest.mark.parametrize(("page", "test"), NAMED)
def test_a_test_that_a_page_names_exists(page: str, test: str) -> None:
    file, *names = test.split("::")
    body = ast.parse((ROOT / file).read_text()).body
    for name in names:
        found = [one for one in body if isinstance(one, ast.ClassDef | ast.FunctionDef) and one.name == name]
        assert found, f"{page}: {test} does not exist"
        body = found[0].body
    assert names[-1].startswith("test_")
