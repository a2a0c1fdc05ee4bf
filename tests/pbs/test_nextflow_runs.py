"""Nextflow itself on the local cloud, its work directory on the context's EFS, its tasks jobs of AWS Batch."""

import fcntl
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from head_jobs import HeadJobs, requirement
from local_runs import needs_sandbox
from nextflow_runtime import as_program
from pipelines import (
    ARRAY,
    ASKED,
    CONTAINERS,
    CONTAINERS_CONFIG,
    FAILS,
    GROWS,
    HUGE,
    KILLED,
    LABELS_CONFIG,
    SCATTER,
    SHORT,
    SLOW,
    STEPS,
    labels,
)
from rights import assert_rights
from typing_extensions import override

from workflow_context.ended_runs import END_MARK
from workflow_stacks.local import LocalCloud

pytestmark = pytest.mark.cycle


class HurriedHeadJobs(HeadJobs):
    """Head jobs that look after their tasks each second: tests of other files do it as it is deployed."""

    @property
    @override
    def environment(self) -> dict[str, str]:
        config = re.sub(r"Interval = '\d+ sec'", "Interval = '1 sec'", self.outputs["ClientConfiguration"])
        return {"NEXTFLOW_CONFIG": config}


@pytest.fixture(scope="module")
def heads(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HeadJobs]:
    needs_sandbox()
    folder = tmp_path_factory.mktemp("nextflow")
    software = as_program(folder / "software")
    with LocalCloud(tmp_path_factory.mktemp("cloud")) as cloud:
        yield HurriedHeadJobs(cloud, "nextflow", folder, software)


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


def test_short_tasks_share_jobs_and_one_that_fails_is_tried_again_alone(
    heads: HeadJobs, pipeline: Callable[..., str]
) -> None:
    since = time.time()
    status, log = heads.run({"pipeline": pipeline(SHORT)})
    assert status == "SUCCEEDED", log
    assert f"sum {sum(range(1, 31))}" in log
    assert len(heads.tasks(since)) <= 8  # 3 or a few more, as they come, and the one that is tried again


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


def test_a_task_that_is_killed_with_all_its_processes_is_tried_again_at_once(
    heads: HeadJobs, pipeline: Callable[..., str]
) -> None:
    """As when its container has no memory left: no exit code is written, and Nextflow would wait for ten minutes."""
    since = time.time()
    head = heads.start({"pipeline": pipeline(KILLED)})
    deadline = time.monotonic() + 100
    while [one["status"] for one in heads.tasks(since)] != ["RUNNING"]:
        assert time.monotonic() < deadline
        time.sleep(0.3)
    time.sleep(1)
    heads.kill(heads.tasks(since)[0]["jobId"])
    status, log = heads.wait(head, 60)
    assert status == "SUCCEEDED", log
    assert "attempt 2" in log
    assert [requirement(one, "MEMORY") for one in heads.tasks(since)] == ["2048", "4096"]


def test_a_task_that_fits_on_no_machine_fails_and_says_why(heads: HeadJobs, pipeline: Callable[..., str]) -> None:
    """When the rule of its queue says so: not in the ten minutes that Nextflow gives files to be seen."""
    queue = heads.outputs["TaskQueue"]
    [found] = heads.batch.describe_job_queues(jobQueues=[queue])["jobQueues"]
    rules = found["jobStateTimeLimitActions"]
    assert rules
    heads.batch.update_job_queue(
        jobQueue=queue, jobStateTimeLimitActions=[{**rule, "maxTimeSeconds": 1} for rule in rules]
    )
    try:
        status, log = heads.run({"pipeline": pipeline(HUGE)})
    finally:
        heads.batch.update_job_queue(jobQueue=queue, jobStateTimeLimitActions=rules)
    assert status == "FAILED"
    assert "The job never ran: MISCONFIGURATION" in log


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
    assert [one["arrayProperties"]["size"] for one in heads.tasks(since)] == [3] * 3
    assert len({one["jobId"].partition(":")[0] for one in heads.tasks(since)}) == 1


def test_a_task_that_lost_its_spot_machine_goes_to_the_fallback_queue(
    heads: HeadJobs, pipeline: Callable[..., str]
) -> None:
    since = time.time()
    status, log = heads.run({"pipeline": pipeline(GROWS)}, {"local:spot-interruption": "1.0"})
    assert status == "SUCCEEDED", log
    queues = [one["jobQueue"] for one in heads.tasks(since)]
    assert queues == [heads.outputs["TaskQueue"], heads.outputs["FallbackQueue"]] * 2


def test_labels_of_nf_core_become_what_jobs_ask_for(heads: HeadJobs, pipeline: Callable[..., str]) -> None:
    since = time.time()
    main = pipeline(labels(), LABELS_CONFIG)
    status, log = heads.run({"pipeline": str(Path(main).parent)})
    assert status == "SUCCEEDED", log
    found: dict[str, list[tuple[int, float, float]]] = {}
    for job in heads.tasks(since):
        asked = (
            int(requirement(job, "VCPU") or 0),
            int(requirement(job, "MEMORY") or 0) / 1024,
            job["timeout"]["attemptDurationSeconds"] / 3600,
        )
        found.setdefault(job["jobName"].split("-")[1], []).append(asked)
    # Tasks that are alike and wait at the same time are one array job, which has a name of its own.
    assert sorted(one for each in found.values() for one in each) == sorted(
        one for each in ASKED.values() for one in each
    )


@pytest.fixture
def ran(heads: HeadJobs) -> Callable[[], list[str]]:
    """What tasks have run to their end since the test began."""
    for name in ("ran", "go"):
        (heads.files / name).unlink(missing_ok=True)
    return lambda: (heads.files / "ran").read_text().splitlines()


def names(jobs: list[dict[str, Any]]) -> list[str]:
    return [job["jobName"].split("-")[1] for job in jobs]


def test_a_resumed_run_does_only_what_is_missing(
    heads: HeadJobs, pipeline: Callable[..., str], ran: Callable[[], list[str]]
) -> None:
    main = pipeline(STEPS)
    first = heads.start({"pipeline": main})
    assert heads.wait(first)[0] == "FAILED"
    mark = heads.files / "nextflow" / "runs" / first / END_MARK
    assert mark.read_text() == "1\n"
    heads.write("go", "")
    since = time.time()
    status, log = heads.run({"pipeline": main, "session": first})
    assert mark.read_text() == "0\n"
    assert status == "SUCCEEDED", log
    assert "came to 1+2+3+" in log
    assert log.count("Cached process > PART") == 3
    assert names(heads.tasks(since)) == ["LAST"]
    since = time.time()
    status, log = heads.run({"pipeline": main, "session": first})
    assert status == "SUCCEEDED", log
    assert log.count("Cached process > ") == 4
    assert heads.tasks(since) == []
    assert sorted(ran()) == ["last", "part 1", "part 2", "part 3"]


def test_a_resumed_run_waits_for_the_lock_of_a_machine_that_went(
    heads: HeadJobs, pipeline: Callable[..., str], ran: Callable[[], list[str]]
) -> None:
    heads.write("go", "")
    main = pipeline(STEPS)
    first = heads.start({"pipeline": main})
    assert heads.wait(first)[0] == "SUCCEEDED"
    lock = heads.files / f"nextflow/runs/{first}/.nextflow/cache/{first}/db/LOCK"
    with lock.open("r+") as index:
        fcntl.lockf(index, fcntl.LOCK_EX)
        second = heads.start({"pipeline": main, "session": first})
        deadline = time.monotonic() + 100
        while not is_waited_for(lock):
            assert time.monotonic() < deadline, heads.log(heads.describe(second))
            time.sleep(0.2)
        assert heads.describe(second)["status"] == "RUNNING"
    status, log = heads.wait(second)
    assert status == "SUCCEEDED", log
    assert log.count("Cached process > ") == 4
    assert len(ran()) == 4


def is_waited_for(lock: Path) -> bool:
    """Whether a process waits for the lock of a file: https://man7.org/linux/man-pages/man5/proc_locks.5.html."""
    waiting = [line.split() for line in Path("/proc/locks").read_text().splitlines() if " -> " in line]
    return any(str(lock.stat().st_ino) in field.split(":") for fields in waiting for field in fields)


def wait_for_slow(heads: HeadJobs, since: float) -> None:
    """Wait until QUICK is done and SLOW runs."""
    deadline = time.monotonic() + 150
    while [one["status"] for one in heads.tasks(since)] != ["SUCCEEDED", "RUNNING"]:
        assert time.monotonic() < deadline
        time.sleep(0.3)


def test_a_head_job_that_is_terminated_ends_its_tasks(
    heads: HeadJobs, pipeline: Callable[..., str], ran: Callable[[], list[str]]
) -> None:
    since = time.time()
    head = heads.start({"pipeline": pipeline(SLOW)})
    wait_for_slow(heads, since)
    heads.batch.terminate_job(jobId=head, reason="enough")
    assert heads.wait(head)[0] == "FAILED"
    assert [one["status"] for one in heads.tasks(since)] == ["SUCCEEDED", "FAILED"]
    assert ran() == ["quick"]


def test_a_second_head_job_ends_what_one_that_lost_its_machine_left_and_does_the_rest(
    heads: HeadJobs, pipeline: Callable[..., str], ran: Callable[[], list[str]]
) -> None:
    """Its tasks are ended first, then those that had not finished are done again: no two of one at a time."""
    since = time.time()
    main = pipeline(SLOW)
    first = heads.start({"pipeline": main})
    wait_for_slow(heads, since)
    heads.kill(first)
    heads.wait(first)
    assert [one["status"] for one in heads.tasks(since)] == ["SUCCEEDED", "RUNNING"]
    mark = heads.files / "nextflow" / "runs" / first / END_MARK
    assert not mark.exists()
    second = heads.start({"pipeline": main, "session": first})
    deadline = time.monotonic() + 150
    while heads.tasks(since)[1]["status"] != "FAILED":
        assert time.monotonic() < deadline
        assert heads.describe(second)["status"] not in ("SUCCEEDED", "FAILED")
        time.sleep(0.3)
    assert not mark.exists()
    heads.write("go", "")
    status, log = heads.wait(second)
    assert status == "SUCCEEDED", log
    assert mark.read_text() == "0\n"
    assert log.startswith("ended 1 jobs")
    assert log.count("Cached process > QUICK") == 1
    quick, ended, again = heads.tasks(since)
    assert names([quick, ended, again]) == ["QUICK", "SLOW", "SLOW"]
    assert [one["status"] for one in (quick, ended, again)] == ["SUCCEEDED", "FAILED", "SUCCEEDED"]
    assert ended["stoppedAt"] <= again["startedAt"]
    assert ran() == ["quick", "slow"]


def test_roles_did_with_their_rights_what_the_table_says(heads: HeadJobs) -> None:
    assert_rights(heads.cloud, heads.project)
