"""The table of docs/conformance.md, from files of results."""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .cases import ENGINE, ENVIRONMENT, OURS, PASSED
from .runner import read_results

START, END = "<!-- table: python tests/conformance table -->\n", "<!-- end of the table -->\n"
COLUMNS = (
    "suite",
    "commit",
    "engine",
    "on",
    "cases",
    "run",
    "passed",
    "ours",
    "engine's or suite's",
    "environment's",
    "date",
)
TELLING = (r"^expected ", r'^"message": ', r"is no queue|No such|Unknown|not given|do not exist", r"[Ee]rror|ERROR", "")
"""Which lines of a message tell most, the best first."""


def table(files: Iterable[Path], before: str = "") -> str:
    """The table in Markdown: a row for each file, and below it every failure that is ours or the engine's.

    Args:
        files: Files of results.
        before: A table as it was. What it says of a suite on a file system stays where no file is of these.
    """
    rows, failures = _read(before)
    for file in files:
        head, cases = read_results(file)
        counts = Counter(case["class"] for case in cases)
        run = counts[PASSED] + counts[OURS] + counts[ENGINE]
        where = (head["suite"], head["fileSystem"])
        rows[where] = _row(
            [
                *(head[name] for name in ("suite", "commit", "engine", "fileSystem", "cases")),
                run,
                *(counts[class_] for class_ in (PASSED, OURS, ENGINE, ENVIRONMENT)),
                head["date"],
            ]
        )
        failures[where] = [_failure(head, case) for case in cases if case["class"] in (OURS, ENGINE)]
    lines = [_row(COLUMNS), _row(["---"] * len(COLUMNS)), *(rows[where] for where in sorted(rows))]
    failed = [line for where in sorted(failures) for line in failures[where]]
    if failed:
        lines += ["", "| suite | on | case | whose | what it said |", "|---|---|---|---|---|", *failed]
    return "\n".join(lines) + "\n"


def write_into(page: Path, files: Iterable[Path]) -> None:
    """Put the table between its marks in a page; what stands there of other suites stays."""
    start, _, rest = page.read_text().partition(START)
    before, _, end = rest.partition(END)
    page.write_text(f"{start}{START}\n{table(files, before)}\n{END}{end}")


def _read(text: str) -> tuple[dict[tuple[str, str], str], dict[tuple[str, str], list[str]]]:
    """The row of each suite on each file system, and its failures, as a table has them."""
    rows: dict[tuple[str, str], str] = {}
    failures: dict[tuple[str, str], list[str]] = {}
    for line in text.splitlines():
        cells = line.strip("| ").split(" | ")
        if len(cells) == len(COLUMNS) and cells[-1][:1].isdigit():
            rows[cells[0], cells[3]] = line
        elif len(cells) > 3 and cells[3] in (OURS, ENGINE):
            failures.setdefault((cells[0], cells[1]), []).append(line)
    return rows, failures


def _row(cells: Iterable[Any]) -> str:
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def _failure(head: dict[str, Any], case: dict[str, Any]) -> str:
    lines = [line.strip() for line in case["message"].splitlines() if line.strip()]
    told = next((line for rule in TELLING for line in reversed(lines) if re.search(rule, line)), "")
    # Paths are those of one machine.
    said = re.sub(r"/[\w./-]*/", "", told)[:160].replace("|", "\\|").replace("`", "'")
    return _row([head["suite"], head["fileSystem"], case["case"], case["class"], f"`{said}`"])
