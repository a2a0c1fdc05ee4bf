"""Completion in the shell, as typer's scripts ask for it: by environment variables."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROJECT = """
name: Lab
schemaVersion: 1
workflows:
  align: {type: {language: wdl, version: 1.0}, sourceURL: align}
  joint: {type: {language: wdl, version: 1.0}, sourceURL: joint}
contexts:
  dev: {engines: [{type: wdl, engine: miniwdl}]}
  development: {engines: [{type: wdl, engine: toil}]}
  prod: {engines: [{type: wdl, engine: miniwdl}]}
"""


def completed(words: str, folder: Path) -> list[str]:
    """What a shell shows when the last of the words is completed; nothing may be told beside it."""
    script = Path(sys.executable).with_name("workflow-context")
    arguments = f"workflow-context {words}"
    environment = {**os.environ, "_WORKFLOW_CONTEXT_COMPLETE": "complete_bash", "COMP_WORDS": arguments}
    done = subprocess.run(
        [script],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**environment, "COMP_CWORD": str(len(arguments.split(" ")) - 1)},
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "agc-project.yaml").write_text(PROJECT)
    return tmp_path


def test_commands_complete(folder: Path) -> None:
    assert completed("ru", folder) == ["run", "runs"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("describe de", ["dev", "development"]),
        ("run ", ["dev", "development", "prod"]),
        ("run prod j", ["joint"]),
        ("local run pro", ["prod"]),
        ("runs prod deve", ["development"]),
        ("status a", ["align"]),
        ("logs ", ["align", "joint"]),
        ("why j", ["joint"]),
    ],
)
def test_names_complete_from_the_project_file(folder: Path, words: str, found: list[str]) -> None:
    assert completed(words, folder) == found


def test_the_project_that_is_named_counts(folder: Path) -> None:
    other = folder / "other.yaml"
    other.write_text(PROJECT.replace("prod", "elsewhere"))
    assert completed(f"describe --project {other} e", folder) == ["elsewhere"]


@pytest.mark.parametrize("text", [None, "name: [", "- a list", "contexts: 1"])
def test_without_a_project_that_can_be_read_nothing_is_said(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "agc-project.yaml").write_text(text)
    assert completed("describe ", tmp_path) == []


def test_it_answers_before_a_person_waits_and_imports_neither_the_cdk_nor_aws(folder: Path) -> None:
    program = (
        "import os, sys; sys.argv = ['workflow-context']\n"
        "from workflow_stacks.cli import main\n"
        "try: main()\n"
        "finally: print({'aws_cdk', 'boto3', 'workflow_stacks.project'} & set(sys.modules), file=sys.stderr)"
    )
    words = {"_WORKFLOW_CONTEXT_COMPLETE": "complete_bash", "COMP_WORDS": "workflow-context logs ", "COMP_CWORD": "2"}
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=folder, env=os.environ | words
    )
    assert (done.stdout.split(), done.stderr.strip()) == (["align", "joint"], "set()")
    assert time.monotonic() - started < 5, "it takes 0.3 s on an idle machine"
