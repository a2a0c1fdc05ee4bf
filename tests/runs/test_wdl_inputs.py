"""Inputs of WDL workflows: by their types, with the files of this machine in S3."""

import json
from pathlib import Path
from typing import Any

import pytest
from no_stage import NoStage

from workflow_stacks.runs.engines.wdl_inputs import wdl_inputs
from workflow_stacks.runs.workflow_source import WorkflowSource

WDL = """
version development
struct Sample { String id File reads }
workflow w {
  input {
    File data
    Array[File] more = []
    String name
    Array[String] kinds = []
    Sample? sample
    Map[String, File] by = {}
    Pair[String, File]? pair
    Directory? all
  }
}
"""


@pytest.fixture
def given(tmp_path: Path) -> Any:
    (tmp_path / "w.wdl").write_text(WDL)
    (tmp_path / "folder").mkdir()
    for name in ("a.txt", "b.txt", "folder/c.txt"):
        (tmp_path / name).write_text(name)

    def read(values: dict[str, Any]) -> dict[str, Any]:
        order = tmp_path / "inputs.json"
        order.write_text(json.dumps(values))
        return wdl_inputs(WorkflowSource("w", "w.wdl", tmp_path), [str(order)], NoStage())  # type: ignore[arg-type]

    return read


def test_files_count_from_the_folder_of_the_inputs_and_are_staged(given: Any) -> None:
    values = given({"w.data": "a.txt", "more": ["a.txt", "b.txt"], "w.name": "x"})
    assert values == {"w.data": "s3://bucket/a.txt", "more": ["s3://bucket/a.txt", "s3://bucket/b.txt"], "w.name": "x"}


def test_a_text_stays_one_when_a_file_or_a_folder_has_that_name(given: Any) -> None:
    values = given({"w.data": "a.txt", "w.name": "folder", "w.kinds": ["b.txt"]})
    assert (values["w.name"], values["w.kinds"]) == ("folder", ["b.txt"])


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("sample", {"id": "a.txt", "reads": "b.txt"}, {"id": "a.txt", "reads": "s3://bucket/b.txt"}),
        ("by", {"left": "b.txt"}, {"left": "s3://bucket/b.txt"}),
        ("pair", {"left": "a.txt", "right": "b.txt"}, {"left": "a.txt", "right": "s3://bucket/b.txt"}),
        ("all", "folder", "s3://bucket/folder/"),
    ],
)
def test_files_are_staged_wherever_the_type_of_the_input_has_them(
    given: Any, name: str, value: Any, found: Any
) -> None:
    assert given({"w.data": "a.txt", "w.name": "x", f"w.{name}": value})[f"w.{name}"] == found
