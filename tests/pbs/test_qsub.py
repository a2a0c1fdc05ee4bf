"""qsub: what is submitted, once, with which definition, and by whom it is seen."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_batch import ARN, SPOT, TEMPLATE, FakeBatch, NewSettings, Poll, states

from workflow_context.pbs import claims
from workflow_context.pbs.batch_api import BatchApi, BatchError, ResponseLostError
from workflow_context.pbs.qdel import qdel
from workflow_context.pbs.qstat import qstat
from workflow_context.pbs.qsub import qsub
from workflow_context.pbs.script import PbsError
from workflow_context.pbs.settings import Settings


class TestDefinitions:
    def test_there_is_one_for_each_image_and_it_carries_the_mount(
        self, submit: Callable[..., str], batch: FakeBatch, new_settings: NewSettings
    ) -> None:
        settings = new_settings()
        for image in ("python:3.12", "ubuntu:22.04", "python:3.12"):
            submit(settings, f"-v WORKFLOW_IMAGE={image}")
        made = [one for arn, one in batch.definitions.items() if arn != TEMPLATE]
        assert [one["containerProperties"]["image"] for one in made] == ["python:3.12", "ubuntu:22.04"]
        assert all(re.fullmatch("ctx-fe-[0-9a-f]{20}", one["jobDefinitionName"]) for one in made)
        assert {one["containerProperties"]["mountPoints"][0]["containerPath"] for one in made} == {"/mnt/efs"}

    def test_another_head_job_finds_it(
        self, submit: Callable[..., str], batch: FakeBatch, new_settings: NewSettings, tmp_path: Path
    ) -> None:
        for folder in ("one", "two"):
            (tmp_path / folder).mkdir()
            submit(new_settings(state=tmp_path / folder), "-v WORKFLOW_IMAGE=python:3.12")
        assert batch.calls["registerjobdefinition"] == 1

    def test_they_are_removed_at_the_end_and_made_again_when_another_run_needs_them(
        self, submit: Callable[..., str], api: BatchApi, batch: FakeBatch, new_settings: NewSettings, tmp_path: Path
    ) -> None:
        (tmp_path / "two").mkdir()
        one, two = new_settings(), new_settings(state=tmp_path / "two")
        for settings in (one, two):
            submit(settings, "-v WORKFLOW_IMAGE=python:3.12")
        assert qdel(["--definitions"], api, one) == "removed 1 job definitions"
        submit(two, "-v WORKFLOW_IMAGE=python:3.12")
        assert [found["status"] for found in batch.definitions.values()] == ["ACTIVE", "INACTIVE", "ACTIVE"]


class TestIsolation:
    def test_jobs_of_another_context_or_run_are_not_seen_and_not_ended(
        self, submit: Callable[..., str], api: BatchApi, batch: FakeBatch, new_settings: NewSettings
    ) -> None:
        mine = new_settings()
        theirs = submit(mine)
        for stranger in (new_settings(context="other"), new_settings(run="other")):
            assert qstat(["-f"], api, stranger) == ""
            assert qdel(["--run"], api, stranger) == "ended 0 jobs"
            for command in (qstat, qdel):
                with pytest.raises(PbsError, match="Unknown Job Id"):
                    command([theirs], api, stranger)
        assert batch.job(theirs)["status"] == "RUNNABLE"

    def test_queues_of_another_context_are_refused(
        self, submit: Callable[..., str], api: BatchApi, new_settings: NewSettings
    ) -> None:
        with pytest.raises(PbsError, match="no queue of this workflow context"):
            submit(new_settings(), "-q other-TaskQueue-abc")
        with pytest.raises(PbsError, match="no queue of this workflow context"):
            qstat(["-f", "-1", "other-TaskQueue-abc"], api, new_settings())

    def test_every_job_carries_the_tag_by_which_its_head_job_may_end_it(
        self, submit: Callable[..., str], poll: Poll, batch: FakeBatch, new_settings: NewSettings
    ) -> None:
        settings = new_settings(fallback=f"{ARN}:job-queue/Fallback")
        submit(settings)
        batch.become("FAILED", statusReason=SPOT)
        poll(settings)
        assert [job["request"]["tags"] for job in batch.jobs.values()] == [{"workflow-context": "ctx"}] * 2


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
        assert batch.job(submit(new_settings()))
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
        assert batch.job(id_)["status"] == "FAILED"

    def test_a_batch_that_is_too_busy_for_long_gets_the_task_later(
        self, submit: Callable[..., str], poll: Poll, batch: FakeBatch, new_settings: NewSettings
    ) -> None:
        settings = new_settings()
        batch.throttled = 1000
        with pytest.raises(BatchError, match="TooManyRequests"):
            submit(settings)
        assert not batch.jobs
        batch.throttled = 0
        poll(settings)
        assert len(batch.jobs) == 1

    def test_a_batch_that_cannot_be_reached_gets_the_task_later(
        self, submit: Callable[..., str], poll: Poll, batch: FakeBatch, new_settings: NewSettings
    ) -> None:
        settings = new_settings()
        batch.lost_before = 1000
        with pytest.raises(ResponseLostError):
            submit(settings)
        batch.lost_before = 0
        poll(settings)
        assert len(batch.jobs) == 1

    def test_an_array_whose_answer_was_lost_is_found_again(
        self, submit: Callable[..., str], batch: FakeBatch, new_settings: NewSettings
    ) -> None:
        batch.lost = 1
        assert batch.job(submit(new_settings(), "-t 0-1").replace("[]", "[1]"))
        assert batch.calls["submitjob"] == 1

    def test_what_is_seen_only_after_it_was_sent_again_is_ended(
        self, submit: Callable[..., str], poll: Poll, batch: FakeBatch, new_settings: NewSettings
    ) -> None:
        settings = new_settings()
        batch.lost, batch.blind = 1, True
        id_ = submit(settings)
        assert len(batch.living()) == 2
        batch.blind = False
        poll(settings)
        assert batch.living() == [batch.names[id_]]

    def test_what_batch_refuses_is_a_failed_task_that_says_why(
        self,
        submit: Callable[..., str],
        api: BatchApi,
        batch: FakeBatch,
        new_settings: NewSettings,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        settings = new_settings()
        batch.definitions.clear()
        id_ = submit(settings)
        assert qstat(["--status", id_], api, settings) == "failed"
        assert "JobDefinition is not active" in capsys.readouterr().err
        assert not batch.jobs


class TestRepeated:
    """An engine repeats a qsub that failed or was killed."""

    @pytest.fixture
    def killed_qsub(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Settings], str]:
        """Queue a script in a process that is gone before the engine was told the id."""

        def run(settings: Settings) -> str:
            (tmp_path / "s.sh").write_text("echo\n")
            id_ = ""
            with monkeypatch.context() as patch:
                patch.setattr(claims, "_process", lambda _: f"{os.uname().nodename} 999999999 1")
                with pytest.raises(KeyboardInterrupt), qsub(["s.sh"], tmp_path, {}, settings) as id_:
                    raise KeyboardInterrupt
            return id_

        return run

    def test_one_that_was_killed_gets_the_id_of_its_job(
        self,
        killed_qsub: Callable[[Settings], str],
        submit: Callable[..., str],
        batch: FakeBatch,
        new_settings: NewSettings,
    ) -> None:
        settings = new_settings()
        id_ = killed_qsub(settings)
        assert submit(settings) == id_
        assert len(batch.jobs) == 1

    def test_but_not_when_that_has_ended(
        self,
        killed_qsub: Callable[[Settings], str],
        submit: Callable[..., str],
        poll: Poll,
        batch: FakeBatch,
        new_settings: NewSettings,
    ) -> None:
        settings = new_settings()
        id_ = killed_qsub(settings)
        poll(settings)
        batch.become("FAILED")
        poll(settings)
        assert submit(settings) != id_

    def test_two_of_one_script_are_two_jobs(
        self, submit: Callable[..., str], batch: FakeBatch, new_settings: NewSettings, tmp_path: Path
    ) -> None:
        settings = new_settings()
        first = submit(settings)
        with qsub(["s.sh"], tmp_path, {}, settings) as second:
            third = submit(settings)
        assert len({first, second, third}) == 3
        assert len(batch.submitted) == 2  # the second and the third are alike, and an array
