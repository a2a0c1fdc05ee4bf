"""`workflow-context local run` with Nextflow: a pipeline with files of its own, and its results."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from local_runs import deployed, needs_sandbox, project_on
from nextflow_runtime import as_program
from rights import assert_rights
from typer.testing import CliRunner

from workflow_stacks.cli import app as command_line
from workflow_stacks.local import LocalCloud
from workflow_stacks.local.engines import ENGINES

pytestmark = pytest.mark.cycle

FILE_SYSTEMS = ("EFS", "FSxLustre")
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
    needs_sandbox()
    folder = tmp_path_factory.mktemp("nextflow")
    pipeline = folder / "pipeline"
    for name, text in {"main.nf": MAIN, "modules/count.nf": COUNT, "bin/total.sh": TOTAL, "big.fastq": "@"}.items():
        file = pipeline / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (pipeline / "bin" / "total.sh").chmod(0o755)
    (folder / "data.txt").write_text("a\nbcd\n")
    software = as_program(folder / "nextflow")
    project = folder / "agc-project.yaml"
    project.write_text(project_on(FILE_SYSTEMS, engine="nextflow", language="nextflow"))

    def command(context: str, *inputs: str) -> tuple[int, dict[str, object] | str]:
        arguments = ["local", "run", context, str(pipeline / "main.nf"), f"data={folder / 'data.txt'}", *inputs]
        more = ["--project", str(project), *(part for one in software for part in ("--software", str(one))), "--json"]
        done = CliRunner().invoke(command_line, [*arguments, *more, "--env", "NXF_OFFLINE=true"])
        return done.exit_code, json.loads(done.stdout) if done.exit_code == 0 else done.stderr

    with deployed(LocalCloud.of_project(project), project) as cloud:
        yield command
        assert_rights(cloud, project)


@pytest.mark.parametrize("context", FILE_SYSTEMS)
def test_a_pipeline_runs_with_its_modules_and_programs(command: Command, context: str) -> None:
    code, result = command(context)

    assert code == 0, result
    assert isinstance(result, dict)
    assert result["tasks"] == {"SUCCEEDED": 3}
    assert {name: Path(file).read_text() for name, file in result["outputs"].items()} == {"sum.txt": "4\n"}


def test_results_cannot_go_where_jobs_cannot_write(command: Command) -> None:
    code, told = command("EFS", "outdir=results")

    assert code == 1
    assert "outdir is results; jobs can write to s3:// or below /mnt/efs" in told


def test_what_is_missing_is_said_with_where_to_get_it() -> None:
    said = ENGINES["nextflow"].how_to_get(["Java 17 or later", "Nextflow"])

    assert said.startswith("install Java 17 or later and Nextflow (https://www.nextflow.io/docs")
    assert "--software" in said
