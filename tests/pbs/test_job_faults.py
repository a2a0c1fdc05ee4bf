"""Jobs from qsub to their end, with an AWS Batch that refuses, forgets and loses answers, and machines that go."""

from collections.abc import Callable
from pathlib import Path

import pytest
from fake_batch import ARN, SPOT, FakeBatch, NewSettings, states

from workflow_context.pbs.batch_api import BatchApi, BatchError, ResponseLostError
from workflow_context.pbs.journal import Journal
from workflow_context.pbs.qdel import qdel
from workflow_context.pbs.qstat import qstat


class TestSpot:
    def test_a_job_that_lost_its_machine_goes_to_the_fallback_queue_under_the_same_id(
        self, submit: Callable[..., str], api: BatchApi, batch: FakeBatch, new_settings: NewSettings
    ) -> None:
        settings = new_settings(fallback=f"{ARN}:job-queue/Fallback")
        id_ = submit(settings, "-l nodes=1:ppn=4", "-l walltime=02:00:00")
        batch.become("FAILED", statusReason=SPOT)
        assert states(qstat(["-f", "-1", settings.queue], api, settings)) == {id_: "Q"}
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
        self, submit: Callable[..., str], api: BatchApi, batch: FakeBatch, new_settings: NewSettings
    ) -> None:
        settings = new_settings(fallback=f"{ARN}:job-queue/Fallback")
        id_ = submit(settings)
        for _ in range(2):
            batch.become("FAILED", statusReason=SPOT)
            said = states(qstat(["-f"], api, settings))
        assert said == {id_: "C"}
        assert batch.calls["submitjob"] == 2

    def test_a_qstat_that_was_killed_on_the_way_leads_to_no_second_job(
        self,
        submit: Callable[..., str],
        api: BatchApi,
        batch: FakeBatch,
        new_settings: NewSettings,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        settings = new_settings(fallback=f"{ARN}:job-queue/Fallback")
        submit(settings)
        batch.become("FAILED", statusReason=SPOT)
        add = Journal.add

        def die(self: Journal, **record: object) -> None:
            if record["what"] == "moved":
                raise KeyboardInterrupt
            add(self, **record)

        with monkeypatch.context() as patch:
            patch.setattr(Journal, "add", die)
            with pytest.raises(KeyboardInterrupt):
                qstat(["-f"], api, settings)
        qstat(["-f"], api, settings)
        assert batch.calls["submitjob"] == 2

    def test_without_a_fallback_queue_batch_itself_tries_again(
        self, submit: Callable[..., str], batch: FakeBatch, new_settings: NewSettings
    ) -> None:
        submit(new_settings())
        submit(new_settings(context="other", fallback=f"{ARN}:job-queue/Fallback"))
        assert [job["request"].get("retryStrategy") for job in batch.jobs.values()] == [None, {"attempts": 1}]


class TestFaults:
    @pytest.mark.parametrize(
        "fault",
        [{"throttled": 5}, {"lost": 1}, {"lost_before": 2}],
        ids=["there are too many", "the answer is lost", "the request is lost"],
    )
    def test_whatever_becomes_of_a_request_there_is_one_job(
        self, submit: Callable[..., str], batch: FakeBatch, new_settings: NewSettings, fault: dict[str, int]
    ) -> None:
        for name, times in fault.items():
            setattr(batch, name, times)
        assert submit(new_settings()) in batch.jobs
        assert len(batch.jobs) == 1

    def test_so_are_questions_and_orders_to_end(
        self, submit: Callable[..., str], api: BatchApi, batch: FakeBatch, new_settings: NewSettings
    ) -> None:
        settings = new_settings()
        id_ = submit(settings)
        batch.throttled = 5
        assert states(qstat(["-f"], api, settings)) == {id_: "Q"}
        batch.throttled = 5
        qdel([id_], api, settings)
        assert batch.jobs[id_]["status"] == "FAILED"

    def test_a_batch_that_is_too_busy_for_long_is_an_error(
        self, submit: Callable[..., str], batch: FakeBatch, new_settings: NewSettings
    ) -> None:
        batch.throttled = 1000
        with pytest.raises(BatchError, match="TooManyRequests"):
            submit(new_settings())
        assert not batch.jobs

    def test_an_array_whose_answer_was_lost_is_found_again(
        self, submit: Callable[..., str], batch: FakeBatch, new_settings: NewSettings
    ) -> None:
        batch.lost = 1
        assert f"{submit(new_settings(), '-t 0-1')[:-2]}:1" in batch.jobs
        assert batch.calls["submitjob"] == 1

    def test_a_batch_that_cannot_be_reached_is_an_error(
        self, submit: Callable[..., str], batch: FakeBatch, new_settings: NewSettings
    ) -> None:
        batch.lost_before = 100
        with pytest.raises(ResponseLostError):
            submit(new_settings())

    def test_a_killed_head_job_leaves_jobs_that_the_next_one_ends(
        self,
        submit: Callable[..., str],
        api: BatchApi,
        batch: FakeBatch,
        new_settings: NewSettings,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Killed too between the submission of a job and the moment when its id was noted."""
        settings = new_settings()
        submit(settings)
        add = Journal.add

        def die(self: Journal, **record: object) -> None:
            if record["what"] == "id":
                raise KeyboardInterrupt
            add(self, **record)

        with monkeypatch.context() as patch:
            patch.setattr(Journal, "add", die)
            with pytest.raises(KeyboardInterrupt):
                submit(settings)
        assert qdel(["--run"], api, settings) == "ended 2 jobs"
        assert {job["status"] for job in batch.jobs.values()} == {"FAILED"}
        assert qdel(["--run"], api, settings) == "ended 0 jobs"

    def test_a_journal_whose_last_line_was_not_written_is_read(
        self, submit: Callable[..., str], api: BatchApi, new_settings: NewSettings
    ) -> None:
        settings = new_settings()
        id_ = submit(settings)
        with (settings.state / "runs" / "run.jsonl").open("a") as file:
            file.write('{"what":"se')
        assert states(qstat(["-f"], api, settings)) == {id_: "Q"}
