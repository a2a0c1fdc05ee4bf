"""docs/aws.md: what AWS refuses. Each row is held by tests that are there."""

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent
_ROW = re.compile(r"\| (?P<number>\d+) \| (?P<aws>.+) \| (?P<caught>.+) \| (?P<done>.+) \| (?P<tests>.+) \|")
ROWS = [found for line in (REPOSITORY / "docs/aws.md").read_text().splitlines() if (found := _ROW.fullmatch(line))]
WITHOUT_TEST = {20: "quotas of an account", 25: "how much memory a pipeline needs"}
"""Rows about what only an account or a workflow can show."""


def named(row: re.Match[str]) -> list[Path]:
    """The files and folders that a row names as its tests."""
    return [REPOSITORY / path for path in re.findall(r"`(tests/[^`]+)`", row["tests"])]


def text_of(path: Path) -> str:
    """The text of a file, or of all files of a folder."""
    return "\n".join(file.read_text() for file in (path.rglob("*.py") if path.is_dir() else [path]))


def test_no_finding_is_left_out() -> None:
    assert [int(row["number"]) for row in ROWS] == list(range(1, 26))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"aws-{row['number']}")
def test_a_row_names_tests_that_are_there(row: re.Match[str]) -> None:
    assert bool(named(row)) != (int(row["number"]) in WITHOUT_TEST)
    assert [path for path in named(row) if not path.exists()] == []
    names = re.findall(r"`(?!tests/)([^`]+)`", row["tests"])
    assert [name for name in names if name not in "".join(map(text_of, named(row)))] == []


@pytest.mark.parametrize(
    "row", [row for row in ROWS if "local cloud" in row["caught"]], ids=lambda row: f"aws-{row['number']}"
)
def test_what_the_local_cloud_refuses_is_refused_by_a_test_of_that_name(row: re.Match[str]) -> None:
    text = "\n".join(map(text_of, named(row)))
    assert f"def test_aws_{row['number']}_" in text
