"""The suite of the example project, as its team runs it: green, green again, and red when data would be given up."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[1] / "examples" / "team_project"
KEY = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
WRITTEN = "throughputMode: elastic\n"

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("team") / "project"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("__pycache__", "__snapshots__", "deployed.json"))
    return folder


@pytest.fixture(scope="module")
def run(project: Path) -> Run:
    """Runs Python in the project, with none of the settings of this suite."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments], cwd=project, env=environment, capture_output=True, text=True
        )

    return run


@pytest.mark.timeout(900)  # it synthesizes the project four times
def test_the_suite_of_a_team_is_green_until_a_change_gives_up_data(project: Path, run: Run) -> None:
    pytest_ = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-rsf")

    first = run(*pytest_, "--snapshot-update")
    assert first.returncode == 0, first.stdout
    assert "3 snapshots generated" in first.stdout
    assert "4 passed, 1 skipped" in first.stdout
    assert "tests/deployed.json is not there" in first.stdout
    assert len(list(project.glob("tests/__snapshots__/test_templates/*TeamLab-*.json"))) == 3

    assert run("tests/test_templates.py").returncode == 0
    again = run(*pytest_)
    assert again.returncode == 0, again.stdout
    assert "5 passed" in again.stdout

    file = project / "agc-project.yaml"
    text = file.read_text()
    assert text.count(WRITTEN) == 1
    file.write_text(text.replace(WRITTEN, f"{WRITTEN}            kmsKeyArn: {KEY}\n"))
    changed = run(*pytest_)
    assert changed.returncode == 1
    failed = [line for line in changed.stdout.splitlines() if line.startswith("FAILED")]
    assert len(failed) == 2, changed.stdout
    assert any("[TeamLab-production]" in line for line in failed)
    assert any("test_a_deployment_keeps_the_data" in line for line in failed)
    assert "(AWS::EFS::FileSystem) is replaced, because of KmsKeyId: the data stays" in changed.stdout
