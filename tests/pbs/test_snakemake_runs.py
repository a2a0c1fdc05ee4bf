"""Snakemake itself on the local cloud, its working directory on the context's EFS, its tasks jobs of AWS Batch."""

import re
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from head_jobs import HeadJobs, requirement
from local_runs import needs_sandbox
from rights import assert_rights

from workflow_context.ended_runs import END_MARK
from workflow_stacks.local import LocalCloud

pytestmark = pytest.mark.cycle

SCATTER = """
rule all:
    input: "gathered.txt"
rule part:
    output: "part{n}.txt"
    threads: 2
    resources: mem_mb=3000, runtime=90
    shell: "echo {wildcards.n}${{PYTHONPATH-}} >{output}"
rule gather:
    input: expand("part{n}.txt", n=[1, 2, 3])
    output: "gathered.txt"
    shell: "cat {input} | tr '\\\\n' + >{output}"
"""

CONTAINED = """
rule contained:
    output: "{n}.txt"
    resources: container_image="quay.io/lab/snakemake-with-samtools:1.21", gpu=1
    shell: "echo {wildcards.n} >{output}"
"""

FAILS = """
rule fails:
    output: "never.txt"
    shell: "echo this is why >&2; exit 3"
"""

# Each task says that it began: one that runs twice says it twice.
SLOW = """
rule all:
    input: "quick.txt", "slow.txt"
rule quick:
    output: "quick.txt"
    shell: "echo quick >>began; echo quick >{output}"
rule slow:
    input: "quick.txt"
    output: "slow.txt"
    shell: "echo slow >>began; while [ ! -e go ]; do sleep 0.2; done; echo slow >{output}"
"""

LARGE = """
rule all:
    input: "small.txt", "large.txt", "named.txt"
rule small:
    output: "small.txt"
    resources: mem_mb=2000
    shell: "echo >{output}"
rule large:
    output: "large.txt"
    resources: mem_mb=100000
    shell: "echo >{output}"
rule named:
    output: "named.txt"
    resources: mem_mb=1000, machines="large"
    shell: "echo >{output}"
"""

LOST = """
rule lost:
    output: "lost.txt"
    shell: "sleep 1; echo lost >{output}"
"""

GROUPED = """
rule second:
    input: "first.txt"
    output: "second.txt"
    group: "both"
    resources: mem_mb=2000
    shell: "cp {input} {output}"
rule first:
    output: "first.txt"
    group: "both"
    resources: mem_mb=1000
    shell: "echo first >{output}"
"""

MANY = """
rule all:
    input: expand("{n}.txt", n=range(200))
rule one:
    output: "{n}.txt"
    shell: "echo {wildcards.n} >{output}"
"""
# Instead of the Snakemake of a task, which takes seconds of a processor: here all tasks share those of one machine.
QUICK_TASK = """#!/bin/bash
# properties = {properties}
[[ $(grep "^# properties" "$0") =~ output.:\\ .*\\"([0-9]+[.]txt)\\" ]] && echo done >"${{BASH_REMATCH[1]}}"
"""


@pytest.fixture(scope="module")
def heads(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HeadJobs]:
    needs_sandbox()
    with LocalCloud(tmp_path_factory.mktemp("cloud")) as cloud:
        yield HeadJobs(cloud, "snakemake", tmp_path_factory.mktemp("snakemake"), [])


class Workflow:
    """A Snakefile in a directory of its own on the file system."""

    def __init__(self, heads: HeadJobs, name: str, text: str) -> None:
        self.files = heads.files / name
        self._directory = f"/mnt/efs/{name}"
        self._heads = heads
        heads.write(f"{name}/Snakefile", text)

    def start(self, options: str = "", tags: Mapping[str, str] | None = None, **environment: str) -> str:
        quick = f"--seconds-between-status-checks 1 --latency-wait 5 {options}"
        parameters = {"directory": self._directory, "options": quick}
        return self._heads.start(parameters, tags, {"WORKFLOW_FRESH_SECONDS": "1", **environment})

    def run(self, options: str = "", tags: Mapping[str, str] | None = None, **environment: str) -> tuple[str, str]:
        return self._heads.wait(self.start(options, tags, **environment))

    def read(self, name: str) -> str:
        return (self.files / name).read_text()


@pytest.fixture
def workflow(heads: HeadJobs, request: pytest.FixtureRequest) -> Callable[[str], Workflow]:
    """Put a workflow on the file system."""
    return lambda text: Workflow(heads, re.sub(r"\W", "_", request.node.name), text)


def test_a_scatter_and_a_gather_ask_for_what_their_rules_say(
    heads: HeadJobs, workflow: Callable[[str], Workflow]
) -> None:
    since = time.time()
    mine = workflow(SCATTER)
    status, log = mine.run()
    assert status == "SUCCEEDED", log
    assert mine.read("gathered.txt") == "1+2+3+"
    *parts, gather = heads.tasks(since)
    assert [requirement(one, "VCPU") for one in parts] == ["2"] * 3
    assert [requirement(one, "MEMORY") for one in parts] == ["2862"] * 3
    assert {one["timeout"]["attemptDurationSeconds"] for one in parts} == {90 * 60}
    assert {one["jobName"].split("-")[0] for one in parts} == {"part"}
    assert requirement(gather, "VCPU") == "1"
    assert gather["container"]["image"] == "docker.io/snakemake/snakemake:v9.27.1"
    assert gather["container"]["mountPoints"][0]["containerPath"] == "/mnt/efs"


def test_a_rule_runs_in_the_image_that_it_names(heads: HeadJobs, workflow: Callable[[str], Workflow]) -> None:
    since = time.time()
    mine = workflow(CONTAINED)
    status, log = mine.run("a.txt b.txt")
    assert status == "SUCCEEDED", log
    tasks = heads.tasks(since)
    assert [one["container"]["image"] for one in tasks] == ["quay.io/lab/snakemake-with-samtools:1.21"] * 2
    assert [requirement(one, "GPU") for one in tasks] == ["1", "1"]
    assert len({one["jobDefinition"] for one in tasks}) == 1
    assert "removed 1 job definitions" in log


def test_a_workflow_in_s3_comes_along_with_its_files(heads: HeadJobs) -> None:
    bucket, _, place = heads.outputs["Outputs"].removeprefix("s3://").partition("/")
    prefix = f"{place.rstrip('/')}/"
    files = {
        "workflow/Snakefile": 'configfile: "config/names.yaml"\ninclude: "rules/greet.smk"\n',
        "workflow/rules/greet.smk": """
rule greet:
    output: "greeting.txt"
    shell: "echo {config[word]} {config[name]} >{output}"
""",
        "config/names.yaml": "word: hello\nname: nobody\n",
    }
    for name, text in files.items():
        heads.client("s3").put_object(Bucket=bucket, Key=f"{prefix}flow/{name}", Body=text.encode())
    address = f"s3://{bucket}/{prefix}flow/workflow/Snakefile"
    options = "greeting.txt --seconds-between-status-checks 1 --config 'name=two words'"
    status, log = heads.run({"snakefile": address, "directory": "/mnt/efs/flow", "options": options})
    assert status == "SUCCEEDED", log
    assert (heads.files / "flow" / "greeting.txt").read_text() == "hello two words\n"


def test_rules_of_a_group_are_one_job(heads: HeadJobs, workflow: Callable[[str], Workflow]) -> None:
    since = time.time()
    mine = workflow(GROUPED)
    status, log = mine.run()
    assert status == "SUCCEEDED", log
    assert mine.read("second.txt") == "first\n"
    [task] = heads.tasks(since)
    assert requirement(task, "MEMORY") == "1908"


def test_a_rule_that_fails_fails_the_head_job_and_says_why(workflow: Callable[[str], Workflow]) -> None:
    status, log = workflow(FAILS).run()
    assert status == "FAILED"
    assert "exit code 1" in log
    assert "  this is why" in log


def test_rules_that_ask_for_much_memory_or_name_machines_run_there(
    heads: HeadJobs, workflow: Callable[[str], Workflow]
) -> None:
    since = time.time()
    status, log = workflow(LARGE).run()
    assert status == "SUCCEEDED", log
    queues = {requirement(one, "MEMORY"): one["jobQueue"] for one in heads.tasks(since)}
    large = heads.outputs["TaskQueueLarge"]
    assert queues == {"1908": heads.outputs["TaskQueue"], "95368": large, "954": large}


def test_a_task_that_lost_its_spot_machine_goes_to_the_fallback_queue(
    heads: HeadJobs, workflow: Callable[[str], Workflow]
) -> None:
    since = time.time()
    status, log = workflow(LOST).run(tags={"local:spot-interruption": "1.0"})
    assert status == "SUCCEEDED", log
    queues = [one["jobQueue"] for one in heads.tasks(since)]
    assert queues == [heads.outputs["TaskQueue"], heads.outputs["FallbackQueue"]]


def at_work_on_slow(heads: HeadJobs, workflow: Callable[[str], Workflow], since: float) -> tuple[Workflow, str]:
    """A workflow and its head job, when quick is done and slow runs."""
    mine = workflow(SLOW)
    head = mine.start()
    deadline = time.monotonic() + 100
    while [one["status"] for one in heads.tasks(since)] != ["SUCCEEDED", "RUNNING"] or "slow" not in mine.read("began"):
        assert time.monotonic() < deadline
        time.sleep(0.3)
    return mine, head


def test_a_second_head_job_does_only_what_one_that_lost_its_machine_left(
    heads: HeadJobs, workflow: Callable[[str], Workflow]
) -> None:
    """The task that was running is ended, and has ended, before it is done again."""
    since = time.time()
    mine, first = at_work_on_slow(heads, workflow, since)
    heads.kill(first)
    heads.wait(first)
    assert [one["status"] for one in heads.tasks(since)] == ["SUCCEEDED", "RUNNING"]
    assert list((mine.files / ".snakemake" / "locks").iterdir())
    assert not (mine.files / END_MARK).exists()
    second = mine.start()
    while len(tasks := heads.tasks(since)) < 3:
        assert heads.describe(second)["status"] not in ("SUCCEEDED", "FAILED"), heads.log(heads.describe(second))
        time.sleep(0.3)
    assert not (mine.files / END_MARK).exists()
    (mine.files / "go").touch()
    status, log = heads.wait(second)
    assert status == "SUCCEEDED", log
    assert mine.read(END_MARK) == "0\n"
    assert f"ended 1 jobs that head job {first} left" in log
    assert mine.read("began").split() == ["quick", "slow", "slow"]
    quick, slow, again = heads.tasks(since)
    assert [one["status"] for one in (quick, slow, again)] == ["SUCCEEDED", "FAILED", "SUCCEEDED"]
    assert slow["stoppedAt"] <= again["createdAt"]
    assert tasks[2]["jobId"] == again["jobId"]


def test_a_head_job_at_work_keeps_others_out_and_ends_its_tasks_when_it_is_terminated(
    heads: HeadJobs, workflow: Callable[[str], Workflow]
) -> None:
    since = time.time()
    mine, first = at_work_on_slow(heads, workflow, since)
    status, log = mine.run()
    assert status == "FAILED"
    assert f"head job {first} is at work on this run (RUNNING)" in log
    assert heads.tasks(since)[1]["status"] == "RUNNING"
    heads.batch.terminate_job(jobId=first, reason="enough")
    assert heads.wait(first)[0] == "FAILED"
    assert [one["status"] for one in heads.tasks(since)] == ["SUCCEEDED", "FAILED"]
    assert not (mine.files / ".snakemake" / "locks").exists()  # it ended by itself: one that is killed leaves them


@contextmanager
def counting(endpoint: str) -> Iterator[tuple[str, Counter[str]]]:
    """Something before AWS Batch that counts what it is asked: its address, and operation to number."""
    calls: Counter[str] = Counter()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            calls[self.path.rpartition("/")[2]] += 1
            headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            with urllib.request.urlopen(urllib.request.Request(endpoint + self.path, body, headers)) as answer:
                content = answer.read()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", calls
        finally:
            server.shutdown()
            thread.join()


def test_200_jobs_ask_little_of_aws_batch(heads: HeadJobs, workflow: Callable[[str], Workflow]) -> None:
    mine = workflow(MANY)
    (mine.files / "quick.sh").write_text(QUICK_TASK)
    began = time.monotonic()
    with counting(heads.batch.meta.endpoint_url) as (endpoint, calls):
        head = mine.start(
            "--jobs 500 --seconds-between-status-checks 10 --jobscript quick.sh",
            AWS_ENDPOINT_URL_BATCH=endpoint,
            WORKFLOW_FRESH_SECONDS="10",
        )
        status, log = heads.wait(head, 280)
    print(f"\n200 jobs: {time.monotonic() - began:.0f} s, {dict(calls)}")
    assert status == "SUCCEEDED", log[-3000:]
    assert len(list(mine.files.glob("*.txt"))) == 200
    assert calls["submitjob"] < 150  # those that wait at the same time go together
    assert calls["describejobs"] < 20


def test_roles_did_with_their_rights_what_the_table_says(heads: HeadJobs) -> None:
    assert_rights(heads.cloud, heads.project)
