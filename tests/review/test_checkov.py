"""What checkov finds is in docs/security.md with a reason. It has an environment of its own: `make checkov`."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from security_tables import PAGE
from templates import Templates

ROOT = Path(__file__).parents[2]
COMMAND = shutil.which("checkov", path=str(ROOT / ".venv-checkov" / "bin")) or shutil.which("checkov")

pytestmark = pytest.mark.skipif(COMMAND is None, reason="checkov is not installed: make checkov")


@pytest.fixture(scope="module")
def failed(
    reviewed_project: Path, synthesize: Callable[..., Templates], tmp_path_factory: pytest.TempPathFactory
) -> list[Any]:
    folder = tmp_path_factory.mktemp("checkov")
    for name, template in synthesize(reviewed_project).items():
        (folder / f"{name}.json").write_text(json.dumps(template))
    run = subprocess.run(
        [str(COMMAND), "--directory", str(folder), "--framework", "cloudformation", "--output", "json", "--quiet"],
        capture_output=True,
        text=True,
    )
    report = json.loads(run.stdout)
    assert report["summary"]["parsing_errors"] == 0
    found: list[Any] = report["results"]["failed_checks"]
    return found


def rows() -> Iterator[tuple[str, str]]:
    section = PAGE.read_text().partition("## checkov")[2].partition("\n## ")[0]
    yield from re.findall(r"^\| `(CKV\w+)` \| [^|]+ \| ([^|]+) \|", section, re.MULTILINE)


def test_each_finding_has_a_reason(failed: list[Any]) -> None:
    reasons = dict(rows())
    assert [f"{one['check_id']} {one['resource']}" for one in failed if one["check_id"] not in reasons] == []
    assert all(reasons.values())


def test_each_reason_is_of_a_finding(failed: list[Any]) -> None:
    assert {check for check, _ in rows()} == {one["check_id"] for one in failed}
