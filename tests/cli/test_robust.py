"""What the surroundings do to a command: never a traceback, and exit code 2 for wrong usage only."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from workflow_stacks.cli import app
from workflow_stacks.project.yaml import load

PROJECTS = Path(__file__).parents[1] / "projects"
MINIMAL = str(PROJECTS / "minimal.yaml")
MAIN = "from workflow_stacks.cli import main; main()"


def command(*arguments: str, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", MAIN, *arguments], stderr=subprocess.PIPE, text=True, **{"timeout": 120, **options}
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", [["schema"], ["describe", "dev", "--project", MINIMAL], ["engines"]])
def test_a_full_disk_is_told_in_words(arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = command(*arguments, stdout=full)
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize("columns", ["0", "1", "9999"])
def test_any_width_of_the_terminal_will_do(columns: str) -> None:
    done = command(
        "describe", "dev", "--project", MINIMAL, env={**os.environ, "COLUMNS": columns}, stdout=subprocess.PIPE
    )
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    assert "miniwdl" in done.stdout


def test_a_working_directory_that_is_gone_is_told_in_words(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    code = f"import os; os.chdir({str(gone)!r}); os.rmdir({str(gone)!r}); {MAIN}"
    done = subprocess.run([sys.executable, "-c", code, "local", "status"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_that_nobody_writes_to_does_not_hang(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    monkeypatch.setattr(load, "PIPE_SECONDS", 0.1)
    result = CliRunner().invoke(app, ["validate", "--project", str(pipe)])
    assert result.exit_code == 1
    assert "it is a pipe, and nothing came" in result.stderr


def test_a_pipe_that_somebody_writes_to_is_read() -> None:
    done = subprocess.run(
        ["bash", "-c", f'"$0" -c "{MAIN}" validate --project <(cat {MINIMAL})', sys.executable],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("arguments", [["cost", "dev"], ["diagram", "dev"]])
def test_a_missing_file_is_told_before_the_cdk_is_imported(arguments: list[str]) -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from workflow_stacks.cli import app; "
        f"r = CliRunner().invoke(app, {[*arguments, '--project', 'nope.yaml']!r}); "
        "print(r.exit_code, 'aws_cdk' in sys.modules, r.stderr)"
    )
    said = subprocess.check_output([sys.executable, "-c", code], text=True, timeout=120)
    assert said.startswith("1 False nope.yaml: error: there is no such file")


def test_a_folder_as_project_file_is_the_fault_of_the_project_not_of_the_usage(tmp_path: Path) -> None:
    assert CliRunner().invoke(app, ["validate", "--project", str(tmp_path)]).exit_code == 1


def test_a_project_file_in_a_folder_above_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "agc-project.yaml").write_text((PROJECTS / "minimal.yaml").read_text())
    below = tmp_path / "workflows" / "deep"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    result = CliRunner().invoke(app, ["validate"])
    assert result.exit_code == 0
    assert str(tmp_path / "agc-project.yaml") in result.stdout


KEYS_OF_DATA = {"outputs", "tags", "idle", "notDrawn", "$defs"}
"""Keys whose values have keys of the user's own: names of stacks, tags, resource types."""


def keys(value: object) -> set[str]:
    if isinstance(value, list):
        return {key for item in value for key in keys(item)}
    if not isinstance(value, dict):
        return set()
    inner = {key for name, item in value.items() if name not in KEYS_OF_DATA for key in keys(item)}
    return inner | set(value)


@pytest.mark.parametrize(
    "arguments",
    [
        ["validate", "--project", str(PROJECTS / "full.yaml")],
        ["list", "--project", str(PROJECTS / "full.yaml")],
        ["describe", "everything", "--project", str(PROJECTS / "full.yaml")],
        ["engines"],
        ["recommend", "--workload", "gatk-germline-wgs"],
        ["throughput", "--stored-gib", "100", "--hours", "5", "--read-mibps", "50"],
        ["cost", "dev", "--project", MINIMAL, "--workload", "gatk-germline-wgs"],
        ["diagram", "dev", "--project", MINIMAL],
    ],
    ids=lambda arguments: arguments[0],
)
def test_json_has_keys_in_camel_case(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, [*arguments, "--json"])
    assert result.exit_code == 0, result.stderr
    wrong = {key for key in keys(json.loads(result.stdout)) if not re.fullmatch("[a-z][A-Za-z0-9]*", key)}
    assert not wrong


def test_a_reader_that_has_enough_ends_the_command_without_a_word() -> None:
    code = "from workflow_stacks.console import main; import sys; sys.argv[1:] = ['schema']; main()"
    run = subprocess.run(["bash", "-c", f'"{sys.executable}" -c "{code}" | head -n 1'], capture_output=True, text=True)
    assert (run.stdout, run.stderr) == ("{\n", "")
