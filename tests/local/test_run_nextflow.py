"""`workflow-context local run` with Nextflow: a pipeline with files of its own, its results, and what it does again."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from nextflow_itself import JAVA_OPTIONS, jars as nextflow_jars
from typer.testing import CliRunner

from workflow_stacks.cli import app as command_line
from workflow_stacks.errors import WorkflowContextError
from workflow_stacks.local import LocalCloud
from workflow_stacks.local.engines import ENGINES
from workflow_stacks.local.engines.base import Place
from workflow_stacks.local.sandboxes import CannotRunError, find_sandbox

pytestmark = pytest.mark.cycle

PROJECT = """\
name: Flow
schemaVersion: 1
contexts:
  nf:
    engines: [{type: nextflow, engine: nextflow, filesystem: {fsType: EFS}}]
"""
MAIN = """
include { COUNT } from './modules/count'
process SUM {
    publishDir params.outdir, mode: 'copy'
    input: path "count*.txt"
    output: path "sum.txt"
    script: "cat count*.txt | total.sh >sum.txt"
}
workflow { Channel.of(file(params.data)) | splitText(by: 1) | COUNT | collect | SUM }
"""
COUNT = """
process COUNT {
    tag "$line"
    input: val line
    output: path "count.txt"
    script: "printf '%s' '${line.trim()}' | wc -c >count.txt"
}
"""
TOTAL = "#!/bin/sh\nawk '{ total += $1 } END { print total }'\n"

Command = Callable[..., tuple[int, dict[str, object] | str]]


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    """Run the pipeline: exit code, and the result or what was told."""
    try:
        find_sandbox()
    except CannotRunError as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("nextflow")
    pipeline = folder / "pipeline"
    for name, text in {"main.nf": MAIN, "modules/count.nf": COUNT, "bin/total.sh": TOTAL, "big.fastq": "@"}.items():
        file = pipeline / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (pipeline / "bin" / "total.sh").chmod(0o755)
    (folder / "data.txt").write_text("a\nbcd\n")
    jars = folder / "nextflow" / "jars"
    shutil.copytree(nextflow_jars(), jars)
    program = folder / "nextflow" / "bin" / "nextflow"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec java {" ".join(JAVA_OPTIONS)} -cp "{jars}/*" nextflow.cli.Launcher "$@"\n')
    program.chmod(0o755)
    project = folder / "agc-project.yaml"
    project.write_text(PROJECT)

    def command(*inputs: str) -> tuple[int, dict[str, object] | str]:
        arguments = ["local", "run", "nf", str(pipeline / "main.nf"), f"data={folder / 'data.txt'}", *inputs]
        more = ["--project", str(project), "--software", str(folder / "nextflow"), "--json"]
        done = CliRunner().invoke(command_line, [*arguments, *more, "--env", "NXF_OFFLINE=true"])
        return done.exit_code, json.loads(done.stdout) if done.exit_code == 0 else done.stderr

    yield command
    LocalCloud.of_project(project).stop()


def test_a_pipeline_runs_with_its_modules_and_programs_and_is_not_done_twice(command: Command) -> None:
    code, result = command()

    assert code == 0, result
    assert isinstance(result, dict)
    assert result["tasks"] == {"SUCCEEDED": 3}
    [(name, file)] = result["outputs"].items()
    assert name == "sum.txt"
    assert Path(file).read_text() == "4\n"

    code, again = command()

    assert code == 0, again
    assert isinstance(again, dict)
    assert again["tasks"] == {}
    assert again["results"] != result["results"]
    assert {name: Path(file).read_text() for name, file in again["outputs"].items()} == {"sum.txt": "4\n"}


def test_results_cannot_go_where_jobs_cannot_write(command: Command) -> None:
    code, told = command("outdir=results")

    assert code == 1
    assert "outdir is results; jobs can write to s3:// and below /mnt/efs" in told


def test_without_a_file_system_the_context_that_has_one_is_named(tmp_path: Path) -> None:
    place = Place([], None, "s3://bucket/results/1/", "")

    with pytest.raises(WorkflowContextError, match="Run it in a context with 'filesystem: "):
        ENGINES["nextflow"].prepare(tmp_path / "main.nf", [], place)


def test_what_is_missing_is_said_with_where_to_get_it() -> None:
    said = ENGINES["nextflow"].how_to_get(["Java 17 or later", "Nextflow"])

    assert said.startswith("install Java 17 or later and Nextflow (https://www.nextflow.io/docs")
    assert "--software" in said
