"""Which queue a task gets, where a context has several kinds of machines."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from fake_batch import FakeBatch

from workflow_context.pbs.batch_api import BatchApi
from workflow_context.pbs.machines import Machines, NoMachinesError, machines_for, read_machines
from workflow_context.pbs.qdel import qdel
from workflow_context.pbs.qstat import qstat
from workflow_context.pbs.script import PbsError
from workflow_context.pbs.settings import Settings

ARN = "arn:aws:batch:us-east-1:123456789012:job-queue"
SPOT = "Host EC2 (instance i-0123) terminated."
TOLD: list[dict[str, Any]] = [
    {},
    {"name": "large", "queue": "Large", "memory_mib": 65536},
    {"name": "huge", "queue": "Huge", "fallback": "HugeFallback", "memory_mib": 524288},
    {"name": "gpu", "queue": "Gpu", "gpu": True},
    {"name": "arm", "queue": "Arm", "architecture": "arm64"},
]

NewSettings = Callable[..., Settings]
Submit = Callable[..., str]


@pytest.fixture
def settings(new_settings: NewSettings) -> Settings:
    return new_settings(queue=f"{ARN}/Task", more_machines=json.dumps(TOLD))


def snakemake(**resources: object) -> str:
    """The line by which Snakemake says what a rule asks for, after the `#PBS ` that `submit` writes."""
    return f"\n# properties = {json.dumps({'rule': 'r', 'resources': resources})}"


class TestChoice:
    KINDS = read_machines(json.dumps(TOLD), "task", "")

    @pytest.mark.parametrize(
        ("asked", "name"),
        [
            ({}, ""),
            ({"memory_mib": 65535}, ""),
            ({"memory_mib": 65536}, "large"),
            ({"memory_mib": 600_000}, "huge"),
            ({"gpus": 1}, "gpu"),
            ({"gpus": 1, "memory_mib": 600_000}, "gpu"),
            ({"architecture": "arm64"}, "arm"),
            ({"architecture": "x86_64"}, ""),
        ],
    )
    def test_a_task_gets_the_machines_that_have_what_it_asks_for(self, asked: dict[str, Any], name: str) -> None:
        assert machines_for(self.KINDS, **asked).name == name

    def test_of_machines_for_gpus_those_for_so_much_memory_or_the_smallest(self) -> None:
        kinds = [
            Machines("", "q"),
            Machines("big", "q", gpu=True, memory_mib=2000),
            Machines("small", "q", gpu=True, memory_mib=1000),
        ]
        found = [machines_for(kinds, gpus=1, memory_mib=memory).name for memory in (0, 1000, 2000)]
        assert found == ["small", "small", "big"]

    def test_without_others_tasks_run_on_machines_with_gpus_too(self) -> None:
        kinds = [Machines("", "q", gpu=True), Machines("large", "q", gpu=True, memory_mib=1000)]
        assert machines_for(kinds).name == ""
        assert machines_for(kinds, memory_mib=1000).name == "large"

    def test_what_no_machines_have_is_refused_and_what_there_is_is_said(self) -> None:
        with pytest.raises(NoMachinesError) as refused:
            machines_for(self.KINDS, gpus=1, architecture="arm64")
        assert str(refused.value) == (
            "no machines of this workflow context have arm64 processors and GPUs; they are its own (x86_64), "
            "large (x86_64, from 64 GiB), huge (x86_64, from 512 GiB), gpu (x86_64, GPUs), arm (arm64)"
        )

    def test_where_there_is_one_kind_aws_batch_says_itself_what_it_cannot_run(self) -> None:
        assert machines_for([Machines("", "q")], gpus=8, memory_mib=10**9).queue == "q"


class TestQsub:
    @pytest.mark.parametrize(
        ("header", "queue"),
        [
            ("-l mem=1gb", "Task"),
            ("-l mem=64gb", "Large"),
            ("-l select=1:ncpus=32:mem=64gb", "Large"),
            ("-l ppn=32,pmem=2gb", "Large"),
            ("-l gpus=1", "Gpu"),
            ("-v WORKFLOW_GPUS=1", "Gpu"),
            ("-l arch=arm64", "Arm"),
            ("-q large", "Large"),
            ("-q Large", "Large"),
            ("-q gpu -l mem=64gb", "Gpu"),
            ("-q Task -l mem=64gb", "Large"),
            (snakemake(mem_mb=70_000), "Large"),
            (snakemake(mem_mb=60_000), "Task"),
            (snakemake(gpu=2), "Gpu"),
            (snakemake(machines="huge"), "Huge"),
            (snakemake(architecture="arm64"), "Arm"),
        ],
    )
    def test_a_task_is_submitted_to_the_queue_of_its_machines(
        self, submit: Submit, batch: FakeBatch, settings: Settings, header: str, queue: str
    ) -> None:
        assert batch.job(submit(settings, header))["request"]["jobQueue"] == f"{ARN}/{queue}"

    def test_what_there_is_not_is_refused(self, submit: Submit, settings: Settings) -> None:
        with pytest.raises(PbsError, match="'fast' is no queue of this workflow context"):
            submit(settings, "-q fast")
        with pytest.raises(PbsError, match="arch='sparc' is no processor architecture: x86_64 or arm64"):
            submit(settings, "-l arch=sparc")
        with pytest.raises(PbsError, match="have arm64 processors and GPUs"):
            submit(settings, "-l arch=arm64,gpus=1")


class TestAfterwards:
    def test_an_engine_that_asks_by_its_queue_sees_tasks_that_went_to_other_machines(
        self, submit: Submit, api: BatchApi, settings: Settings
    ) -> None:
        small, large, named = (submit(settings, one) for one in ("-q Task", "-q Task -l mem=64gb", "-q large"))
        of_task = qstat(["-f", "-1", f"{ARN}/Task"], api, settings)
        assert small in of_task
        assert large in of_task
        assert named not in of_task
        assert named in qstat(["-f", "-1", "large"], api, settings)

    def test_a_task_that_lost_its_machine_goes_to_the_fallback_queue_of_its_kind(
        self, submit: Submit, poll: Callable[[Settings], dict[str, str]], batch: FakeBatch, settings: Settings
    ) -> None:
        submit(settings, "-q huge")
        batch.become("FAILED", statusReason=SPOT)
        poll(settings)
        queues = [job["request"]["jobQueue"] for job in batch.jobs.values()]
        assert queues == [f"{ARN}/Huge", f"{ARN}/HugeFallback"]

    def test_on_machines_without_a_fallback_queue_aws_batch_tries_again(
        self, submit: Submit, batch: FakeBatch, settings: Settings
    ) -> None:
        assert "retryStrategy" in batch.job(submit(settings, "-q huge"))["request"]
        assert "retryStrategy" not in batch.job(submit(settings, "-q large"))["request"]

    def test_a_run_that_is_ended_leaves_none_to_a_fallback_queue(
        self, submit: Submit, api: BatchApi, batch: FakeBatch, settings: Settings
    ) -> None:
        submit(settings, "-q huge")
        batch.become("FAILED", statusReason=SPOT)
        qdel(["--run"], api, settings)
        assert len(batch.jobs) == 1
