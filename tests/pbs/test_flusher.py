"""When what waits is submitted: a single task soon, a burst in ever greater numbers."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from engine_calls import queue
from fake_batch import FakeBatch, NewSettings
from hypothesis import given, strategies as st

from workflow_context.pbs import flusher
from workflow_context.pbs.flusher import FIRST_SECONDS, LONGEST_SECONDS, QUIET_SECONDS, Gathering, ensure_flusher, work

STEP = 0.1


def submissions(arrivals: list[float], until: float) -> list[tuple[float, int]]:
    """When how many tasks are submitted that arrive at these moments."""
    gathering, waiting, rest, found = Gathering(), list[float](), sorted(arrivals), []
    for tick in range(int(until / STEP)):
        now = 1000 + tick * STEP
        while rest and 1000 + rest[0] <= now:
            waiting.append(1000 + rest.pop(0))
        if gathering.is_due(len(waiting), min(waiting, default=0.0), now):
            found.append((now - 1000, len(waiting)))
            waiting = []
    return found


def test_a_single_task_is_submitted_within_a_second() -> None:
    [(moment, count)] = submissions([5.0], 60)
    assert count == 1
    assert moment - 5 <= QUIET_SECONDS + 2 * STEP


def test_a_burst_of_minutes_takes_few_requests_and_starts_soon() -> None:
    found = submissions([number / 15 for number in range(10_000)], 700)
    assert sum(count for _, count in found) == 10_000
    assert found[0][0] <= FIRST_SECONDS + 2 * STEP
    assert len(found) < 60


@given(st.lists(st.floats(0, 60), min_size=1, max_size=60))
def test_no_task_waits_longer_than_the_longest(arrivals: list[float]) -> None:
    found = submissions(arrivals, 100)
    assert sum(count for _, count in found) == len(arrivals)
    for arrival in arrivals:
        assert any(0 <= moment - arrival <= LONGEST_SECONDS + 3 * STEP for moment, _ in found)


class TestProcess:
    @pytest.fixture(autouse=True)
    def region(self, batch: FakeBatch, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL_BATCH", batch.endpoint)
        monkeypatch.setattr(flusher, "_IDLE_SECONDS", 0.5)
        (tmp_path / "s.sh").write_text("echo\n")

    def test_it_ends_by_itself_when_nothing_waits(
        self, batch: FakeBatch, new_settings: NewSettings, tmp_path: Path
    ) -> None:
        settings = new_settings()
        queue(["s.sh"], tmp_path, settings)
        work(settings)
        assert len(batch.jobs) == 1

    def test_one_that_is_killed_is_followed_by_another(
        self, batch: FakeBatch, new_settings: NewSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings = new_settings()
        fork, children = os.fork, list[int]()

        def count() -> int:
            child = fork()
            if child:
                children.append(child)
            return child

        monkeypatch.setattr(os, "fork", count)
        queue(["s.sh"], tmp_path, settings)
        ensure_flusher(settings)
        [first] = children
        os.kill(first, signal.SIGKILL)
        os.waitpid(first, 0)
        queue(["s.sh"], tmp_path, settings)
        ensure_flusher(settings)
        wait_for(lambda: len(batch.jobs) == 2)
        ensure_flusher(settings)  # one is at work
        assert len(children) == 2
        os.waitpid(children[1], 0)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
