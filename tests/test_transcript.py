"""The transcript in the documentation is what the commands print today."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from local_runs import needs_sandbox
from transcript import PAGE, answers, rendered, typed

from workflow_stacks.local import LocalCloud

# What differs from run to run: ids, times, ports, and with them the widths of columns and where lines are broken.
DIFFERS = (
    (r"\d{8}-\d{6}-[0-9a-f]{4}", "RUN"),
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "JOB"),
    (r"bucket[0-9a-f]+-[0-9a-f]+", "BUCKET"),
    (r"localhost:\d+", "localhost:PORT"),
    (r"(\d+(\.\d+)? (s|min|h) ?)+", "TIME "),
    (r"[\s─]+", " "),
)


def same(text: str) -> str:
    for pattern, word in DIFFERS:
        text = re.sub(pattern, word, text)
    return text


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Path]:
    needs_sandbox()
    folder = tmp_path / "lab"
    folder.mkdir()
    yield folder
    LocalCloud.of_project(folder / "agc-project.yaml").stop()


@pytest.mark.cycle
@pytest.mark.timeout(900)
def test_each_command_shows_what_stands_below_it(lab: Path) -> None:
    page = answers(PAGE.read_text())
    assert all(answer for _, answer in page), "make transcript"
    for command, answer in page:
        assert same(typed(command, lab)) == same(answer), f"{command}: make transcript"


def test_what_is_wiped_from_the_terminal_is_not_in_it() -> None:
    live = "head job  RUNNING\r\ntasks     none\r\x1b[2K\x1b[1A\x1b[2K\x1b[32mdone\x1b[0m\r\n"
    assert rendered(live) == "done\n"
