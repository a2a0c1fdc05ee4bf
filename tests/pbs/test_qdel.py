"""qdel: what ends, what goes on, and what a head job finds when it begins."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from engine_calls import queue
from fake_batch import FakeBatch, NewSettings

from workflow_context.pbs import qdel as qdel_module
from workflow_context.pbs.batch_api import BatchApi, BatchError
from workflow_context.pbs.journal import Journal
from workflow_context.pbs.qdel import qdel
from workflow_context.pbs.script import PbsError
from workflow_context.pbs.submission import flush


class TestJobs:
    def test_qdel_ends_jobs(
        self, submit: Callable[..., str], api: BatchApi, batch: FakeBatch, new_settings: NewSettings
    ) -> None:
        settings = new_settings()
        first, second = submit(settings), submit(settings)
        assert qdel([first], api, settings) == ""
        assert [batch.job(one)["status"] for one in (first, second)] == ["FAILED", "RUNNABLE"]

    def test_a_job_that_cannot_be_ended_keeps_no_other_alive(
        self, submit: Callable[..., str], api: BatchApi, batch: FakeBatch, new_settings: NewSettings
    ) -> None:
        settings = new_settings()
        first, second = submit(settings), submit(settings)
        batch.not_to_end = {first}
        with pytest.raises(BatchError, match="not authorized"):
            qdel(["--run"], api, settings)
        assert [batch.job(one)["status"] for one in (first, second)] == ["RUNNABLE", "FAILED"]

    def test_all_of_an_array_ends_by_one_id_and_a_part_of_it_by_its_own(
        self, submit: Callable[..., str], api: BatchApi, batch: FakeBatch, new_settings: NewSettings
    ) -> None:
        settings = new_settings()
        whole, part = (submit(settings, "-t 0-2") for _ in range(2))
        ended: list[str] = []
        terminate = batch.terminatejob
        batch.terminatejob = lambda request: ended.append(request["jobId"]) or terminate(request)  # type: ignore[method-assign, func-returns-value]
        qdel([*(f"{whole[:-2]}[{index}]" for index in range(3)), part.replace("[]", "[1]")], api, settings)
        assert ended == [batch.names[whole.replace("[]", "[0]")][:-2], batch.names[part.replace("[]", "[1]")]]

    def test_one_of_an_array_that_batch_does_not_end_alone_never_begins(
        self, api: BatchApi, batch: FakeBatch, new_settings: NewSettings, tmp_path: Path
    ) -> None:
        settings = new_settings()
        (tmp_path / "s.sh").write_text("echo\n")
        ids = [queue(["s.sh"], tmp_path, settings) for _ in range(3)]
        flush(Journal(settings.state, settings.run), api, settings)
        batch.know(settings)
        batch.not_to_end = {ids[1]}
        with pytest.raises(BatchError, match="not authorized"):
            qdel([ids[1]], api, settings)
        [folder] = (settings.state / "runs" / "run.tasks").iterdir()
        assert (folder / "ended-1").exists()
        assert not (folder / "ended-0").exists()
        qdel(["--run"], api, settings)
        assert not batch.living()


class TestBulk:
    """Fifty jobs a request, where AWS Batch can do that."""

    def test_5000_jobs_end_in_100_requests(self, api: BatchApi, batch: FakeBatch, new_settings: NewSettings) -> None:
        settings = new_settings()
        journal = Journal(settings.state, settings.run)
        for number in range(5000):
            batch.jobs[str(number)] = {"jobId": str(number), "status": "RUNNING"}
            submission = {"name": f"job-{number}", "queue": settings.queue, "ids": [str(number)], "at": time.time()}
            journal.add({"what": "sent", **submission}, {"what": "taken", **submission, "batch": str(number)})
        qdel(list(batch.jobs), api, settings)
        assert {job["status"] for job in batch.jobs.values()} == {"FAILED"}
        assert (batch.calls["terminatejobs"], batch.calls["terminatejob"]) == (100, 0)

    @pytest.mark.parametrize("count", [1, 2, 50, 51])
    def test_they_end_one_by_one_where_it_cannot(
        self, submit: Callable[..., str], api: BatchApi, batch: FakeBatch, new_settings: NewSettings, count: int
    ) -> None:
        settings = new_settings()
        ids = [submit(settings) for _ in range(count)]
        batch.unknown = {"terminatejobs"}
        qdel(ids, api, settings)
        assert {job["status"] for job in batch.jobs.values()} == {"FAILED"}
        assert batch.calls["terminatejob"] == count

    def test_jobs_that_one_request_did_not_end_are_tried_again_by_themselves(
        self, submit: Callable[..., str], api: BatchApi, batch: FakeBatch, new_settings: NewSettings
    ) -> None:
        settings = new_settings()
        ids = [submit(settings) for _ in range(60)]
        batch.not_to_end = {ids[7], ids[55]}
        with pytest.raises(BatchError, match="not authorized"):
            qdel(ids, api, settings)
        assert set(batch.living()) == {batch.names[id_] for id_ in batch.not_to_end}

    def test_a_batch_that_is_too_busy_is_asked_again(
        self, submit: Callable[..., str], api: BatchApi, batch: FakeBatch, new_settings: NewSettings
    ) -> None:
        settings = new_settings()
        ids = [submit(settings) for _ in range(60)]
        batch.throttled = 6
        qdel(ids, api, settings)
        assert {job["status"] for job in batch.jobs.values()} == {"FAILED"}
        assert batch.calls["terminatejob"] == 0


class TestBegin:
    """A run belongs to one head job at a time."""

    @pytest.fixture
    def head(self, api: BatchApi, batch: FakeBatch, new_settings: NewSettings) -> Callable[[str], str]:
        def begin(id_: str) -> str:
            batch.jobs.setdefault(id_, {"jobId": id_, "jobName": id_, "jobQueue": "heads", "status": "RUNNING"})
            return qdel(["--begin"], api, new_settings(head=id_))

        return begin

    def test_the_first_head_job_has_nothing_to_end(self, head: Callable[[str], str]) -> None:
        assert head("first") == ""

    def test_one_that_is_at_work_keeps_others_out(self, head: Callable[[str], str]) -> None:
        head("first")
        with pytest.raises(PbsError, match=r"head job first is at work on this run \(RUNNING\)"):
            head("second")

    def test_what_one_that_is_gone_left_is_ended(
        self, head: Callable[[str], str], submit: Callable[..., str], batch: FakeBatch, new_settings: NewSettings
    ) -> None:
        head("first")
        id_ = submit(new_settings())
        batch.become("FAILED", "first")
        assert head("second") == "ended 1 jobs that head job first left"
        assert batch.job(id_)["status"] == "FAILED"

    def test_it_goes_on_when_that_has_really_ended(
        self,
        head: Callable[[str], str],
        submit: Callable[..., str],
        batch: FakeBatch,
        new_settings: NewSettings,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(qdel_module, "_PAUSE", 0.0)
        head("first")
        id_ = submit(new_settings())
        batch.become("FAILED", "first")
        batch.slow_to_end = 3
        head("second")
        assert batch.job(id_)["status"] == "FAILED"
        batch.slow_to_end = 1000
        submit(new_settings())
        batch.become("FAILED", "second")
        monkeypatch.setattr(qdel_module, "_MAX_WAIT", 0.01)
        with pytest.raises(PbsError, match="do not end"):
            head("third")

    def test_one_that_ended_well_left_nothing(self, head: Callable[[str], str], batch: FakeBatch) -> None:
        head("first")
        batch.become("SUCCEEDED", "first")
        assert head("second") == ""

    def test_its_own_second_attempt_goes_on(self, head: Callable[[str], str]) -> None:
        head("first")
        assert head("first") == "ended 0 jobs that head job first left"

    def test_one_that_batch_has_forgotten_is_gone(self, head: Callable[[str], str], batch: FakeBatch) -> None:
        head("first")
        batch.jobs.clear()
        assert head("second") == "ended 0 jobs that head job first left"
