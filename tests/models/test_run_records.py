"""A run that happened, from its AWS Batch job records."""

import json

import pytest
from typer.testing import CliRunner

from workflow_context.models.errors import ModelError
from workflow_context.models.machines import Machines
from workflow_context.models.prices import default_prices
from workflow_context.models.run_bill import run_bill
from workflow_context.models.run_records import run_record
from workflow_context.models.workloads import load_workload
from workflow_stacks.cli import app

HOUR = 3_600_000
PRICES = default_prices()


def job(name: str, hours: list[tuple[float, float]], vcpus: int = 4, memory: int = 16384, **more) -> dict:
    attempts = [
        {"startedAt": int(begin * HOUR), "stoppedAt": int(end * HOUR), "container": {"exitCode": 0}}
        for begin, end in hours
    ]
    return {
        "jobId": name,
        "jobName": name,
        "jobQueue": "arn:aws:batch:us-east-1:123456789012:job-queue/Demo-tasks",
        "status": "SUCCEEDED",
        "attempts": attempts,
        "container": {
            "exitCode": 0,
            "resourceRequirements": [
                {"type": "VCPU", "value": str(vcpus)},
                {"type": "MEMORY", "value": str(memory)},
            ],
        },
        "platformCapabilities": ["EC2"],
        **more,
    }


def head(hours: tuple[float, float]) -> dict:
    queue = "arn:aws:batch:us-east-1:123456789012:job-queue/Demo-head"
    return job("head", [hours], 1, 4096, jobQueue=queue, platformCapabilities=["FARGATE"])


JOBS = [
    head((0, 4)),
    job("align-1", [(0.5, 2.5)], usage={"peakMemoryMib": 6000, "cpuSeconds": 2 * 3600 * 3.4}),
    job("align-2", [(0.5, 1.5), (2, 4)]),
    job("call (3)", [(2.5, 3.5)], vcpus=2, memory=8192),
    {"jobName": "never", "status": "RUNNABLE", "container": {}},
]
JOBS[2]["attempts"][0]["statusReason"] = "Host EC2 (instance i-0) terminated."


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "run42.json"
    path.write_text(json.dumps({"jobs": JOBS}))
    return path


def test_all_attempts_count_and_the_interrupted_ones_are_work_done_again():
    record = run_record("run42", JOBS)
    assert len(record.tasks) == 3
    assert record.vcpu_hours == pytest.approx(4 * 2 + 4 * 3 + 2 * 1)
    assert record.memory_gib_hours == pytest.approx(16 * 2 + 16 * 3 + 8 * 1)
    assert record.retried_percent == pytest.approx(100 * (22 / 18 - 1))
    assert (record.interrupted, record.concurrency, record.hours) == (1, 2, 4)


def test_the_workload_of_a_run_says_what_was_measured():
    workload = run_record("run42", JOBS).workload("mine", inputGib=50)
    assert (workload.tasks, workload.concurrency) == (3, 2)
    assert workload.task_hours == pytest.approx(5 / 3, abs=1e-3)
    assert workload.task_vcpus == pytest.approx((4 * 2 + 4 * 2 + 2 * 1) / 5, abs=0.01)
    assert {"tasks", "taskHours", "taskVcpus", "taskMemoryGib"} <= set(workload.measured)
    assert "readGib" in workload.assumed


def test_the_right_size_is_told_where_something_tells_what_was_used():
    align, call = sorted(run_record("run42", JOBS).right_sizes(), key=lambda size: size.process)
    assert (align.process, align.jobs) == ("align", 2)
    assert (align.advised_vcpus, align.advised_memory_mib) == (4, 7424)
    assert (call.process, call.advised_memory_mib) == ("call", None)
    assert "Container Insights" in call.reason


def test_a_task_that_ran_out_of_memory_is_advised_twice_as_much():
    killed = job("sort-1", [(0, 1)])
    killed["container"]["exitCode"] = 137
    [size] = run_record("run", [killed]).right_sizes()
    assert size.advised_memory_mib == 2 * 16384


def test_the_bill_has_the_tasks_by_their_machines_and_the_head_on_fargate():
    lines, assumption = run_bill(run_record("run42", JOBS), PRICES, "us-east-1", Machines())
    by_item = {line.item: line for line in lines}
    # Five hours of 4 vCPUs and 16 GiB and one of half that are 5.5 hours of m6i.xlarge.
    tasks = sum(line.usd for line in lines if line.item.startswith("tasks"))
    assert tasks == pytest.approx(5.5 * 0.192)
    assert by_item["head job on Fargate, vCPUs"].quantity == 4
    assert "job records name no type" in assumption


def test_a_run_whose_tasks_never_started_is_refused():
    with pytest.raises(ModelError, match="none of its tasks has started"):
        run_record("run", [head((0, 1))])
    with pytest.raises(ModelError, match="job 0 has no jobName"):
        run_record("run", [{"id": 3}])


def test_analyze_writes_a_workload_that_recommend_reads(file, tmp_path):
    output = tmp_path / "run42.yaml"
    outcome = CliRunner().invoke(
        app, ["analyze", "--jobs", str(file), "--input-gib", "50", "--output", str(output), "--json"]
    )
    assert outcome.exit_code == 0, outcome.output
    assert json.loads(outcome.stdout)["rightSizes"][0]["process"] == "align"
    assert load_workload(output).tasks == 3
    advised = CliRunner().invoke(app, ["recommend", "--workload", str(output), "--json"])
    assert json.loads(advised.stdout)["workload"]["name"] == "run42"


def test_analyze_prints_sizes_for_people(file, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    outcome = CliRunner().invoke(app, ["analyze", "--jobs", str(file), "--input-gib", "50"])
    assert "align: used at most 6,000 MiB and 3.4 vCPUs" in outcome.stdout
    assert max(map(len, outcome.stdout.splitlines())) <= 80


def test_the_cost_of_a_run_stands_beside_its_estimate(file):
    args = ["cost", "--jobs", str(file), "--workload", "gatk-bam-to-vcf"]
    told = json.loads(CliRunner().invoke(app, [*args, "--json"]).stdout)["happened"]
    assert told["vcpuHours"] == pytest.approx(22)
    assert told["estimatedUsdMachines"]["EFS bursting"] > 0
    printed = CliRunner().invoke(app, args).stdout
    assert "the machines of the run: " in printed
    assert "percent)" in printed


@pytest.mark.parametrize(
    ("text", "message"), [("{", "is no JSON"), ("3", "must be a list of jobs"), ("[]", "none of its tasks")]
)
def test_a_file_that_holds_no_jobs_is_refused_in_words(tmp_path, text, message):
    path = tmp_path / "jobs.json"
    path.write_text(text)
    outcome = CliRunner().invoke(app, ["cost", "--jobs", str(path)])
    assert outcome.exit_code == 1
    assert message in outcome.stderr
