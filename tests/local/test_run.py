"""`workflow-context local run`: real workflows, by the real engine, on a deployed context of the local cloud."""

import json
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from local_runs import needs_sandbox
from rights import assert_rights
from typer.testing import CliRunner

from workflow_stacks.cli import app as command_line
from workflow_stacks.cli.local_run import print_result
from workflow_stacks.local import LocalCloud
from workflow_stacks.local.batch.job_records import ENDED
from workflow_stacks.local.batch.job_tags import SCRATCH_BYTES, SHORT_TIMEOUTS
from workflow_stacks.local.cloud.resources import deployed_stacks
from workflow_stacks.local.runs.deployment import LocalDeployment
from workflow_stacks.local.runs.options import Options
from workflow_stacks.local.runs.workflow_run import Result, WorkflowRun

pytestmark = pytest.mark.cycle

PROJECT = """\
name: Run
schemaVersion: 1
workflows:
  steps:
    type: {language: wdl, version: 1.0}
    sourceURL: steps.wdl
contexts:
  wdl:
    requestSpotInstances: true
    engines: [{type: wdl, engine: miniwdl}]
  s3:
    engines: [{type: snakemake, engine: snakemake, filesystem: {fsType: S3}}]
"""
SNAKEFILE = """\
rule greet:
    output: "greeting.txt"
    shell: "echo hello {config[name]} > {output}"
"""
STEPS = """\
version 1.0
workflow steps {
  input { File data  Int seconds = 0 }
  call count { input: data = data }
  call use { input: lines = count.lines, seconds = seconds }
  output { File summary = use.summary  Int lines = count.lines }
}
task count {
  input { File data }
  command <<< wc -l < ~{data} >>>
  output { Int lines = read_int(stdout()) }
}
task use {
  input { Int lines  Int seconds }
  command <<< sleep ~{seconds}; echo "~{lines} lines" > summary.txt >>>
  output { File summary = "summary.txt" }
}
"""
TASK = """\
version 1.0
workflow one {{
  call task_ {{}}
  output {{ String said = task_.said }}
}}
task task_ {{
  command <<< {command} >>>
  output {{ String said = read_string(stdout()) }}
  runtime {{ docker: "debian:12-slim"  {runtime} }}
}}
"""


@pytest.fixture(scope="module")
def project_file(tmp_path_factory):
    needs_sandbox()
    file = tmp_path_factory.mktemp("project") / "agc-project.yaml"
    file.write_text(PROJECT)
    (file.parent / "steps.wdl").write_text(STEPS)
    (file.parent / "data.txt").write_text("a\nb\nc\n")
    yield file
    LocalCloud.of_project(file).stop()


@pytest.fixture
def command(project_file):
    """Run the command to its end: its exit code, what it printed, and what it told."""

    def command(*arguments: str) -> tuple[int, str, str]:
        result = CliRunner().invoke(command_line, ["local", "run", "wdl", *arguments, "--project", str(project_file)])
        return result.exit_code, result.stdout, result.stderr

    return command


# Each is a workflow of one task: its command, its runtime settings, and how it is run.
TROUBLES = {
    "exit code": ("echo no such sample >&2; exit 7", "", {}),
    "too long": (
        "sleep 60",
        "",
        {"environment": {"MINIWDL__AWS__JOB_TIMEOUT": "1"}, "more_tags": {SHORT_TIMEOUTS: "yes"}},
    ),
    "killed": ("kill -KILL $PPID", "", {}),
    "disk full": ("head -c 4000000 /dev/zero > /tmp/big", "", {"more_tags": {SCRATCH_BYTES: "1000000"}}),
    "twice": ("echo x >> /mnt/efs/tries; [ $(wc -l < /mnt/efs/tries) -ge 3 ] && echo well", "maxRetries: 2", {}),
    "spot": ("sleep 0.6; echo well", "preemptible: 1", {"spot_interruption": 1.0}),
}


@pytest.fixture(scope="module")
def side_by_side(project_file, tmp_path_factory):
    """The troubled workflows and one of Snakemake, all at once: most of their time they wait."""

    def run_troubled(trouble: str) -> Result:
        script, runtime, options = TROUBLES[trouble]
        file = tmp_path_factory.mktemp("workflow") / "one.wdl"
        file.write_text(TASK.format(command=script, runtime=runtime))
        running = WorkflowRun(LocalCloud.of_project(project_file), project_file, "wdl", Options(**options))
        return running.run(file, (), lambda _jobs, _folder: None)

    def run_snakemake() -> Result:
        file = tmp_path_factory.mktemp("workflow") / "Snakefile"
        file.write_text(SNAKEFILE)
        running = WorkflowRun(LocalCloud.of_project(project_file), project_file, "s3")
        return running.run(file, ["name=zoe"], lambda _jobs, _folder: None)

    cloud = LocalCloud.of_project(project_file)
    cloud.start()
    if "Run-wdl" not in deployed_stacks(cloud.client):
        LocalDeployment(cloud, project_file).deploy(["wdl"])
    with ThreadPoolExecutor() as pool:
        snakemake = pool.submit(run_snakemake)
        ended = dict(zip(TROUBLES, pool.map(run_troubled, TROUBLES), strict=True))
        return {**ended, "snakemake": snakemake.result()}


def jobs_of(project_file: Path, result: Result) -> list[dict]:
    """The tasks of a workflow, in the order of their submission, with the names of their queues."""
    batch = LocalCloud.of_project(project_file).client("batch")
    found = []
    for queue in batch.describe_job_queues()["jobQueues"]:
        listed = batch.list_jobs(jobQueue=queue["jobQueueArn"], filters=[{"name": "JOB_NAME", "values": ["*"]}])[
            "jobSummaryList"
        ]
        if listed:
            found += batch.describe_jobs(jobs=[one["jobId"] for one in listed])["jobs"]
    mine = [job for job in found if job["tags"].get("AWS_BATCH_PARENT_JOB_ID") == result.head]
    return sorted(mine, key=lambda job: job["createdAt"])


def test_a_workflow_runs_and_its_rerun_takes_everything_from_the_cache_after_a_restart(command, project_file):
    data = f"data={project_file.parent / 'data.txt'}"

    code, printed, told = command("steps", data)

    assert code == 0, told
    assert "instead of ghcr.io/miniwdl-ext/miniwdl-aws" in told or "Jobs run in their images" in told
    assert "head job RUNNING" in told
    assert "with 2 task jobs" in printed
    assert "  steps.lines  3" in printed
    [summary] = [line.split()[1] for line in printed.splitlines() if "steps.summary" in line]
    cloud = LocalCloud.of_project(project_file)
    bucket, _, key = summary.removeprefix("s3://").partition("/")
    assert cloud.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read() == b"3 lines\n"

    cloud.stop()
    code, printed, told = command("steps", data, "--json")

    assert code == 0, told
    again = json.loads(printed)
    assert again["tasks"] == {}
    assert again["outputs"]["steps.lines"] == 3
    assert again["outputs"]["steps.summary"].startswith(again["results"])


def test_a_failing_task_is_named_with_the_end_of_its_log(side_by_side, capsys):
    print_result(side_by_side["exit code"])

    printed, told = capsys.readouterr()
    assert printed == ""
    assert "The workflow failed after" in told
    assert "failed: exit code 7, Essential container in task exited" in told
    assert told.rstrip().endswith("The end of its log:\n  no such sample")


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        ("too long", "exit code 143, Job attempt duration exceeded timeout"),
        ("killed", "exit code 137"),
        ("disk full", "No space left on device"),
    ],
)
def test_a_task_ends_as_its_engine_says(side_by_side, project_file, trouble, words):
    result = side_by_side[trouble]

    assert not result.succeeded
    assert words in "\n".join(result.why)
    bucket, _, key = f"{result.results}error.json".removeprefix("s3://").partition("/")
    body = LocalCloud.of_project(project_file).client("s3").get_object(Bucket=bucket, Key=key)["Body"]
    assert json.load(body)["cause"]["error"] == "CommandFailed"


def test_a_task_that_fails_twice_and_then_works_is_repeated_by_its_engine(side_by_side):
    result = side_by_side["twice"]

    assert result.succeeded, result.why
    assert result.tasks == {"FAILED": 2, "SUCCEEDED": 1}
    assert result.outputs == {"one.said": "well"}


def test_a_task_that_loses_its_spot_instance_goes_to_the_fallback_queue(side_by_side, project_file):
    result = side_by_side["spot"]

    assert result.succeeded, result.why
    first, second = jobs_of(project_file, result)
    assert first["statusReason"].startswith("Host EC2")
    assert second["status"] == "SUCCEEDED"
    assert first["jobQueue"] != second["jobQueue"]


def test_snakemake_runs_on_s3_by_its_released_plugin(side_by_side, project_file):
    result = side_by_side["snakemake"]

    assert result.succeeded, result.why
    assert result.tasks == {"SUCCEEDED": 1}
    bucket, _, key = result.outputs["greeting.txt"].removeprefix("s3://").partition("/")
    assert LocalCloud.of_project(project_file).client("s3").get_object(Bucket=bucket, Key=key)["Body"].read() == (
        b"hello zoe\n"
    )


def test_ctrl_c_leaves_nothing_running_and_the_rerun_uses_what_was_done(project_file):
    arguments = ["local", "run", "wdl", "steps", f"data={project_file.parent / 'more.txt'}", "--project", project_file]
    (project_file.parent / "more.txt").write_text("a\n")
    program = [sys.executable, "-c", "from workflow_stacks.cli import main; main()"]

    with subprocess.Popen([*program, *arguments, "seconds=300"], stderr=subprocess.PIPE, text=True) as run:
        for line in run.stderr:
            if "1 RUNNING, 1 SUCCEEDED" in line:
                break
        run.send_signal(signal.SIGINT)
        _, told = run.communicate(timeout=60)

    assert run.returncode == 1
    assert "nothing of it runs any more" in told
    assert "Traceback" not in told
    batch = LocalCloud.of_project(project_file).client("batch")
    queues = [queue["jobQueueArn"] for queue in batch.describe_job_queues()["jobQueues"]]
    every = [{"name": "JOB_NAME", "values": ["*"]}]
    listed = [job for queue in queues for job in batch.list_jobs(jobQueue=queue, filters=every)["jobSummaryList"]]
    assert {job["status"] for job in listed} <= ENDED
    assert "sleep 300" not in subprocess.check_output(["ps", "-eo", "args"], text=True)

    again = CliRunner().invoke(command_line, [*map(str, arguments), "seconds=0", "--json"])
    assert again.exit_code == 0, again.stderr
    assert json.loads(again.stdout)["tasks"] == {"SUCCEEDED": 1}


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (["nothing=1"], "the workflow has no input 'nothing'; its inputs are"),
        (["seconds=soon"], "the input seconds is 'soon', which is not of the type Int"),
        (["none.json"], "none.json is neither name=value nor a file that can be read"),
    ],
)
def test_wrong_inputs_are_refused_before_anything_is_submitted(command, inputs, message):
    code, _, told = command("steps", *inputs)

    assert code == 1
    assert message in told
    assert "Submitted" not in told


def test_a_workflow_that_is_wrong_is_refused_with_its_line(command, tmp_path):
    file = tmp_path / "wrong.wdl"
    file.write_text("version 1.0\nworkflow w {\n  call nothing\n}\n")

    code, _, told = command(str(file))

    assert code == 1
    assert f"{file}:3: No such task/workflow: nothing" in told
    assert "Traceback" not in told


def test_an_unknown_workflow_is_refused_with_those_there_are(command):
    code, _, told = command("step")

    assert code == 1
    assert "there is no workflow 'step'. Looked for a workflow of this name in the project file (it has steps)" in told


@pytest.mark.cycle
def test_roles_did_with_their_rights_what_the_table_says(project_file: Path) -> None:
    assert_rights(LocalCloud.of_project(project_file), project_file)
