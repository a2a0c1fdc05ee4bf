"""A slow file system on purpose."""

from pathlib import Path

import pytest
from batch_fixture import MOUNT

from workflow_stacks.local.batch.job_tags import EFS_THROTTLE

MIB = 96
WRITE = f"dd if=/dev/zero of={MOUNT}/$AWS_BATCH_JOB_ID bs=256k count={MIB * 4} conv=fsync 2>/dev/null"


def seconds(job: dict) -> float:
    return (job["stoppedAt"] - job["startedAt"]) / 1000


def test_jobs_write_as_fast_as_the_throughput_that_was_asked_for(lab) -> None:
    free = lab.run(WRITE)
    held = lab.run(WRITE, tags={EFS_THROTTLE: "32"})

    assert (free["status"], held["status"]) == ("SUCCEEDED", "SUCCEEDED")
    assert seconds(held) >= MIB / 32 * 0.6
    assert seconds(held) > seconds(free)


def test_jobs_on_one_file_system_share_its_throughput(lab) -> None:
    jobs = [lab.submit(WRITE, tags={EFS_THROTTLE: "48"}) for _ in range(2)]

    ended = [lab.wait(job) for job in jobs]

    assert {job["status"] for job in ended} == {"SUCCEEDED"}
    whole = (max(job["stoppedAt"] for job in ended) - min(job["startedAt"] for job in ended)) / 1000
    assert whole >= 2 * MIB / 48 * 0.6


def test_a_job_that_is_held_back_can_be_ended(lab) -> None:
    job = lab.submit(f"while true; do {WRITE}; done", tags={EFS_THROTTLE: "1"})
    lab.wait(job, "RUNNING")

    lab.batch.terminate_job(jobId=job, reason="enough")

    assert lab.wait(job, patience=45)["statusReason"] == "enough"


@pytest.fixture(scope="module", autouse=True)
def enough_room(tmp_path_factory) -> None:
    """What is written is counted where it reaches a disk."""
    folder = tmp_path_factory.mktemp("disk")
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    _, kind = max((m[1], m[2]) for m in mounts if str(folder).startswith(m[1]))
    if kind == "tmpfs":
        pytest.skip("temporary files are in memory here, where no throughput is counted")
