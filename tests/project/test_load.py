"""From text to data with lines."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from workflow_stacks.project import (
    Finding,
    ProjectFileError,
    load_project,
    parse_project,
)
from workflow_stacks.project.yaml.load import Source, parse_source, read_source
from workflow_stacks.project.yaml.nodes import Mark, Plain

FILE = Path("agc-project.yaml")
PROJECT = """\
name: Lines
schemaVersion: 1
contexts:
  dev:
    engines:
      - type: wdl
        engine: miniwdl
"""


def source(text: str) -> Source:
    return parse_source(text.encode(), FILE)


def only_finding(content: bytes | str | Path) -> Finding:
    read = load_project if isinstance(content, Path) else parse_project
    with pytest.raises(ProjectFileError) as caught:
        read(content.encode() if isinstance(content, str) else content)
    [finding] = caught.value.findings
    return finding


def test_every_key_has_its_line_and_column() -> None:
    read = source(PROJECT)

    assert read.locate(("name",)) == Mark(1, 1)
    assert read.locate(("contexts", "dev")) == Mark(4, 3)
    assert read.locate(("contexts", "dev", "engines", 0)) == Mark(6, 9)
    assert read.locate(("contexts", "dev", "engines", 0, "engine")) == Mark(7, 9)


def test_a_key_that_is_not_there_has_the_line_of_its_parent() -> None:
    read = source(PROJECT)

    assert read.locate(("contexts", "dev", "engines", 0, "filesystem", "fsType")) == Mark(6, 9)
    assert read.locate(("data", 3)) == Mark(1, 1)


def test_scalars_keep_what_was_written() -> None:
    data = source("a: 1.10\nb: 0100\nc: yes\nd: 2024-01-01\ne: '1'\nf: 1:30").data

    assert data == {"a": "1.10", "b": "0100", "c": "yes", "d": "2024-01-01", "e": "1", "f": "1:30"}
    assert isinstance(data["a"], Plain)
    assert not isinstance(data["e"], Plain)


@pytest.mark.parametrize("nothing", ["", "~", "null", "NULL"])
def test_nothing_is_none(nothing: str) -> None:
    assert source(f"a: {nothing}").data == {"a": None}


def test_keys_are_text_as_written() -> None:
    assert list(source("on: 1\nno: 2\n1: 3\n1.0: 4\nnull: 5\n010: 6").data) == ["on", "no", "1", "1.0", "null", "010"]


def test_a_byte_order_mark_is_ignored() -> None:
    assert parse_project(b"\xef\xbb\xbf" + PROJECT.encode(), FILE).project.name == "Lines"


def test_windows_line_ends_count_as_lines() -> None:
    assert source(PROJECT.replace("\n", "\r\n")).locate(("contexts", "dev")) == Mark(4, 3)


def test_an_alias_has_the_lines_of_its_anchor() -> None:
    read = source("a: &x\n  k: v\nb: *x\n")

    assert read.data["b"] == {"k": "v"}
    assert read.locate(("b",)) == Mark(3, 1)
    assert read.locate(("b", "k")) == Mark(2, 3)


def test_a_merge_adds_the_keys_that_are_not_written() -> None:
    read = source("base: &base {a: 1, b: 2}\nother: &other {b: 3, c: 4}\nall: {<<: [*base, *other], a: 0}\n")

    assert read.data["all"] == {"a": "0", "b": "2", "c": "4"}


def test_a_quoted_merge_key_is_a_key() -> None:
    assert source("'<<': text").data == {"<<": "text"}


def test_the_first_of_two_equal_keys_is_kept_and_both_lines_are_named() -> None:
    read = source("a: 1\nb: 2\na: 3\n")

    assert read.data["a"] == "1"
    [finding] = read.findings()
    assert (finding.line, finding.path) == (3, "a")
    assert "first in line 1" in finding.message


def test_duplicate_keys_are_reported_together_with_other_errors() -> None:
    with pytest.raises(ProjectFileError) as caught:
        parse_project(b"name: a-b\nname: c\nschemaVersion: 1\n", FILE)

    assert [finding.line for finding in caught.value.findings] == [1, 2]


def test_a_missing_file_is_a_finding(tmp_path: Path) -> None:
    finding = only_finding(tmp_path / "absent.yaml")

    assert finding.message == "there is no such file"
    assert "--project" in finding.remedy
    assert finding.line == 0


def test_a_folder_is_a_finding(tmp_path: Path) -> None:
    assert only_finding(tmp_path).message == "this is a folder, not a file"


def test_a_file_that_may_not_be_read_is_a_finding(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def raise_problems(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", raise_problems)

    assert only_finding(tmp_path / "locked.yaml").message == "the file cannot be read: Permission denied"


def test_a_name_that_no_file_can_have_is_a_finding() -> None:
    assert "cannot be read" in only_finding(Path("a\0b")).message


def test_text_reads_the_same_without_libyaml(monkeypatch: pytest.MonkeyPatch) -> None:
    fast = source(PROJECT)
    monkeypatch.setattr("yaml.__with_libyaml__", False)

    slow = source(PROJECT)

    assert slow.data == fast.data
    assert slow.root == fast.root


def test_a_finding_reads_as_file_line_place_allowed_and_remedy() -> None:
    text = PROJECT.replace("engine: miniwdl", "engin: miniwdl")
    with pytest.raises(ProjectFileError) as caught:
        parse_project(text.encode(), FILE)

    assert str(caught.value) == (
        "agc-project.yaml:6: error: the key 'engine' is missing\n"
        "    at contexts.dev.engines[0].engine\n"
        "    add 'engine: …' (name of the engine)\n"
        "agc-project.yaml:7: error: unknown key 'engin'\n"
        "    at contexts.dev.engines[0].engin\n"
        "    allowed: type, engine, version, image, headMemory, maxWorkflows,\n"
        "      tasksPerJob, filesystem\n"
        "    did you mean 'engine'?\n"
        "2 errors"
    )


def test_more_than_100_findings_are_counted_not_shown() -> None:
    text = "name: Many\nschemaVersion: 1\n" + "".join(f"key{number}: 1\n" for number in range(150))
    with pytest.raises(ProjectFileError) as caught:
        parse_project(text.encode(), FILE)

    assert len(caught.value.findings) == 150
    assert str(caught.value).endswith("150 errors (50 not shown)")


def test_a_path_with_odd_letters_is_quoted() -> None:
    finding = only_finding(PROJECT + "a.b c: 1\n")

    assert finding.path == "['a.b c']"


def refused_or_loaded(content: bytes) -> None:
    try:
        parse_project(content, FILE)
    except ProjectFileError as error:
        str(error).encode()


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.text() | st.text(alphabet="abc:-?&*<>[]{}|'\"#%!,\n\t 01", max_size=200))
def test_no_text_raises_anything_but_a_project_file_error(text: str) -> None:
    refused_or_loaded(text.encode("utf-8", "surrogatepass"))


@settings(deadline=None, max_examples=100)
@given(st.binary())
def test_no_bytes_raise_anything_but_a_project_file_error(content: bytes) -> None:
    refused_or_loaded(content)


KEYS = ["name", "schemaVersion", "workflows", "data", "contexts", "dev", "engines", "type", "engine", "filesystem"]
KEYS += ["fsType", "configuration", "provisionedThroughput", "throughputMode", "tags", "instanceTypes", "posixUser"]
SCALARS = st.sampled_from(["1", "EFS", "miniwdl", "wdl", "elastic", "yes", "~", "''", '"1"', "1.0", "s3://a-b/*", "[]"])
FRAGMENTS = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda parts: f"[{', '.join(parts)}]")
        | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5).map(
            lambda parts: "{" + ", ".join(f"{key}: {value}" for key, value in parts.items()) + "}"
        )
    ),
    max_leaves=25,
)


@settings(deadline=None, max_examples=200)
@given(st.dictionaries(st.sampled_from(KEYS), FRAGMENTS, max_size=6))
def test_no_mixture_of_known_keys_raises_anything_but_a_project_file_error(parts: dict[str, str]) -> None:
    refused_or_loaded("\n".join(f"{key}: {value}" for key, value in parts.items()).encode())


def test_reading_a_file_names_it_as_the_user_did(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.yaml").write_text("a: 1")

    assert str(read_source("my.yaml").file) == "my.yaml"


@pytest.mark.parametrize("end", ["contexts: {a: [", "tags: {a: 'x", "data: [a", "'"])
@pytest.mark.parametrize("newline", ["", "\n"])
def test_rob_21_a_syntax_error_at_the_end_of_a_file_names_a_line_that_is_there(end: str, newline: str) -> None:
    with pytest.raises(ProjectFileError) as error:
        parse_project(f"name: A\nschemaVersion: 1\n{end}{newline}".encode())
    assert [finding.line for finding in error.value.findings] == [3]
