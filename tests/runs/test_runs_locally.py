"""The verbs about runs, on contexts of the local cloud: the same as on AWS, with the real engines."""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from local_runs import LocalCommands, deploy, needs_sandbox, wait_for
from nextflow_runtime import as_program
from rights import assert_rights

from workflow_stacks.local import LocalCloud
from workflow_stacks.runs.jobs import RUN_TAG
from workflow_stacks.runs.service import Runs
from workflow_stacks.runs.submission import store_of

pytestmark = pytest.mark.cycle

PROJECT = """
name: Verbs
schemaVersion: 1
workflows:
  count: {type: {language: wdl, version: 1.0}, sourceURL: count}
  greet: {type: {language: snakemake, version: 9}, sourceURL: greet}
  shout: {type: {language: nextflow, version: dsl2}, sourceURL: shout}
contexts:
  wdl: {requestSpotInstances: true, engines: [{type: wdl, engine: miniwdl}]}
  snake: {engines: [{type: snakemake, engine: snakemake}]}
  flow: {engines: [{type: nextflow, engine: nextflow, filesystem: {fsType: EFS}}]}
"""
FILES = {
    "count/count.wdl": """
version 1.0
workflow count {
  input { File data  Int seconds = 0  Boolean fail = false }
  call lines { input: data = data, seconds = seconds, fail = fail }
  output { Int found = lines.found }
}
task lines {
  input { File data  Int seconds  Boolean fail }
  command <<<
    echo "counting lines" >&2; sleep ~{seconds}; ~{if fail then "echo this is why >&2; exit 3" else "true"}
    wc -l < ~{data}
  >>>
  output { Int found = read_int(stdout()) }
}
""",
    "count/MANIFEST.json": '{"mainWorkflowURL": "count.wdl", "inputFileURLs": ["inputs.json"]}',
    "count/inputs.json": '{"count.data": "three.txt"}',
    "count/three.txt": "1\n2\n3\n",
    "greet/Snakefile": """
rule all:
    input: "all.txt"
rule one:
    output: "one.txt"
    shell: "echo hello {config[name]} > {output}"
rule two:
    input: "one.txt"
    output: "all.txt"
    shell: "test -e go; cat {input} > {output}"
""",
    "shout/main.nf": """
process SHOUT {
    publishDir params.outdir, mode: 'copy'
    input: path "words.txt"
    output: path "loud.txt"
    script: "upper.sh < words.txt > loud.txt"
}
workflow { SHOUT(file("${projectDir}/data/words.txt")) }
""",
    "shout/bin/upper.sh": "#!/bin/sh\ntr a-z A-Z\n",
    "shout/data/words.txt": "quiet\n",
}


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCommands]:
    needs_sandbox()
    software = as_program(tmp_path_factory.mktemp("nextflow") / "software")
    command = LocalCommands.of(tmp_path_factory.mktemp("verbs"), PROJECT, FILES, {"flow": software})
    try:
        deploy(command.cloud, command.project_file)
        yield command
    finally:
        command.cloud.stop()


@pytest.fixture(scope="module")
def project_file(command: LocalCommands) -> Path:
    return command.project_file


@pytest.fixture(scope="module")
def counted(command: LocalCommands) -> dict[str, Any]:
    """A run that succeeded, of a workflow whose manifest brings its inputs."""
    code, run = command("run", "wdl", "count", "--follow", "--tag", "cost-center=42")
    assert code == 0, run
    return run


class TestARunThatSucceeds:
    def test_is_told_with_its_tasks_and_its_record(self, counted: dict[str, Any]) -> None:
        assert counted["state"] == "SUCCEEDED"
        assert counted["tasks"] == {"SUCCEEDED": 1}
        assert (counted["workflow"], counted["context"], counted["engine"]) == ("count", "wdl", "miniwdl")
        assert counted["inputs"]["count.data"].startswith("s3://")
        assert counted["submittedBy"]

    def test_is_found_by_its_id_a_beginning_and_its_workflow(
        self, command: LocalCommands, counted: dict[str, Any]
    ) -> None:
        for given in (counted["runId"], counted["runId"][:-2], "count"):
            code, found = command("status", given)
            assert (code, found["runId"]) == (0, counted["runId"])

    def test_has_outputs_in_a_folder_of_its_own(self, command: LocalCommands, counted: dict[str, Any]) -> None:
        assert counted["runId"] in counted["outputs"]
        assert command("outputs", counted["runId"])[1]["count.found"] == 3

    def test_gives_its_tags_to_its_head_job(
        self, command: LocalCommands, counted: dict[str, Any], project_file: Path
    ) -> None:
        [head] = counted["headJobs"]
        [job] = LocalCloud.of_project(project_file).client("batch").describe_jobs(jobs=[head])["jobs"]
        assert job["tags"][RUN_TAG] == counted["runId"]
        assert job["tags"]["cost-center"] == "42"
        assert command("why", head)[0] == 0

    def test_shows_the_log_of_its_head_job_and_of_a_task(self, command: LocalCommands, counted: dict[str, Any]) -> None:
        [head] = command("logs", counted["runId"])[1]
        assert any("workflow start" in line for line in head["lines"])
        [task] = command("logs", counted["runId"], "--task", "lines")[1]
        assert task["state"] == "SUCCEEDED"

    def test_is_analyzed_and_priced_by_its_jobs(self, command: LocalCommands, counted: dict[str, Any]) -> None:
        code, found = command("analyze", counted["runId"], "--input-gib", "1")
        assert code == 0, found
        assert found["workload"]["tasks"] == 1
        code, priced = command("cost", "--run", counted["runId"])
        assert code == 0, priced
        assert priced["happened"]["run"] == counted["runId"]
        assert priced["happened"]["tasks"] == 1

    def test_cannot_be_stopped_any_more(self, command: LocalCommands, counted: dict[str, Any]) -> None:
        code, said = command("stop", counted["runId"])
        assert code == 1
        assert "has ended already: SUCCEEDED" in said

    def test_of_the_same_workflow_again_leaves_the_first_outputs_alone(
        self, command: LocalCommands, counted: dict[str, Any], project_file: Path
    ) -> None:
        five = project_file.parent / "five.txt"
        five.write_text("1\n2\n3\n4\n5\n")
        code, second = command("run", "wdl", "count", f"data={five}", "--follow")
        assert code == 0, second
        assert command("outputs", second["runId"])[1]["count.found"] == 5
        assert command("outputs", counted["runId"])[1]["count.found"] == 3


@pytest.fixture(scope="module")
def failed(command: LocalCommands) -> dict[str, Any]:
    code, run = command("run", "wdl", "count", "fail=true", "--follow")
    assert code == 1, run
    return run


class TestARunThatFails:
    def test_shows_the_log_of_the_task_that_failed(self, command: LocalCommands, failed: dict[str, Any]) -> None:
        code, jobs = command("logs", failed["runId"], "--failed")
        assert code == 0
        assert [job["state"] for job in jobs] == ["FAILED"]

    def test_is_listed_by_its_state(self, command: LocalCommands, failed: dict[str, Any]) -> None:
        assert [run["runId"] for run in command("runs", "--state", "failed")[1]] == [failed["runId"]]

    def test_is_still_known_when_aws_batch_has_forgotten_it(
        self, failed: dict[str, Any], project_file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        runs = Runs(project_file, local=True)
        target, record = runs.find(failed["runId"])
        monkeypatch.setattr("workflow_stacks.runs.jobs.RunJobs.described", lambda *_: [])
        view = runs.status(target, record)
        assert (view.state, view.end and view.end.exit_code) == ("FAILED", failed["end"]["exitCode"])


class TestARunThatIsStopped:
    def test_ends_its_tasks_and_does_the_rest_when_it_is_resumed(self, command: LocalCommands) -> None:
        code, run_id = command("run", "wdl", "count", "seconds=60", json_=False)
        run_id = run_id.strip().splitlines()[-1]
        assert code == 0
        wait_for(lambda: command("status", run_id)[1]["tasks"].get("RUNNING", 0) == 1)
        assert command("status", run_id)[0] == 3

        code, stopped = command("stop", run_id)

        assert (code, stopped["state"]) == (0, "STOPPED")
        assert stopped["tasks"] == {"FAILED": 1}
        assert command("status", run_id)[0] == 1
        code, resumed = command("resume", run_id)
        assert (resumed["runId"], len(resumed["headJobs"])) == (run_id, 2)
        assert command("resume", run_id)[0] == 1, "it is still going"
        command("stop", run_id)


class TestARunWhoseHeadJobIsKilled:
    def test_has_failed_and_its_tasks_can_still_be_ended(self, command: LocalCommands, project_file: Path) -> None:
        code, run = command("run", "wdl", "count", "seconds=600")
        assert code == 0, run
        run_id, [head] = run["runId"], run["headJobs"]
        wait_for(lambda: command("status", run_id)[1]["tasks"].get("RUNNING", 0) == 1)
        runs = Runs(project_file, local=True)
        target, record = runs.find(run_id)

        kill(head)

        wait_for(lambda: runs.jobs(target, record).head()["status"] == "FAILED")
        assert store_of(target).end(record) is None, "it could not note its own end"
        code, failed = command("status", run_id)
        assert (code, failed["state"], failed["end"]["exitCode"]) == (1, "FAILED", 137)
        assert store_of(target).end(record) is not None, "whoever asks first notes it"
        code, stopped = command("stop", run_id)
        assert (code, stopped["state"], stopped["tasks"]) == (0, "FAILED", {"FAILED": 1})


def kill(job: str) -> None:
    """Kill all processes of a job at once, as a machine does that goes away."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"AWS_BATCH_JOB_ID={job}".encode() in (process / "environ").read_bytes().split(b"\0"):
                os.kill(int(process.name), signal.SIGKILL)


class TestWhatIsWrong:
    @pytest.mark.parametrize(
        ("arguments", "why"),
        [
            (("wdl", "nothing.wdl"), "there is no workflow 'nothing.wdl'"),
            (("wdl", "count", "dta=1"), "the workflow has no input 'dta'; its inputs are"),
            (("wdl", "count", "data=gone.txt"), "data is gone.txt"),
            (("wdl", "greet"), "written in snakemake"),
            (("nowhere", "count"), "no context 'nowhere'"),
        ],
    )
    def test_is_told_before_a_head_job_is_submitted(
        self, command: LocalCommands, counted: dict[str, Any], arguments: tuple[str, ...], why: str
    ) -> None:
        before = len(command("runs", "--all")[1])
        code, said = command("run", *arguments)
        assert code == 1
        assert why in said
        assert len(command("runs", "--all")[1]) == before
        assert counted

    def test_a_run_that_nobody_knows(self, command: LocalCommands, counted: dict[str, Any]) -> None:
        assert counted
        for verb in ("status", "logs", "stop", "resume", "outputs"):
            code, said = command(verb, "20200101")
            assert (code, "there is no run '20200101'" in said) == (1, True)


def test_a_run_whose_submission_was_interrupted_is_found_again(counted: dict[str, Any], project_file: Path) -> None:
    """The command line was killed between the request and its answer."""
    runs = Runs(project_file, local=True)
    target, record = runs.find(counted["runId"])
    forgotten = replace(record, head_jobs=())
    store_of(target).save(forgotten)
    try:
        assert runs.find(counted["runId"])[1].head_jobs == record.head_jobs
    finally:
        store_of(target).save(record)


def test_snakemake_fails_and_a_resumed_run_does_what_is_missing(command: LocalCommands, project_file: Path) -> None:
    code, run = command("run", "snake", "greet", "name=you", "--follow")
    assert (code, run["state"]) == (1, "FAILED")
    directory = next(LocalCloud.of_project(project_file).state_dir.glob("efs/*/**/snakemake/runs/" + run["runId"]))
    assert (directory / "one.txt").read_text() == "hello you\n"
    made = (directory / "one.txt").stat().st_mtime
    (directory / "go").write_text("")

    code, resumed = command("resume", run["runId"], "--follow")

    assert (code, resumed["state"]) == (0, "SUCCEEDED")
    assert (directory / "all.txt").read_text() == "hello you\n"
    assert (directory / "one.txt").stat().st_mtime == made
    assert "all.txt" in command("outputs", run["runId"])[1]


def test_a_pipeline_of_nextflow_brings_its_programs_and_data(command: LocalCommands) -> None:
    run = command.succeeded("flow", "shout")
    outputs = command("outputs", run["runId"])[1]
    assert Path(outputs["loud.txt"]).read_text() == "QUIET\n"


def test_status_without_a_run_tells_of_every_context(command: LocalCommands, counted: dict[str, Any]) -> None:
    assert counted
    found = {one["context"]: one for one in command("status")[1]}
    assert set(found) == {"wdl", "snake", "flow"}
    assert found["wdl"]["stackStatus"].endswith("_COMPLETE")
    assert found["wdl"]["idleUsdPerMonth"] > 0


def test_roles_did_with_their_rights_what_the_table_says(command: LocalCommands) -> None:
    assert_rights(command.cloud, command.project_file)
