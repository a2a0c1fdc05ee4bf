"""Short tasks that are alike run one after another in one job, and each has its own end all the same."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from engine_calls import queue
from fake_batch import SPOT, FakeBatch, NewSettings, states

from workflow_context.pbs.batch_api import BatchApi
from workflow_context.pbs.commands import together_command, write_tasks
from workflow_context.pbs.jobs import Task
from workflow_context.pbs.journal import Journal
from workflow_context.pbs.qdel import qdel
from workflow_context.pbs.qstat import qstat
from workflow_context.pbs.script import PbsError
from workflow_context.pbs.settings import Settings
from workflow_context.pbs.submission import flush

PATH = {"PATH": "/usr/bin:/bin"}
FALLBACK = "arn:aws:batch:us-east-1:123456789012:job-queue/ctx-FallbackQueue-abc"


class TestCommand:
    """What the job does."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        return tmp_path / "tasks"

    def write(self, folder: Path, *scripts: str) -> None:
        tasks = []
        for number, script in enumerate(scripts):
            work = folder.parent / str(number)
            work.mkdir()
            (work / "s.sh").write_text(script)
            tasks.append(Task("n", "q", "", [str(work), "s.sh", "", ""]))
        write_tasks(folder, tasks)

    def test_each_task_has_its_own_directory_exit_code_and_log(self, folder: Path) -> None:
        self.write(folder, "pwd; exit 0", "echo two; exit 7", "kill -KILL $$")
        done = subprocess.run(together_command(folder, 3, 3, 0), env=PATH, check=True, capture_output=True, text=True)
        assert [(folder / f"done-{n}").read_text() for n in range(3)] == ["0\n", "7\n", "137\n"]
        assert (folder / "log-0").read_text() == f"{folder.parent}/0\n"
        assert done.stdout.splitlines()[:2] == [f"{folder.parent}/0", "two"]

    def test_a_job_of_an_array_does_its_part(self, folder: Path) -> None:
        self.write(folder, *["touch here; env >environment"] * 5)
        subprocess.run(together_command(folder, 2, 5, 0), env={**PATH, "AWS_BATCH_JOB_ARRAY_INDEX": "1"}, check=True)
        assert [(folder.parent / str(n) / "here").exists() for n in range(5)] == [False, False, True, True, False]
        environment = (folder.parent / "2" / "environment").read_text()
        assert "AWS_BATCH_JOB_ARRAY_INDEX" not in environment

    def test_the_last_one_does_what_is_left(self, folder: Path) -> None:
        self.write(folder, *["true"] * 5)
        subprocess.run(together_command(folder, 2, 5, 0), env={**PATH, "AWS_BATCH_JOB_ARRAY_INDEX": "2"}, check=True)
        assert sorted(one.name for one in folder.glob("done-*")) == ["done-4"]

    def test_what_was_done_is_not_done_again_on_another_machine(self, folder: Path) -> None:
        self.write(folder, "echo >>times", "echo >>times; sleep 60", "echo >>times")
        running = subprocess.Popen(together_command(folder, 3, 3, 0), env=PATH)
        while not (folder.parent / "1" / "times").exists():
            time.sleep(0.02)
        running.terminate()  # as AWS Batch does when the machine goes
        assert running.wait() == 143
        assert not (folder / "done-1").exists()
        (folder.parent / "1" / "s.sh").write_text("echo >>times")
        subprocess.run(together_command(folder, 3, 3, 0), env=PATH, check=True)
        assert [len((folder.parent / str(n) / "times").read_text()) for n in range(3)] == [1, 2, 1]

    def test_a_task_that_qdel_ends_takes_no_other_along(self, folder: Path) -> None:
        self.write(folder, "touch began; sleep 600", "true")
        running = subprocess.Popen(together_command(folder, 2, 2, 0), env=PATH)
        while not (folder.parent / "0" / "began").exists():
            time.sleep(0.02)
        (folder / "ended-0").touch()
        assert running.wait() == 0
        assert (folder / "done-0").read_text() != "0\n"
        assert (folder / "done-1").read_text() == "0\n"

    def test_a_task_that_takes_too_long_fails_alone(self, folder: Path) -> None:
        self.write(folder, "sleep 600", "true")
        subprocess.run(together_command(folder, 2, 2, 1), env=PATH, check=True)
        assert [(folder / f"done-{n}").read_text() for n in range(2)] == ["124\n", "0\n"]


@pytest.fixture
def submit_all(api: BatchApi, tmp_path: Path) -> Callable[..., list[str]]:
    """Queue so many tasks that are alike, and submit them; their ids for the engine."""

    def run(settings: Settings, count: int, *header: str) -> list[str]:
        (tmp_path / "s.sh").write_text("\n".join([*(f"#PBS {line}" for line in header), "echo"]) + "\n")
        ids = [queue(["s.sh"], tmp_path, settings) for _ in range(count)]
        flush(Journal(settings.state, settings.run), api, settings)
        return ids

    return run


def folder_of(settings: Settings) -> Path:
    [folder] = Journal(settings.state, settings.run).tasks.iterdir()
    return folder


def state(api: BatchApi, settings: Settings) -> list[str]:
    return list(states(qstat(["-f"], api, settings)).values())


class TestSubmission:
    @pytest.mark.parametrize(
        ("tasks", "per_job", "jobs", "each"), [(7, 50, 1, 7), (100, 50, 2, 50), (101, 50, 3, 34), (3, 1, 3, 1)]
    )
    def test_jobs_do_about_as_much_as_one_another(
        self,
        tasks: int,
        per_job: int,
        jobs: int,
        each: int,
        submit_all: Callable[..., list[str]],
        batch: FakeBatch,
        new_settings: NewSettings,
    ) -> None:
        submit_all(new_settings(tasks_per_job=per_job), tasks)
        [request] = batch.submitted.values()
        assert request.get("arrayProperties", {}).get("size", 1) == jobs
        if each > 1:
            assert request["containerOverrides"]["command"][-3:-1] == [str(each), str(tasks)]

    def test_the_time_of_the_job_is_that_of_all_its_tasks(
        self, submit_all: Callable[..., list[str]], batch: FakeBatch, new_settings: NewSettings
    ) -> None:
        submit_all(new_settings(), 4, "-l tasks_per_job=10,walltime=00:02:00")
        [request] = batch.submitted.values()
        assert request["timeout"] == {"attemptDurationSeconds": 4 * 120}
        assert request["containerOverrides"]["command"][-1] == "120"

    @pytest.mark.parametrize("number", ["0", "1001", "many"])
    def test_a_number_of_tasks_that_makes_no_sense_is_refused(
        self, number: str, submit_all: Callable[..., list[str]], new_settings: NewSettings
    ) -> None:
        with pytest.raises(PbsError, match="tasks_per_job"):
            submit_all(new_settings(), 1, f"-l tasks_per_job={number}")

    def test_a_hundred_jobs_are_asked_for_with_one_request(
        self, submit_all: Callable[..., list[str]], api: BatchApi, batch: FakeBatch, new_settings: NewSettings
    ) -> None:
        settings = new_settings(tasks_per_job=10)
        submit_all(settings, 1000)
        state(api, settings)
        assert (batch.calls["submitjob"], batch.calls["describejobs"]) == (1, 1)


class TestFollowing:
    """Three tasks in one job."""

    @pytest.fixture
    def settings(self, new_settings: NewSettings, submit_all: Callable[..., list[str]]) -> Settings:
        settings = new_settings(tasks_per_job=10, fallback=FALLBACK)
        submit_all(settings, 3)
        return settings

    def end(self, batch: FakeBatch, status: str = "FAILED", **more: Any) -> None:
        batch.become(status, stoppedAt=time.time() * 1000, **more)

    def test_a_task_ends_when_it_does_and_not_with_its_job(
        self, settings: Settings, api: BatchApi, batch: FakeBatch
    ) -> None:
        batch.become("RUNNING")
        assert state(api, settings) == ["Q", "Q", "Q"]
        for name, text in {"began-0": "", "done-0": "0\n", "began-1": "", "done-1": "3\n", "began-2": ""}.items():
            (folder_of(settings) / name).write_text(text)
        found = qstat(["-f"], api, settings)
        assert list(states(found).values()) == ["C", "C", "R"]
        jobs = list(Journal(settings.state, settings.run).jobs().values())
        assert [job.succeeded for job in jobs] == [True, False, False]

    def test_what_a_lost_machine_had_not_done_goes_to_the_fallback_queue(
        self, settings: Settings, api: BatchApi, batch: FakeBatch
    ) -> None:
        for name, text in {"began-0": "", "done-0": "0\n", "began-1": ""}.items():
            (folder_of(settings) / name).write_text(text)
        self.end(batch, statusReason=SPOT)
        assert state(api, settings) == ["C", "Q", "Q"]
        flush(Journal(settings.state, settings.run), api, settings)
        [_, request] = batch.submitted.values()
        assert request["jobQueue"] == FALLBACK
        assert request["containerOverrides"]["command"][-3:-1] == ["2", "2"]

    def test_what_had_not_begun_goes_on_when_another_task_took_the_job_along(
        self, settings: Settings, api: BatchApi, batch: FakeBatch
    ) -> None:
        (folder_of(settings) / "began-0").write_text("")
        self.end(batch, statusReason="OutOfMemoryError: Container killed due to memory usage")
        assert state(api, settings) == ["C", "Q", "Q"]
        flush(Journal(settings.state, settings.run), api, settings)
        assert len(batch.submitted) == 2

    def test_all_fail_when_the_job_never_began(self, settings: Settings, api: BatchApi, batch: FakeBatch) -> None:
        self.end(batch, statusReason="CannotPullContainerError")
        assert state(api, settings) == ["C", "C", "C"]

    def test_a_task_that_was_done_is_waited_for_until_it_is_seen(
        self, settings: Settings, api: BatchApi, batch: FakeBatch
    ) -> None:
        self.end(batch, "SUCCEEDED")
        assert state(api, settings) == ["R", "R", "R"]
        for number in range(3):
            (folder_of(settings) / f"done-{number}").write_text("0\n")
        assert state(api, settings) == ["C", "C", "C"]

    def test_and_not_for_ever(self, settings: Settings, api: BatchApi, batch: FakeBatch) -> None:
        batch.become("SUCCEEDED", stoppedAt=(time.time() - 600) * 1000)
        assert state(api, settings) == ["C", "C", "C"]
        assert not any(job.succeeded for job in Journal(settings.state, settings.run).jobs().values())

    def test_qdel_of_one_task_does_not_end_the_others(
        self, settings: Settings, api: BatchApi, batch: FakeBatch
    ) -> None:
        batch.become("RUNNING")
        first = next(iter(Journal(settings.state, settings.run).jobs()))
        qdel([first], api, settings)
        assert (folder_of(settings) / "ended-0").exists()
        assert len(batch.living()) == 1

    def test_qdel_of_all_tasks_ends_the_job(self, settings: Settings, api: BatchApi, batch: FakeBatch) -> None:
        batch.become("RUNNING")
        qdel(list(Journal(settings.state, settings.run).jobs()), api, settings)
        assert batch.living() == []

    def test_the_end_of_the_run_ends_the_job_and_nothing_goes_on(
        self, settings: Settings, api: BatchApi, batch: FakeBatch
    ) -> None:
        (folder_of(settings) / "began-0").write_text("")
        batch.become("RUNNING")
        assert qdel(["--run"], api, settings) == "ended 3 jobs"
        state(api, settings)
        flush(Journal(settings.state, settings.run), api, settings)
        assert (batch.living(), len(batch.submitted)) == ([], 1)
