"""The table in the documentation: a row for each suite, and its failures."""

import json
from pathlib import Path

from conformance.cases import OURS
from conformance.table import END, START, write_into


def results(folder: Path, suite: str, *, file_system: str = "EFS", failed: str) -> Path:
    file = folder / f"{suite}-{file_system}.jsonl"
    head = {"suite": suite, "commit": "abc", "engine": "none", "fileSystem": file_system, "cases": 9}
    case = {"case": failed, "class": OURS, "message": "expected a | b"}
    file.write_text(f"{json.dumps({**head, 'date': '2026-01-02'})}\n{json.dumps(case)}\n")
    return file


def test_a_page_keeps_what_it_says_of_suites_that_were_not_run_again(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"Before\n{START}old\n{END}After\n")
    first = [
        results(tmp_path, "Two", failed="first"),
        results(tmp_path, "One", failed="first"),
        results(tmp_path, "One", file_system="OFS", failed="first"),
    ]
    write_into(page, first)

    write_into(page, [results(tmp_path, "One", failed="second")])

    text = page.read_text()
    assert text.startswith(f"Before\n{START}")
    assert text.endswith(f"{END}After\n")
    assert "old" not in text
    told = [tuple(line.split(" | ")[:3]) for line in text.splitlines() if line.startswith(("| One", "| Two"))]
    assert told == [
        *(("| One", "abc", "none"), ("| One", "abc", "none"), ("| Two", "abc", "none")),
        *(("| One", "EFS", "second"), ("| One", "OFS", "first"), ("| Two", "EFS", "first")),
    ]
    write_into(page, [])
    assert page.read_text() == text
