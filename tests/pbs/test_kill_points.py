"""Commands that are killed at each line that they execute: nothing is lost, done twice or left running."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from engine_calls import queue
from fake_batch import ARN, SPOT, FakeBatch, NewSettings

from workflow_context.pbs import claims
from workflow_context.pbs.batch_api import BatchApi
from workflow_context.pbs.journal import Journal
from workflow_context.pbs.qdel import qdel
from workflow_context.pbs.qstat import qstat
from workflow_context.pbs.qsub import qsub
from workflow_context.pbs.settings import Settings
from workflow_context.pbs.submission import flush

# A file that a killed command had just opened is closed by nobody.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

_FOLDER = str(Path(claims.__file__).parent)


class KilledError(BaseException):
    """What no command catches."""


def killed_at(point: int, command: Callable[[], object]) -> bool:
    """Run a command up to a line, counted from 0; whether it came that far."""
    left = point

    def trace(frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal left
        if not frame.f_code.co_filename.startswith(_FOLDER):
            return None
        if event == "line":
            left -= 1
            if left < 0:
                sys.settrace(None)
                raise KilledError
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        command()
    except KilledError:
        return True
    finally:
        sys.settrace(before)
    return False


def points() -> Iterator[int]:
    """Every line of a command's start, and every third one later."""
    yield from range(60)
    yield from range(60, 100_000, 3)


@pytest.fixture
def script(tmp_path: Path) -> Path:
    (tmp_path / "s.sh").write_text("echo\n")
    (tmp_path / "other.sh").write_text("#PBS -l mem=8gb\necho\n")
    return tmp_path


def tasks_of(batch: FakeBatch) -> list[str]:
    return [id_ for id_, job in batch.jobs.items() if job["status"] not in ("SUCCEEDED", "FAILED")]


def finish(api: BatchApi, settings: Settings) -> None:
    """What the next qsub or qstat does about what was left."""
    flush(Journal(settings.state, settings.run), api, settings)
    qstat(["-f"], api, settings)
    flush(Journal(settings.state, settings.run), api, settings)


def test_a_qsub_that_was_killed_and_repeated_is_one_job(
    script: Path, api: BatchApi, batch: FakeBatch, new_settings: NewSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for point in points():
        settings = new_settings(run=f"run{point}")

        def command(settings: Settings = settings) -> None:
            with qsub(["s.sh"], script, {}, settings):
                raise KilledError  # before the engine has read the id

        with monkeypatch.context() as patch:
            patch.setattr(claims, "_process", lambda _: f"{os.uname().nodename} 999999999 1")
            if not killed_at(point, command):
                break
        queue(["s.sh"], script, settings)
        finish(api, settings)
        assert len(tasks_of(batch)) == 1, point
        [job] = Journal(settings.state, settings.run).jobs().values()
        assert job.batch in batch.jobs
        batch.jobs.clear()
        if point > 200:
            break
    assert point > 50


@pytest.mark.parametrize("end_the_run", [False, True], ids=["and it goes on", "and the next head job begins"])
def test_a_submission_that_was_killed(
    script: Path, api: BatchApi, batch: FakeBatch, new_settings: NewSettings, *, end_the_run: bool
) -> None:
    for point in points():
        settings = new_settings(run=f"run{point}")
        for name in ("s.sh", "s.sh", "other.sh", "s.sh"):
            queue([name], script, settings)
        queue(["-t", "0-1", "s.sh"], script, settings)
        journal = Journal(settings.state, settings.run)
        if not killed_at(point, lambda journal=journal, settings=settings: flush(journal, api, settings)):  # type: ignore[misc]
            break
        if end_the_run:
            qdel(["--begin"], api, settings)
            assert not tasks_of(batch), point
        else:
            finish(api, settings)
            assert len(tasks_of(batch)) == 6, point
            jobs = Journal(settings.state, settings.run).jobs()
            assert sorted(job.batch for job in jobs.values()) == sorted(batch.jobs), point
        batch.jobs.clear()
    assert point > 150


@pytest.mark.parametrize("end_the_run", [False, True], ids=["and it goes on", "and the next head job begins"])
def test_a_poll_that_was_killed_when_machines_went(
    script: Path, api: BatchApi, batch: FakeBatch, new_settings: NewSettings, *, end_the_run: bool
) -> None:
    for point in points():
        settings = new_settings(run=f"run{point}", fallback=f"{ARN}:job-queue/Fallback")
        for name in ("s.sh", "s.sh", "s.sh", "other.sh"):
            queue([name], script, settings)
        flush(Journal(settings.state, settings.run), api, settings)
        batch.become("RUNNING")
        gone = list(batch.jobs)[1:]
        batch.become("FAILED", *gone, statusReason=SPOT)

        def command(settings: Settings = settings) -> None:
            qstat(["-f"], api, settings)
            flush(Journal(settings.state, settings.run), api, settings)

        if not killed_at(point, command):
            break
        if end_the_run:
            qdel(["--begin"], api, settings)
            assert not tasks_of(batch), point
        else:
            finish(api, settings)
            jobs = Journal(settings.state, settings.run).jobs()
            assert sorted(job.batch for job in jobs.values()) == sorted(tasks_of(batch)), point
            assert len(jobs) == 4
        batch.jobs.clear()
    assert point > 150


def test_a_qdel_that_was_killed_leaves_nothing_when_it_is_repeated(
    script: Path, api: BatchApi, batch: FakeBatch, new_settings: NewSettings
) -> None:
    for point in points():
        settings = new_settings(run=f"run{point}")
        for name in ("s.sh", "s.sh", "other.sh"):
            queue([name], script, settings)
        flush(Journal(settings.state, settings.run), api, settings)
        queue(["s.sh"], script, settings)
        if not killed_at(point, lambda settings=settings: qdel(["--run"], api, settings)):  # type: ignore[misc]
            break
        qdel(["--begin"], api, settings)
        finish(api, settings)
        assert not tasks_of(batch), point
        batch.jobs.clear()
    assert point > 100
