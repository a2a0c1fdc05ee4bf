"""Runs of Toil on the local cloud, by its own runners, in WDL and CWL: run, outputs, resume, and nothing denied."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from local_runs import denied_calls, needs_sandbox
from typer.testing import CliRunner

from workflow_stacks.cli import app
from workflow_stacks.local import LocalCloud

pytestmark = pytest.mark.cycle

PROJECT = """
name: Toils
schemaVersion: 1
contexts:
  wdl: {engines: [{type: wdl, engine: toil}]}
  cwl: {engines: [{type: cwl, engine: toil}]}
"""
FILES = {
    "wdl/main.wdl": """
version 1.0
import "tasks/count.wdl" as tasks
workflow count {
  input { File data }
  call tasks.lines { input: data = data }
  output { Int found = lines.found }
}
""",
    "wdl/tasks/count.wdl": """
version 1.0
task lines {
  input { File data }
  command <<< wc -l < ~{data} >>>
  output { Int found = read_int(stdout()) }
  runtime { docker: "debian:12-slim" }
}
""",
    "cwl/upper.cwl": """
cwlVersion: v1.2
class: CommandLineTool
baseCommand: [tr, a-z, A-Z]
hints: {DockerRequirement: {dockerPull: "debian:12-slim"}}
inputs: {data: File}
stdin: $(inputs.data.path)
outputs: {loud: stdout}
stdout: loud.txt
""",
    "three.txt": "one\ntwo\nthree\n",
}

Command = Callable[..., Any]


@pytest.fixture(scope="module")
def project_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    pytest.importorskip("cwltool", reason="Toil needs cwltool for CWL: toil[cwl]")
    needs_sandbox()
    folder = tmp_path_factory.mktemp("toils")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text.lstrip("\n"))
    (folder / "agc-project.yaml").write_text(PROJECT)
    yield folder / "agc-project.yaml"
    LocalCloud.of_project(folder / "agc-project.yaml").stop()


@pytest.fixture(scope="module")
def command(project_file: Path) -> Command:
    def run(name: str, *arguments: str) -> Any:
        outcome = CliRunner().invoke(app, [name, *arguments, "--local", "--project", str(project_file), "--json"])
        assert outcome.stdout.startswith(("{", "[")), outcome.output
        return json.loads(outcome.stdout)

    return run


def test_a_wdl_workflow_with_an_import_ends_with_its_outputs(command: Command, project_file: Path) -> None:
    folder = project_file.parent
    run = command("run", "wdl", str(folder / "wdl" / "main.wdl"), f"data={folder / 'three.txt'}", "--follow")
    assert (run["state"], run["tasks"]) == ("SUCCEEDED", {"SUCCEEDED": 1})
    assert command("outputs", run["runId"]) == {"count.found": 3}
    words = ["resume", run["runId"], "--local", "--project", str(project_file)]
    refused = CliRunner().invoke(app, words)
    assert refused.exit_code == 1
    assert "toil keeps nothing to resume it from" in " ".join(refused.output.split())


def test_a_cwl_tool_takes_a_file_and_fails_and_goes_on_by_its_job_store(command: Command, project_file: Path) -> None:
    folder = project_file.parent
    run = command("run", "cwl", str(folder / "cwl" / "upper.cwl"), f"data={folder / 'three.txt'}", "--follow")
    assert (run["state"], run["tasks"]) == ("SUCCEEDED", {"SUCCEEDED": 1})
    outputs = command("outputs", run["runId"])
    assert outputs["loud"].startswith(run["outputs"])
    bucket, _, key = outputs["loud"].removeprefix("s3://").partition("/")
    content = LocalCloud.of_project(project_file).client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    assert content == b"ONE\nTWO\nTHREE\n"


def test_no_call_was_denied(project_file: Path) -> None:
    assert denied_calls(project_file) == []
