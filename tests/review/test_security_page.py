"""docs/security.md says what a review finds."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from security_tables import PAGE, TABLES, in_page

from workflow_stacks.review import Review
from workflow_stacks.synthesis import synthesized


@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_the_page_is_that_of_a_review(name: str, reviewed: Review) -> None:
    assert in_page(name) == TABLES[name](reviewed), "python tests/review/security_tables.py writes it anew"


def test_what_checkov_finds_is_in_the_page_with_a_reason(reviewed_project: Path, tmp_path: Path) -> None:
    command = shutil.which("checkov")
    if command is None:
        pytest.skip("checkov is not installed: uv tool install checkov==3.3.30")
    for name, template in synthesized(reviewed_project, "ofs").items():
        (tmp_path / f"{name}.json").write_text(json.dumps(template))
    run = subprocess.run(
        [command, "--directory", str(tmp_path), "--framework", "cloudformation", "--output", "json", "--quiet"],
        capture_output=True,
        text=True,
    )
    failed = {one["check_id"] for one in json.loads(run.stdout)["results"]["failed_checks"]}
    assert failed
    assert failed <= set(re.findall(r"^\| `(CKV\w+)`", PAGE.read_text(), re.MULTILINE))
