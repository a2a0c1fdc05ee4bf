"""qstat: what an engine is told of its jobs, and what becomes of those that lost their machine."""

import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from captured import capture
from engine_calls import queue
from fake_batch import ARN, SPOT, FakeBatch, NewSettings, Poll, states

from workflow_context.pbs import polling
from workflow_context.pbs.batch_api import BatchApi
from workflow_context.pbs.journal import Journal
from workflow_context.pbs.qdel import qdel
from workflow_context.pbs.qstat import qstat
from workflow_context.pbs.submission import IMAGES_ONLY, flush


class TestLife:
    def test_a_job_is_queued_runs_and_is_complete(
        self, submit: Callable[..., str], api: BatchApi, batch: FakeBatch, new_settings: NewSettings
    ) -> None:
        settings = new_settings()
        id_ = submit(settings)
        seen = []
        for status in ("SUBMITTED", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED"):
            batch.become(status)
            seen.append(states(qstat(["-f", "-1", settings.queue], api, settings))[id_])
        assert seen == ["Q", "Q", "Q", "R", "C"]

    def test_a_job_that_ended_is_told_of_and_not_asked_for_again(
        self, submit: Callable[..., str], api: BatchApi, batch: FakeBatch, new_settings: NewSettings
    ) -> None:
        settings = new_settings()
        id_ = submit(settings)
        batch.become("FAILED", statusReason="Essential container in task exited")
        for _ in range(3):
            assert states(qstat(["-f"], api, settings)) == {id_: "C"}
        assert batch.calls["describejobs"] == 1

    def test_a_job_that_never_found_a_machine_ends_when_its_queue_says_so(
        self, submit: Callable[..., str], api: BatchApi, batch: FakeBatch, new_settings: NewSettings
    ) -> None:
        settings = new_settings(fallback=f"{ARN}:job-queue/Fallback")
        id_ = submit(settings)
        batch.become("FAILED", statusReason="Resource requirement is not satisfiable")
        assert states(qstat(["-f"], api, settings)) == {id_: "C"}
        assert batch.calls["submitjob"] == 1

    @pytest.mark.parametrize(
        ("told", "code", "why"),
        [
            ({"statusReason": "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT"}, "1", "never ran: MISCONFIGURATION"),
            ({"startedAt": 1, "exitCode": 137, "reason": "OutOfMemoryError"}, "137", "was ended: OutOfMemoryError"),
            ({"startedAt": 1, "statusReason": SPOT}, "143", "was ended: Host EC2"),
            ({"startedAt": 1, "exitCode": 0, "statusReason": "odd"}, "143", "was ended: odd"),
        ],
    )
    def test_nextflow_is_told_why_a_task_left_no_exit_code(
        self,
        api: BatchApi,
        batch: FakeBatch,
        new_settings: NewSettings,
        tmp_path: Path,
        told: dict[str, Any],
        code: str,
        why: str,
    ) -> None:
        settings = new_settings()
        (tmp_path / ".command.run").write_text("")
        id_ = queue([".command.run"], tmp_path, settings)
        flush(Journal(settings.state, settings.run), api, settings)
        batch.know(settings)
        batch.job(id_)["container"] |= {key: told[key] for key in ("exitCode", "reason") if key in told}
        batch.become("FAILED", id_, **{key: told[key] for key in ("startedAt", "statusReason") if key in told})
        qstat(["-f"], api, settings)
        assert (tmp_path / ".exitcode").read_text() == code
        assert why in (tmp_path / ".command.log").read_text()

    def test_an_exit_code_that_a_task_left_stays(
        self, api: BatchApi, batch: FakeBatch, new_settings: NewSettings, tmp_path: Path
    ) -> None:
        settings = new_settings()
        (tmp_path / ".command.run").write_text("")
        (tmp_path / ".exitcode").write_text("3")
        id_ = queue([".command.run"], tmp_path, settings)
        flush(Journal(settings.state, settings.run), api, settings)
        batch.know(settings)
        batch.become("FAILED", id_, startedAt=1)
        qstat(["-f"], api, settings)
        assert (tmp_path / ".exitcode").read_text() == "3"
        assert not (tmp_path / ".command.log").exists()

    def test_a_script_that_is_not_of_nextflow_finds_nothing_beside_it(
        self, submit: Callable[..., str], api: BatchApi, batch: FakeBatch, new_settings: NewSettings, tmp_path: Path
    ) -> None:
        settings = new_settings()
        submit(settings)
        batch.become("FAILED", statusReason="Resource requirement is not satisfiable")
        qstat(["-f"], api, settings)
        assert not (tmp_path / ".exitcode").exists()

    def test_a_job_that_is_left_out_now_and_then_waits(
        self, submit: Callable[..., str], api: BatchApi, batch: FakeBatch, new_settings: NewSettings
    ) -> None:
        settings = new_settings()
        id_ = submit(settings)
        seen = []
        for status, hidden in (("RUNNABLE", True), ("RUNNING", True), ("RUNNING", False), ("RUNNING", True)):
            batch.become(status)
            batch.hidden = set(batch.jobs) if hidden else set()
            seen.append(states(qstat(["-f"], api, settings))[id_])
        assert seen == ["Q", "Q", "R", "Q"]
        batch.hidden = set()
        batch.become("SUCCEEDED")
        assert qstat(["--status", id_], api, settings) == "success"

    def test_a_job_that_is_left_out_is_ended_all_the_same(
        self, submit: Callable[..., str], api: BatchApi, batch: FakeBatch, new_settings: NewSettings
    ) -> None:
        settings = new_settings()
        submit(settings)
        batch.hidden = set(batch.jobs)
        assert qdel(["--run"], api, settings) == "ended 1 jobs"
        assert not batch.living()

    def test_one_that_is_left_out_for_minutes_is_complete_and_ended_if_it_should_come_back(
        self,
        submit: Callable[..., str],
        api: BatchApi,
        batch: FakeBatch,
        new_settings: NewSettings,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        settings = new_settings()
        id_ = submit(settings)
        batch.hidden = set(batch.jobs)
        assert states(qstat(["-f"], api, settings)) == {id_: "Q"}
        monkeypatch.setattr(polling, "_ABSENT_SECONDS", 0.0)
        assert states(qstat(["-f"], api, settings)) == {id_: "C"}
        batch.hidden = set()
        qdel(["--run"], api, settings)
        assert not batch.living()

    def test_one_of_an_earlier_day_that_is_left_out_is_complete_at_once(
        self,
        submit: Callable[..., str],
        api: BatchApi,
        batch: FakeBatch,
        new_settings: NewSettings,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        settings = new_settings()
        id_ = submit(settings)
        batch.jobs.clear()
        monkeypatch.setattr(polling, "KEPT_SECONDS", 0.0)
        assert states(qstat(["-f"], api, settings)) == {id_: "C"}

    def test_one_word_for_each_job_as_snakemake_asks(
        self, submit: Callable[..., str], api: BatchApi, batch: FakeBatch, new_settings: NewSettings
    ) -> None:
        settings = new_settings(fresh_seconds=60.0)
        ids = [submit(settings) for _ in range(3)]
        batch.become("SUCCEEDED", ids[0])
        batch.become("FAILED", ids[1])
        assert [qstat(["--status", ids[index]], api, settings) for index in (0, 2)] == ["success", "running"]
        assert batch.calls["describejobs"] == 1
        assert qstat(["--status", ids[1]], api, settings) == "failed"

    def test_why_a_job_failed_is_said_to_whoever_reads_the_log_of_the_engine(
        self,
        submit: Callable[..., str],
        api: BatchApi,
        batch: FakeBatch,
        new_settings: NewSettings,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        settings = new_settings()
        id_ = submit(settings)
        batch.become("FAILED", statusReason="Essential container in task exited")
        batch.job(id_)["container"]["exitCode"] = 3
        qstat(["--status", id_], api, settings)
        assert (
            f"({batch.names[id_]}) failed: exit code 3, Essential container in task exited" in capsys.readouterr().err
        )

    def test_what_was_heard_is_noted_for_questions_that_come_soon(
        self,
        submit: Callable[..., str],
        api: BatchApi,
        batch: FakeBatch,
        new_settings: NewSettings,
        tmp_path: Path,
    ) -> None:
        settings = new_settings(status_dir=tmp_path)
        ids = [submit(settings) for _ in range(3)]
        batch.become("SUCCEEDED", ids[0])
        batch.become("FAILED", ids[1])
        qstat(["--status", ids[2]], api, settings)
        assert [(tmp_path / id_).read_text() for id_ in ids[:2]] == ["success\n", "failed\n"]
        assert not (tmp_path / ids[2]).exists()
        assert abs(time.time() - int((tmp_path / "polled").read_text())) < 60


class TestArrays:
    def test_each_job_has_a_state_of_its_own(
        self, submit: Callable[..., str], api: BatchApi, batch: FakeBatch, new_settings: NewSettings
    ) -> None:
        settings = new_settings()
        array = submit(settings, "-t 0-2")
        batch.become("RUNNING", array.replace("[]", "[1]"))
        assert states(qstat(["-f"], api, settings)) == {
            array.replace("[]", f"[{index}]"): state for index, state in enumerate("QRQ")
        }
        qdel([array], api, settings)
        assert {job["status"] for job in batch.jobs.values()} == {"FAILED"}

    def test_one_can_be_ended_alone(
        self, submit: Callable[..., str], api: BatchApi, batch: FakeBatch, new_settings: NewSettings
    ) -> None:
        settings = new_settings()
        array = submit(settings, "-t 0-2")
        qdel([array.replace("[]", "[1]")], api, settings)
        assert [job["status"] for job in batch.jobs.values()] == ["RUNNABLE", "FAILED", "RUNNABLE"]

    def test_a_run_ends_an_array_by_the_id_that_carries_its_tag(
        self, submit: Callable[..., str], poll: Poll, api: BatchApi, batch: FakeBatch, new_settings: NewSettings
    ) -> None:
        settings = new_settings(fallback=f"{ARN}:job-queue/Fallback")
        array = submit(settings, "-t 0-2")
        batch.become("FAILED", array.replace("[]", "[1]"), statusReason=SPOT)
        poll(settings)
        assert qdel(["--run"], api, settings) == "ended 3 jobs"
        assert {job["status"] for job in batch.jobs.values()} == {"FAILED"}
        # The array by its own id, and the job that went to the fallback queue.
        assert (batch.calls["terminatejobs"], batch.calls["terminatejob"]) == (1, 0)

    def test_one_that_lost_its_machine_goes_on_alone_with_its_index(
        self, submit: Callable[..., str], poll: Poll, batch: FakeBatch, new_settings: NewSettings
    ) -> None:
        settings = new_settings(fallback=f"{ARN}:job-queue/Fallback")
        array = submit(settings, "-t 0-1")
        batch.become("FAILED", array.replace("[]", "[1]"), statusReason=SPOT)
        poll(settings)
        [again] = [job for job in batch.jobs.values() if job["jobQueue"] == settings.fallback]
        assert {"name": "WORKFLOW_ARRAY_INDEX", "value": "1"} in again["container"]["environment"]


class TestSpot:
    def test_a_job_that_lost_its_machine_goes_to_the_fallback_queue_under_the_same_id(
        self, submit: Callable[..., str], api: BatchApi, batch: FakeBatch, new_settings: NewSettings
    ) -> None:
        settings = new_settings(fallback=f"{ARN}:job-queue/Fallback")
        id_ = submit(settings, "-l nodes=1:ppn=4", "-l walltime=02:00:00")
        batch.become("FAILED", statusReason=SPOT)
        assert states(qstat(["-f", "-1", settings.queue], api, settings)) == {id_: "Q"}
        flush(Journal(settings.state, settings.run), api, settings)
        first, again = batch.jobs.values()
        assert again["jobQueue"] == settings.fallback
        assert again["timeout"] == {"attemptDurationSeconds": 7200}
        for part in ("command", "resourceRequirements"):
            assert again["container"][part] == first["container"][part]
        batch.become("RUNNING", again["jobId"])
        assert states(qstat(["-f"], api, settings)) == {id_: "R"}
        qdel([id_], api, settings)
        assert again["status"] == "FAILED"

    def test_a_task_that_was_done_when_its_machine_went_is_not_run_again(
        self,
        submit: Callable[..., str],
        api: BatchApi,
        batch: FakeBatch,
        new_settings: NewSettings,
        tmp_path: Path,
    ) -> None:
        """Nextflow has read the exit code, and other tasks the results."""
        settings = new_settings(fallback=f"{ARN}:job-queue/Fallback")
        id_ = submit(settings)
        (tmp_path / ".exitcode").write_text("0")
        batch.become("FAILED", statusReason=SPOT)
        assert states(qstat(["-f"], api, settings)) == {id_: "C"}
        assert qstat(["--status", id_], api, settings) == "success"
        assert batch.calls["submitjob"] == 1

    def test_it_goes_there_once(
        self, submit: Callable[..., str], poll: Poll, batch: FakeBatch, new_settings: NewSettings
    ) -> None:
        settings = new_settings(fallback=f"{ARN}:job-queue/Fallback")
        id_ = submit(settings)
        for _ in range(2):
            batch.become("FAILED", statusReason=SPOT)
            said = poll(settings)
        assert said == {id_: "C"}
        assert batch.calls["submitjob"] == 2

    def test_without_a_fallback_queue_batch_itself_tries_again(
        self, submit: Callable[..., str], batch: FakeBatch, new_settings: NewSettings
    ) -> None:
        submit(new_settings())
        submit(new_settings(context="other", fallback=f"{ARN}:job-queue/Fallback"))
        assert [job["request"].get("retryStrategy") for job in batch.jobs.values()] == [None, IMAGES_ONLY]


class TestLoad:
    def test_10000_tasks_take_few_calls_and_little_time_and_memory(
        self, api: BatchApi, batch: FakeBatch, new_settings: NewSettings, tmp_path: Path
    ) -> None:
        """Prints calls, seconds and memory: `pytest -s`."""
        count, settings = 10_000, new_settings()
        script = capture("nextflow-retried")["script"].replace("TaskQueue-abc", settings.queue.rsplit("/")[-1])
        (tmp_path / ".command.run").write_text(script)
        journal = Journal(settings.state, settings.run)
        began = time.process_time()
        for _ in range(count):
            queue(["-N", "nf-RETRIED", ".command.run"], tmp_path, settings)
        queued = time.process_time() - began
        flush(journal, api, settings)
        submitted = time.process_time() - began
        print(f"\n{count} tasks: {dict(batch.calls)}, {queued:.1f} s to queue, {submitted:.1f} s with their submission")
        assert len(batch.jobs) == count
        assert sum(batch.calls.values()) <= 20
        assert len(states(qstat(["-f", "-1", settings.queue], api, settings))) == count
        assert batch.calls["describejobs"] == count / 100
        tracemalloc.start()
        assert len(states(qstat(["-f", "-1", settings.queue], api, settings))) == count
        left, peak = (size / 2**20 for size in tracemalloc.get_traced_memory())
        tracemalloc.stop()
        assert batch.calls["describejobs"] == 2 * count / 100
        print(f"{count // 100} DescribeJobs a poll; {peak:.1f} MiB at most, {left:.1f} of them kept")
        assert peak < 150
        assert left < 10
        batch.become("SUCCEEDED", *list(batch.jobs)[: count - 100])
        qstat(["-f"], api, settings)
        before = batch.calls["describejobs"]
        qstat(["-f"], api, settings)
        assert batch.calls["describejobs"] - before == 1
        assert qdel(["--run"], api, settings) == "ended 100 jobs"
        assert batch.calls["terminatejobs"] + batch.calls["terminatejob"] == 1
