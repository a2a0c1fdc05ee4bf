"""Inputs of CWL workflows: by their types, with the files of this machine in S3."""

from pathlib import Path
from typing import Any

import pytest
from no_stage import NoStage

from workflow_stacks.runs.engines.cwl_inputs import cwl_inputs
from workflow_stacks.runs.staging import WorkflowInputError
from workflow_stacks.runs.workflow_source import WorkflowSource

TOOL = """
cwlVersion: v1.2
class: CommandLineTool
baseCommand: cat
inputs:
  data: File
  more: File[]
  folder: Directory?
  name: string
  times: {type: int, default: 1}
  kinds: {type: {type: array, items: string}, default: []}
outputs: []
"""


PACKED = """
cwlVersion: v1.2
$graph:
- {$import: elsewhere.cwl}
- {class: CommandLineTool, id: count, baseCommand: wc, inputs: {lines: int}, outputs: []}
- {class: Workflow, id: "#main", inputs: [{id: "#main/name", type: string}], outputs: [], steps: []}
"""


@pytest.fixture
def given(tmp_path: Path) -> Any:
    (tmp_path / "tool.cwl").write_text(TOOL)
    (tmp_path / "folder").mkdir()
    for name in ("a.txt", "b.txt", "folder/c.txt"):
        (tmp_path / name).write_text(name)

    def read(*inputs: str) -> dict[str, Any]:
        return cwl_inputs(WorkflowSource("tool", "tool.cwl", tmp_path), inputs, NoStage())  # type: ignore[arg-type]

    return read


def test_files_and_folders_of_this_machine_are_staged_and_keep_their_names(given: Any, tmp_path: Path) -> None:
    a, b, folder = (tmp_path / name for name in ("a.txt", "b.txt", "folder"))
    values = given(f"data={a}", f"more={a}", f"more={b}", f"folder={folder}", "name=7", "times=7")
    assert values["data"] == {"class": "File", "basename": "a.txt", "location": "s3://bucket/a.txt"}
    assert [one["location"] for one in values["more"]] == ["s3://bucket/a.txt", "s3://bucket/b.txt"]
    assert values["folder"] == {"class": "Directory", "basename": "folder", "location": "s3://bucket/folder/"}
    assert (values["name"], values["times"]) == ("7", 7)


def test_files_of_a_job_order_count_from_its_folder(given: Any, tmp_path: Path) -> None:
    order = tmp_path / "order.yaml"
    order.write_text("data: {class: File, path: a.txt}\nmore: []\nname: x\n")
    assert given(str(order))["data"] == {"class": "File", "basename": "a.txt", "location": "s3://bucket/a.txt"}


def test_a_text_of_a_job_order_stays_one_when_a_file_has_that_name(given: Any, tmp_path: Path) -> None:
    order = tmp_path / "order.yaml"
    order.write_text("data: {class: File, path: a.txt, basename: b.txt}\nmore: []\nname: folder\nkinds: [a.txt]\n")
    values = given(str(order))
    assert values["data"] == {"class": "File", "basename": "b.txt", "location": "s3://bucket/a.txt"}
    assert (values["name"], values["kinds"]) == ("folder", ["a.txt"])


@pytest.mark.parametrize(
    "place", ["location: a%3Ab%20c.txt", "path: 'a:b c.txt'", "location: file://{folder}/a%3Ab%20c.txt"]
)
def test_an_address_of_a_file_may_have_signs_in_percent(given: Any, tmp_path: Path, place: str) -> None:
    (tmp_path / "a:b c.txt").write_text("")
    order = tmp_path / "order.yaml"
    order.write_text(f"data: {{class: File, {place.replace('{folder}', str(tmp_path))}}}\nmore: []\nname: x\n")
    assert given(str(order))["data"] == {
        "class": "File",
        "basename": "a:b c.txt",
        "location": "s3://bucket/a:b c.txt",
    }


def test_files_in_s3_stay_where_they_are(given: Any) -> None:
    assert given("data=s3://lab/a.txt", "more=[]", "name=x")["data"] == {"class": "File", "location": "s3://lab/a.txt"}


@pytest.mark.parametrize(
    ("inputs", "why"),
    [
        (("more=[]", "name=x"), r"needs inputs that are not given: data \(File\)"),
        (("data=gone.txt",), "the input data is gone.txt, which does not exist on this machine"),
        (("dta=x",), "the workflow has no input 'dta'; its inputs are data, more, folder, name, times, kinds"),
        (("times=many",), "the input times is 'many', which is not of the type int"),
    ],
)
def test_what_is_wrong_is_told_at_once(given: Any, inputs: tuple[str, ...], why: str) -> None:
    with pytest.raises(WorkflowInputError, match=why):
        given(*inputs)


@pytest.fixture
def packed(tmp_path: Path) -> Any:
    (tmp_path / "packed.cwl").write_text(PACKED)

    def read(process: str, *inputs: str) -> dict[str, Any]:
        source = WorkflowSource("packed", "packed.cwl", tmp_path, process)
        return cwl_inputs(source, inputs, NoStage())  # type: ignore[arg-type]

    return read


@pytest.mark.parametrize(("process", "given"), [("count", "lines=3"), ("main", "name=3"), ("", "name=3")])
def test_a_process_of_a_document_has_inputs_of_its_own(process: str, given: str, packed: Any) -> None:
    name = given.partition("=")[0]
    assert packed(process, given) == {name: 3 if name == "lines" else "3"}
    with pytest.raises(WorkflowInputError, match=f"has no input 'x'; its inputs are {name}$"):
        packed(process, "x=1")


def test_a_process_that_a_document_does_not_have_is_told_with_those_that_it_has(packed: Any) -> None:
    with pytest.raises(WorkflowInputError) as caught:
        packed("align")
    assert "packed.cwl has no process 'align': those that it has are count, main" in str(caught.value)
    assert str(caught.value).endswith("To run one, name it, as in packed.cwl#count")


def test_a_document_with_several_processes_and_no_main_needs_one_to_be_named(packed: Any, tmp_path: Path) -> None:
    (tmp_path / "packed.cwl").write_text(PACKED.replace("main", "align"))
    with pytest.raises(WorkflowInputError, match=r"has several processes, and none is 'main': .* count, align\. "):
        packed("")


def test_a_document_whose_process_has_no_id_is_named_alone(tmp_path: Path) -> None:
    (tmp_path / "tool.cwl").write_text(TOOL)
    with pytest.raises(WorkflowInputError, match=r"its process has no id\. To run it, name the file alone"):
        cwl_inputs(WorkflowSource("tool", "tool.cwl", tmp_path, "main"), [], NoStage())  # type: ignore[arg-type]


INDEXED = """
cwlVersion: v1.2
class: CommandLineTool
baseCommand: wc
requirements:
  SchemaDefRequirement:
    types:
    - name: Sample
      type: record
      fields:
        reads: {type: File, secondaryFiles: .bai}
        regions: {type: "File[]", secondaryFiles: [^.tbi]}
inputs:
  genome: {type: File, secondaryFiles: [.fai, ^.dict, ".gzi?", {pattern: .alt, required: false}]}
  calls: {type: "File[]?", secondaryFiles: ["$(self.nameroot).tbi", "${ return 'computed'; }"]}
  sample: Sample?
  more: ["null", {type: array, items: {type: record, fields: [{name: reads, type: File, secondaryFiles: .bai}]}}]
outputs: []
"""


@pytest.fixture
def indexed(tmp_path: Path) -> Any:
    (tmp_path / "tool.cwl").write_text(INDEXED)
    for name in ("g.fa", "g.fa.fai", "g.dict", "c.vcf", "c.tbi", "s.bam", "s.bam.bai", "r.bed", "r.tbi"):
        (tmp_path / name).write_text(name)

    def read(*inputs: str) -> dict[str, Any]:
        return cwl_inputs(WorkflowSource("tool", "tool.cwl", tmp_path), inputs, NoStage())  # type: ignore[arg-type]

    return read


def beside(value: dict[str, Any]) -> list[str]:
    assert all(one["location"] == f"s3://bucket/{one['basename']}" for one in value.get("secondaryFiles", []))
    return [one["basename"] for one in value.get("secondaryFiles", [])]


def test_an_index_beside_a_file_comes_along_by_the_patterns_of_its_input(indexed: Any, tmp_path: Path) -> None:
    values = indexed(f"genome={tmp_path / 'g.fa'}", f"calls={tmp_path / 'c.vcf'}")
    assert beside(values["genome"]) == ["g.fa.fai", "g.dict"]
    assert [beside(one) for one in values["calls"]] == [["c.tbi"]]


def test_an_index_of_a_file_in_a_record_or_an_array_comes_along(indexed: Any, tmp_path: Path) -> None:
    order = tmp_path / "order.yaml"
    reads = "reads: {class: File, location: s.bam}"
    regions = "regions: [{class: File, path: r.bed}]"
    order.write_text(f"genome: {{class: File, path: g.fa}}\nsample: {{{reads}, {regions}}}\nmore: [{{{reads}}}]\n")
    values = indexed(str(order))
    assert beside(values["sample"]["reads"]) == ["s.bam.bai"]
    assert [beside(one) for one in values["sample"]["regions"]] == [["r.tbi"]]
    assert [beside(one["reads"]) for one in values["more"]] == [["s.bam.bai"]]


def test_what_a_job_order_names_itself_is_not_named_twice(indexed: Any, tmp_path: Path) -> None:
    (tmp_path / "other.fai").write_text("")
    named = "[{class: File, path: other.fai, basename: g.fa.fai}]"
    (tmp_path / "order.yaml").write_text(f"genome: {{class: File, path: g.fa, secondaryFiles: {named}}}\n")
    genome = indexed(str(tmp_path / "order.yaml"))["genome"]
    assert [(one["basename"], one["location"]) for one in genome["secondaryFiles"]] == [
        ("g.fa.fai", "s3://bucket/other.fai"),
        ("g.dict", "s3://bucket/g.dict"),
    ]


def test_an_index_that_must_be_there_and_is_not_is_told_before_anything_is_submitted(
    indexed: Any, tmp_path: Path
) -> None:
    (tmp_path / "g.dict").unlink()
    with pytest.raises(WorkflowInputError, match=r"g\.fa needs g\.dict beside it \(secondaryFiles in the workflow\)"):
        indexed(f"genome={tmp_path / 'g.fa'}")


def test_beside_files_in_s3_the_engine_looks_itself(indexed: Any) -> None:
    assert beside(indexed("genome=s3://lab/g.fa")["genome"]) == []


def test_types_of_another_document_are_known(tmp_path: Path) -> None:
    (tmp_path / "types.yml").write_text(
        "- {name: S, type: record, fields: {reads: {type: File, secondaryFiles: .bai}}}"
    )
    (tmp_path / "tool.cwl").write_text(
        "{class: CommandLineTool, inputs: {s: 'types.yml#S'}, outputs: [], "
        "requirements: [{class: SchemaDefRequirement, types: [{$import: types.yml}]}]}"
    )
    (tmp_path / "order.yaml").write_text("s: {reads: {class: File, path: s.bam}}\n")
    for name in ("s.bam", "s.bam.bai"):
        (tmp_path / name).write_text(name)
    source = WorkflowSource("tool", "tool.cwl", tmp_path)
    values = cwl_inputs(source, [str(tmp_path / "order.yaml")], NoStage())  # type: ignore[arg-type]
    assert beside(values["s"]["reads"]) == ["s.bam.bai"]


@pytest.mark.parametrize("elsewhere", ["../secret.yml", "https://example.org/types.yml", "gone.yml"])
def test_no_file_outside_of_the_workflow_is_read_for_types(elsewhere: str, tmp_path: Path) -> None:
    (tmp_path / "secret.yml").write_text("a: secret: of: the: server")
    (tmp_path / "flow").mkdir()
    (tmp_path / "flow" / "tool.cwl").write_text(
        "{class: CommandLineTool, inputs: {name: string}, outputs: [], "
        f"requirements: [{{class: SchemaDefRequirement, types: [{{$import: '{elsewhere}'}}]}}]}}"
    )
    source = WorkflowSource("tool", "tool.cwl", tmp_path / "flow")
    assert cwl_inputs(source, ["name=x"], NoStage()) == {"name": "x"}  # type: ignore[arg-type]
