"""A context whose tasks may move so much together: AWS Batch holds the others back, and no call is denied."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from local_runs import deployed, needs_sandbox
from rights import assert_rights

from workflow_stacks.local import LocalCloud
from workflow_stacks.local.runs.workflow_run import WorkflowRun

PROJECT = """\
name: Bound
schemaVersion: 1
contexts:
  snake:
    ioMibps: 1
    engines: [{type: snakemake, engine: snakemake, filesystem: {fsType: EFS}}]
  wdl:
    ioMibps: 1
    engines: [{type: wdl, engine: miniwdl, filesystem: {fsType: EFS, configuration: {throughputMode: elastic}}}]
"""
SNAKEFILE = """\
rule all:
    input: expand("{n}.txt", n=range(3))
rule write:
    output: "{n}.txt"
    resources: io_mibps=1
    shell: "date +%s%N > {output}; sleep 1; date +%s%N >> {output}"
"""
WDL = """\
version 1.0
workflow bound {
    scatter (n in range(3)) { call write {input: n = n} }
    output { Array[String] spans = write.span }
}
task write {
    input { Int n }
    command { date +%s%N; sleep 1; date +%s%N; echo ~{n} >&2 }
    output { String span = read_lines(stdout())[0] + " " + read_lines(stdout())[1] }
    runtime { docker: "debian:12-slim" cpu: 2 memory: "512M" }
}
"""


@pytest.fixture(scope="module")
def project_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    needs_sandbox()
    file = tmp_path_factory.mktemp("project") / "agc-project.yaml"
    file.write_text(PROJECT)
    with deployed(LocalCloud.of_project(file), file):
        yield file


def spans(written: list[str]) -> list[tuple[int, ...]]:
    """When each task began and ended, in order: outputs that are texts, or files with them."""
    texts = [Path(one).read_text() if one.startswith("/") else one for one in written]
    return sorted(tuple(map(int, text.split())) for text in texts)


@pytest.mark.cycle
@pytest.mark.parametrize(
    ("context", "name", "text"),
    [
        ("snake", "Snakefile", SNAKEFILE),  # each rule asks for all of it
        ("wdl", "bound.wdl", WDL),  # each task takes 0.68 MiB/s, for two vCPUs
    ],
)
def test_tasks_that_take_more_than_half_run_one_after_another(
    project_file: Path, tmp_path: Path, context: str, name: str, text: str
) -> None:
    (tmp_path / name).write_text(text)
    running = WorkflowRun(LocalCloud.of_project(project_file), project_file, context)
    result = running.run(tmp_path / name, (), lambda _jobs, _folder: None)
    assert result.succeeded, result.why
    assert result.tasks == {"SUCCEEDED": 3}
    written = [one for value in result.outputs.values() for one in (value if isinstance(value, list) else [value])]
    found = spans(written)
    assert len(found) == 3
    assert all(earlier[1] <= later[0] for earlier, later in pairwise(found)), found


@pytest.mark.cycle
def test_roles_did_with_their_rights_what_the_table_says(project_file: Path) -> None:
    assert_rights(LocalCloud.of_project(project_file), project_file)
