"""Nextflow itself on the local cloud, its work directory on the context's EFS, its tasks jobs of AWS Batch."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from head_jobs import HeadJobs, java_settings, requirement
from nextflow_itself import JAVA_OPTIONS, jars as nextflow_jars

from workflow_stacks.local import LocalCloud
from workflow_stacks.local.sandboxes import CannotRunError, find_sandbox

pytestmark = pytest.mark.cycle

SCATTER = """
process PART {
    cpus 2
    container 'docker.io/library/debian:13'
    input: val number
    output: path "part.txt"
    script: "echo $number >part.txt"
}
process GATHER {
    input: path "part*.txt"
    output: stdout
    script: "cat part*.txt | sort | tr '\\\\n' +"
}
workflow { PART(Channel.of(1, 2, 3)) | collect | GATHER | view { "gathered $it" } }
"""

GROWS = """
process GROWS {
    memory { 2.GB * task.attempt }
    errorStrategy 'retry'
    output: stdout
    script: "sleep 1; [ ${task.attempt} -gt 1 ] || exit 137; echo attempt ${task.attempt}"
}
workflow { GROWS() | view }
"""

FAILS = """
process FAILS { script: "echo this is why >&2; exit 3" }
workflow { FAILS() }
"""

CONTAINERS = """
process CONTAINED {
    container 'biocontainers/samtools:1.21'
    accelerator 1
    output: stdout
    script: "echo contained"
}
workflow { CONTAINED() | view }
"""
CONTAINERS_CONFIG = """
docker.registry = 'quay.io'
profiles { docker { docker.enabled = true } }
"""

ARRAY = """
process ITEM {
    array 3
    input: val number
    output: stdout
    script: "echo item $number"
}
workflow { ITEM(Channel.of(1, 2, 3)) | view }
"""

SLOW = """
process QUICK {
    output: path "quick.txt"
    script: "echo quick >quick.txt"
}
process SLOW {
    input: path quick
    output: stdout
    script: "while [ ! -e /mnt/efs/go ]; do sleep 0.2; done; cat $quick; echo slow"
}
workflow { QUICK() | SLOW | view }
"""


@pytest.fixture(scope="module")
def heads(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HeadJobs]:
    try:
        find_sandbox()
    except CannotRunError as error:
        pytest.skip(str(error))
    jars = nextflow_jars()
    folder = tmp_path_factory.mktemp("nextflow")
    software = folder / "software"
    program = software / "bin" / "nextflow"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec java {" ".join(JAVA_OPTIONS)} -cp "{jars}/*" nextflow.cli.Launcher "$@"\n')
    program.chmod(0o755)
    with LocalCloud(tmp_path_factory.mktemp("cloud")) as cloud:
        yield HeadJobs(cloud, "nextflow", folder, [software, jars, *java_settings()])


@pytest.fixture
def pipeline(heads: HeadJobs, request: pytest.FixtureRequest) -> Callable[..., str]:
    """Put a pipeline on the file system; its path."""

    def write(text: str, config: str = "") -> str:
        name = re.sub(r"\W", "_", request.node.name)
        heads.write(f"pipelines/{name}/nextflow.config", config)
        return heads.write(f"pipelines/{name}/main.nf", text)

    return write


def test_a_scatter_and_a_gather_share_files_by_links(heads: HeadJobs, pipeline: Callable[..., str]) -> None:
    since = time.time()
    status, log = heads.run({"pipeline": pipeline(SCATTER)})
    assert status == "SUCCEEDED", log
    assert "gathered 1+2+3+" in log
    *parts, gather = heads.tasks(since)
    assert [requirement(one, "VCPU") for one in parts] == ["2"] * 3
    assert {one["container"]["image"] for one in parts} == {"docker.io/library/debian:13"}
    assert gather["container"]["image"] == "public.ecr.aws/docker/library/ubuntu:24.04"
    assert len({one["jobDefinition"] for one in parts}) == 1
    assert "removed 1 job definitions" in log


def test_a_retry_asks_for_more_memory(heads: HeadJobs, pipeline: Callable[..., str]) -> None:
    since = time.time()
    status, log = heads.run({"pipeline": pipeline(GROWS)})
    assert status == "SUCCEEDED", log
    assert "attempt 2" in log
    assert [requirement(one, "MEMORY") for one in heads.tasks(since)] == ["2048", "4096"]


def test_a_process_that_fails_for_good_fails_the_head_job_and_says_why(
    heads: HeadJobs, pipeline: Callable[..., str]
) -> None:
    status, log = heads.run({"pipeline": pipeline(FAILS)})
    assert status == "FAILED"
    assert "this is why" in log


def test_the_profile_docker_of_a_pipeline_starts_no_container_in_the_container(
    heads: HeadJobs, pipeline: Callable[..., str]
) -> None:
    since = time.time()
    main = pipeline(CONTAINERS, CONTAINERS_CONFIG)
    status, log = heads.run({"pipeline": str(Path(main).parent), "profile": "docker"})
    assert status == "SUCCEEDED", log
    [task] = heads.tasks(since)
    assert task["container"]["image"] == "quay.io/biocontainers/samtools:1.21"
    assert requirement(task, "GPU") == "1"


def test_a_job_array_is_one_array_job(heads: HeadJobs, pipeline: Callable[..., str]) -> None:
    since = time.time()
    status, log = heads.run({"pipeline": pipeline(ARRAY)})
    assert status == "SUCCEEDED", log
    assert all(f"item {number}" in log for number in (1, 2, 3))
    assert [one["arrayProperties"]["size"] for one in heads.tasks(since)] == [3]


def test_a_task_that_lost_its_spot_machine_goes_to_the_fallback_queue(
    heads: HeadJobs, pipeline: Callable[..., str]
) -> None:
    since = time.time()
    status, log = heads.run({"pipeline": pipeline(GROWS)}, {"local:spot-interruption": "1.0"})
    assert status == "SUCCEEDED", log
    queues = [one["jobQueue"] for one in heads.tasks(since)]
    assert queues == [heads.outputs["TaskQueue"], heads.outputs["FallbackQueue"]] * 2


def wait_for_slow(heads: HeadJobs, since: float) -> None:
    """Wait until QUICK is done and SLOW runs."""
    deadline = time.monotonic() + 150
    while [one["status"] for one in heads.tasks(since)] != ["SUCCEEDED", "RUNNING"]:
        assert time.monotonic() < deadline
        time.sleep(0.3)


def test_a_head_job_that_is_terminated_ends_its_tasks(heads: HeadJobs, pipeline: Callable[..., str]) -> None:
    (heads.files / "go").unlink(missing_ok=True)
    since = time.time()
    head = heads.start({"pipeline": pipeline(SLOW)})
    wait_for_slow(heads, since)
    heads.batch.terminate_job(jobId=head, reason="enough")
    assert heads.wait(head)[0] == "FAILED"
    assert [one["status"] for one in heads.tasks(since)] == ["SUCCEEDED", "FAILED"]


def test_a_second_head_job_ends_what_one_that_lost_its_machine_left(
    heads: HeadJobs, pipeline: Callable[..., str]
) -> None:
    """Its tasks are ended first, then the run is done again in the same session."""
    (heads.files / "go").unlink(missing_ok=True)
    since = time.time()
    main = pipeline(SLOW)
    first = heads.start({"pipeline": main})
    wait_for_slow(heads, since)
    heads.kill(first)
    heads.wait(first)
    assert [one["status"] for one in heads.tasks(since)] == ["SUCCEEDED", "RUNNING"]
    second = heads.start({"pipeline": main, "session": first})
    while heads.tasks(since)[1]["status"] != "FAILED":
        assert heads.describe(second)["status"] not in ("SUCCEEDED", "FAILED")
        time.sleep(0.3)
    heads.write("go", "")
    status, log = heads.wait(second)
    assert status == "SUCCEEDED", log
    assert log.startswith("ended 1 jobs")
