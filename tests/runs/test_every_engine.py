"""Every command about runs, with each engine, in contexts of one local cloud."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cromwell_runtime
import nextflow_runtime
import pytest
from local_runs import LocalCommands, deploy, needs_sandbox, wait_for
from rights import assert_rights

from workflow_context.ended_runs import END_MARK
from workflow_stacks.runs.engines import ENGINES
from workflow_stacks.runs.jobs import RunJobs
from workflow_stacks.runs.service import Runs
from workflow_stacks.runs.submission import store_of

pytestmark = pytest.mark.cycle

LANGUAGES = {"cromwell": "wdl", "miniwdl": "wdl", "nextflow": "nextflow", "snakemake": "snakemake", "toil": "wdl"}
LEAVE_A_LOG = {"cromwell"}
"""Engines whose head job has nothing to write to S3 with: the log that they leave there tells how a run ended."""
WORKFLOWS = {"wdl": "wdl/hello.wdl", "nextflow": "nextflow", "snakemake": "snakemake"}
FILES = {
    "wdl/hello.wdl": """
version 1.0
import "parts/greet.wdl" as parts
workflow hello {
  input { String name  Int seconds = 0 }
  call parts.greet { input: name = name, seconds = seconds }
  output { File out = greet.out }
}
""",
    "wdl/parts/greet.wdl": """
version 1.0
task greet {
  input { String name  Int seconds }
  command <<< sleep ~{seconds}; echo "hello ~{name}" | tee out.txt >>>
  output { File out = "out.txt" }
  runtime { docker: "debian:13" }
}
""",
    "nextflow/main.nf": """
params.seconds = 0
process greet {
    publishDir params.outdir, mode: 'copy'
    output: path "out.txt"
    script: "sleep ${params.seconds}; echo hello ${params.name} | tee out.txt"
}
workflow { greet() }
""",
    "snakemake/Snakefile": """
rule greet:
    output: "out.txt"
    shell: "sleep {config[seconds]}; echo hello {config[name]} | tee {output}"
""",
    "cwl/upper.cwl": """
cwlVersion: v1.2
class: CommandLineTool
baseCommand: [sh, -c, 'cat "$0" "$0.more" | tr a-z A-Z']
arguments: [$(inputs.data.path)]
hints: {DockerRequirement: {dockerPull: "debian:12-slim"}}
inputs: {data: {type: File, secondaryFiles: .more}}
outputs: {loud: stdout}
stdout: loud.txt
""",
    "cwl/packed.cwl": """
cwlVersion: v1.2
$graph:
- {class: CommandLineTool, id: main, baseCommand: "false", inputs: [], outputs: []}
- class: CommandLineTool
  id: greet
  baseCommand: cat
  arguments: [$(inputs.data.path).more]
  inputs: {data: {type: File, secondaryFiles: .more}}
  outputs: {said: stdout}
  stdout: said.txt
""",
    "three.txt": "one\ntwo\nthree\n",
    "three.txt.more": "and four\n",
}


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCommands]:
    needs_sandbox()
    folder = tmp_path_factory.mktemp("engines")
    software = {
        "cromwell": [cromwell_runtime.as_program(folder / "cromwell")],
        "nextflow": nextflow_runtime.as_program(folder / "nextflow-program"),
    }
    contexts: dict[str, Any] = {
        engine: {"engines": [{"type": language, "engine": engine}]} for engine, language in LANGUAGES.items()
    }
    contexts["nextflow"]["engines"][0]["filesystem"] = {"fsType": "EFS"}
    contexts["toilCwl"] = {"engines": [{"type": "cwl", "engine": "toil"}]}
    project = {"name": "Engines", "schemaVersion": 1, "contexts": contexts}
    command = LocalCommands.of(folder, project, FILES, software)
    try:
        deploy(command.cloud, command.project_file)
        yield command
    finally:
        command.cloud.stop()


@pytest.fixture(scope="module", params=sorted(LANGUAGES))
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def workflow(command: LocalCommands, engine: str) -> str:
    return command.path(WORKFLOWS[LANGUAGES[engine]])


@pytest.fixture(scope="module")
def done(command: LocalCommands, engine: str, workflow: str) -> dict[str, Any]:
    """A run that was followed to its end."""
    return command.succeeded(engine, workflow, "name=zoe", "seconds=0")


def test_all_engines_are_tried() -> None:
    assert set(LANGUAGES) == set(ENGINES)


class TestARunThatSucceeded:
    def test_has_its_end_noted_by_its_own_head_job_and_is_known_when_aws_batch_has_forgotten_it(
        self, command: LocalCommands, engine: str, done: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        runs = Runs(command.project_file, local=True)
        target, record = runs.find(done["runId"])
        noted = store_of(target).end(record)
        assert noted is not None
        assert (noted.outputs is None) is (engine in LEAVE_A_LOG)
        if engine in LEAVE_A_LOG:
            store_of(target).forget_end(record)
        shown = command("outputs", done["runId"])[1]
        monkeypatch.setattr(RunJobs, "described", lambda *_: [])
        view = runs.status(target, record)
        assert view.state == "SUCCEEDED"
        assert view.end is not None
        assert view.end.ended_at > 0
        assert runs.outputs(target, record) == shown

    def test_is_shown_by_status_and_listed_by_runs(
        self, command: LocalCommands, engine: str, done: dict[str, Any]
    ) -> None:
        code, run = command("status", done["runId"])
        assert (code, run["state"], run["tasks"]) == (0, "SUCCEEDED", {"SUCCEEDED": 1})
        assert done["runId"] in [one["runId"] for one in command("runs", engine)[1]]

    def test_has_the_logs_of_its_head_job_and_its_task(self, command: LocalCommands, done: dict[str, Any]) -> None:
        [head] = command("logs", done["runId"], "--head")[1]
        assert (head["job"], head["state"]) == (done["headJobs"][-1], "SUCCEEDED")
        code, tasks = command("logs", done["runId"], "--task", "")
        assert (code, [task["state"] for task in tasks]) == (0, ["SUCCEEDED"])

    def test_has_outputs_that_can_be_downloaded(
        self, command: LocalCommands, done: dict[str, Any], tmp_path: Path
    ) -> None:
        outputs = command("outputs", done["runId"])[1]
        assert outputs
        assert END_MARK not in outputs
        code, files = command("outputs", done["runId"], "--download", str(tmp_path))
        assert code == 0
        assert "hello zoe\n" in [Path(file).read_text() for file in files]


def test_a_run_that_is_stopped_ends_its_tasks_and_can_be_resumed(
    command: LocalCommands, engine: str, workflow: str
) -> None:
    code, run = command("run", engine, workflow, "name=zoe", "seconds=600")
    assert code == 0, run
    run_id = run["runId"]
    wait_for(lambda: command("status", run_id)[1]["tasks"].get("RUNNING", 0) == 1)
    assert command("status", run_id)[0] == 3

    code, stopped = command("stop", run_id)

    assert (code, stopped["state"], stopped["tasks"]) == (0, "STOPPED", {"FAILED": 1})
    assert command("status", run_id)[0] == 1
    code, resumed = command("resume", run_id)
    assert (code, resumed["runId"], len(resumed["headJobs"])) == (0, run_id, 2)
    assert command("status", run_id)[0] == 3
    assert command("stop", run_id)[1]["state"] == "STOPPED"


def test_a_cwl_tool_takes_a_file_with_what_belongs_to_it_and_gives_one_and_cannot_be_resumed(
    command: LocalCommands,
) -> None:
    pytest.importorskip("cwltool", reason="Toil needs cwltool for CWL: toil[cwl]")
    run = command.succeeded("toilCwl", command.path("cwl/upper.cwl"), f"data={command.path('three.txt')}")
    assert run["tasks"] == {"SUCCEEDED": 1}
    loud = command("outputs", run["runId"])[1]["loud"]
    assert loud.startswith(run["outputs"])
    bucket, _, key = loud.removeprefix("s3://").partition("/")
    content = command.cloud.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    assert content == b"ONE\nTWO\nTHREE\nAND FOUR\n"
    code, said = command("resume", run["runId"])
    assert code == 1
    assert "toil keeps nothing to resume it from" in " ".join(said.split())


def test_one_process_of_a_cwl_document_is_run_and_finds_what_belongs_to_a_file_beside_it_in_s3(
    command: LocalCommands,
) -> None:
    pytest.importorskip("cwltool", reason="Toil needs cwltool for CWL: toil[cwl]")
    s3, place = command.cloud.client("s3"), Runs(command.project_file, local=True).target("toilCwl").place
    bucket, _, folder = place.removeprefix("s3://").partition("/")
    for name in ("three.txt", "three.txt.more"):
        s3.upload_file(command.path(name), bucket, f"{folder}/{name}")
    run = command.succeeded("toilCwl", f"{command.path('cwl/packed.cwl')}#greet", f"data={place}/three.txt")
    key = command("outputs", run["runId"])[1]["said"].removeprefix(f"s3://{bucket}/")
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"and four\n"


def test_roles_did_with_their_rights_what_the_table_says(command: LocalCommands) -> None:
    assert_rights(command.cloud, command.project_file)
