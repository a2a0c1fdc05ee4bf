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


def table(files: Iterable[Path]) -> str:
    """The table in Markdown: a row for each file, and below it every failure that is ours or the engine's."""
    rows, failures = [], []
    for file in files:
        head, cases = read_results(file)
        counts = Counter(case["class"] for case in cases)
        run = counts[PASSED] + counts[OURS] + counts[ENGINE]
        rows.append(
            [
                *(head[name] for name in ("suite", "commit", "engine", "fileSystem", "cases")),
                run,
                *(counts[class_] for class_ in (PASSED, OURS, ENGINE, ENVIRONMENT)),
                head["date"],
            ]
        )
        failures += [_failure(head, case) for case in cases if case["class"] in (OURS, ENGINE)]
    lines = [_row(COLUMNS), _row(["---"] * len(COLUMNS)), *map(_row, rows)]
    if failures:
        lines += ["", "| suite | on | case | whose | what it said |", "|---|---|---|---|---|", *failures]
    return "\n".join(lines) + "\n"


def write_into(page: Path, text: str) -> None:
    """Put the table between its marks in a page."""
    before, _, rest = page.read_text().partition(START)
    page.write_text(f"{before}{START}\n{text}\n{END}{rest.partition(END)[2]}")


def _row(cells: Iterable[Any]) -> str:
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def _failure(head: dict[str, Any], case: dict[str, Any]) -> str:
    lines = [line.strip() for line in case["message"].splitlines() if line.strip()]
    told = next((line for rule in TELLING for line in reversed(lines) if re.search(rule, line)), "")
    # Paths are those of one machine.
    said = re.sub(r"/[\w./-]*/", "", told)[:160].replace("|", "\\|").replace("`", "'")
    return _row([head["suite"], head["fileSystem"], case["case"], case["class"], f"`{said}`"])
