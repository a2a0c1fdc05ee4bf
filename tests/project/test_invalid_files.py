"""Wrong project files: every one is answered with findings, at the right lines, and with little work.

The files of `projects/invalid` say themselves what is expected, beside each wrong line:
`# error: message -> remedy`. Files that cannot carry a comment are made here.
"""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from counting import calls_of
from typer.testing import CliRunner

from workflow_stacks.cli import app
from workflow_stacks.project import ProjectFileError, validate_project

FILES = sorted((Path(__file__).parents[1] / "projects" / "invalid").glob("*.yaml"))
EXPECTATION = re.compile(r"#\s(error|warning): (.*)$")
CALLS = 3_000_000  # of functions, C's among them: 12,000 errors take half of them
HEAD = "name: Wrong\nschemaVersion: 1\n"
FIVE_MB = 5 * 1024 * 1024


def bomb() -> str:
    levels = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    levels += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]" for level in range(1, 12)]
    return HEAD + "\n".join(levels)


def merge_bomb() -> str:
    wide = "a0: &a0 {" + ", ".join(f"k{key}: v" for key in range(1000)) + "}"
    return HEAD + wide + "\n" + "\n".join(f"b{key}: {{<<: *a0}}" for key in range(2000))


GENERATED: dict[str, tuple[Callable[[], str | bytes], int, str]] = {
    "empty": (lambda: "", 0, "the file is empty"),
    "only-comments": (lambda: "# nothing\n---\n", 3, "the file holds nothing, not a mapping of keys"),
    "binary": (lambda: bytes(range(256)) * 64, 1, "this is a binary file, not text"),
    "binary-after-text": (lambda: HEAD.encode() + b"\x7fELF\x00\x00", 3, "this is a binary file, not text"),
    "utf-16": (lambda: HEAD.encode("utf-16"), 0, "the file is UTF-16 text"),
    "latin-1": (lambda: f"{HEAD}data: été".encode("latin-1"), 3, "the file is not UTF-8 text: byte 0xe9"),
    **{
        f"line-end-that-no-editor-shows-{ord(end):04x}": (
            lambda end=end: f"{HEAD}data: '{end}'",
            3,
            f"the character U+{ord(end):04X} cannot stand in YAML",
        )
        for end in "\x85\u2028\u2029"
    },
    "control-character": (lambda: f"{HEAD}data: \x1b[31m", 3, "the character U+001B cannot stand in YAML"),
    "control-character-escaped": (
        lambda: HEAD + 'workflows: {"a\\u001bb": {type: {language: wdl}, sourceURL: x}}',
        3,
        "'a\\x1bb' holds a line break or a control character",
    ),
    "unclosed-quote": (
        lambda: HEAD + 'contexts:\n  "dev:\n',
        4,
        "this is not YAML: found unexpected end of stream (while scanning a quoted scalar)",
    ),
    "yaml-bomb": (bomb, 7, "the file holds more than 50,000 values, aliases written out: it is no project file"),
    "merge-bomb": (
        merge_bomb,
        27,
        "the file holds more than 50,000 values, aliases written out: it is no project file",
    ),
    "nested-deeply": (lambda: HEAD + "data: " + "[" * 100_000, 3, "values nest deeper than 50 levels"),
    "nested-deeply-in-keys": (lambda: "? " * 100_000, 1, "values nest deeper than 50 levels"),
    "five-mb-of-text": (lambda: "Lorem ipsum dolor sit amet\n" * (FIVE_MB // 27), 1, "the file holds plain text"),
    "five-mb-of-one-word": (lambda: "x" * FIVE_MB, 1, "the file holds plain text"),
    "five-mb-of-short-keys": (
        lambda: "".join(f"k{number}: 1\n" for number in range(FIVE_MB // 11)),
        25_000,
        "the file holds more than 50,000 values",
    ),
    "five-mb-of-one-key": (lambda: "k" * FIVE_MB + ": 1", 1, "this is not YAML"),
    "five-mb-name": (lambda: f"name: {'N' * FIVE_MB}\nschemaVersion: 1", 1, "'NNN"),
    "nine-mb": (lambda: "#" * (9 * 1024 * 1024), 0, "the file is larger than 8 MiB: it cannot be a project file"),
    "many-errors": (
        lambda: HEAD + "data:\n" + "".join(f"  - locatio{number}: x\n" for number in range(12_000)),
        4,
        "the key 'location' is missing",
    ),
    "many-digits": (lambda: f"name: Wrong\nschemaVersion: {'1' * 10_000}", 2, "'1111"),
}


def findings_of(file: Path) -> ProjectFileError:
    """What is wrong with a file, found with so few calls that no file keeps anybody waiting."""
    found: list[ProjectFileError] = []

    def validate() -> None:
        with pytest.raises(ProjectFileError) as caught:
            validate_project(file)
        found.append(caught.value)

    assert 0 < calls_of(validate) < CALLS
    return found[0]


def test_there_are_at_least_40_wrong_files() -> None:
    assert len(FILES) >= 40


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_wrong_file_is_answered_line_by_line(file: Path) -> None:
    expected = [
        (line, match[1], match[2])
        for line, text in enumerate(file.read_text().split("\n"), start=1)
        if (match := EXPECTATION.search(text))
    ]

    found = [
        (finding.line, finding.level, " -> ".join(part for part in (finding.message, finding.remedy) if part))
        for finding in findings_of(file).findings
    ]

    assert found == expected


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_wrong_file_says_what_is_allowed_or_what_to_do(file: Path) -> None:
    assert all(finding.allowed or finding.remedy for finding in findings_of(file).findings)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_command_line_answers_a_wrong_file_with_exit_code_1_and_no_traceback(file: Path) -> None:
    result = CliRunner().invoke(app, ["validate", "--project", str(file)])

    assert result.exit_code == 1
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert f"{file}:" in result.stderr


@pytest.mark.parametrize("name", GENERATED)
def test_a_made_file_is_answered_at_its_first_wrong_line(name: str, tmp_path: Path) -> None:
    make, line, message = GENERATED[name]
    content = make()
    file = tmp_path / f"{name}.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())

    error = findings_of(file)

    assert (error.findings[0].line, error.findings[0].message[: len(message)]) == (line, message)
    assert len(str(error)) < 60_000
