"""Following a run to its end: Ctrl-C asks whether to stop it, and a network that goes away is waited for."""

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from botocore.exceptions import EndpointConnectionError
from run_records import record_of_run
from typer.testing import CliRunner, Result

from workflow_stacks.cli import run_options
from workflow_stacks.cli.run_options import exit_code, follow
from workflow_stacks.runs.record import RunEnd, RunRecord, RunState
from workflow_stacks.runs.service import RunView

LOST = EndpointConnectionError(endpoint_url="https://batch.us-east-1.amazonaws.com")
RECORD = record_of_run(run_id="20261126-120000-aaaa", workflow="count")
LINES = [(1, "workflow start"), (2, "task done")]


class Told:
    """Runs of which one is told in this order: states, and what happens instead of an answer."""

    def __init__(self, answers: Sequence[RunState | BaseException]) -> None:
        self._answers = list(answers)
        self.stopped = False

    def jobs(self, _target: Any, _record: RunRecord) -> Any:
        return SimpleNamespace(head=self._head)

    def _head(self) -> dict[str, str]:
        if isinstance(self._answers[0], BaseException):
            raise self._answers.pop(0)  # type: ignore[misc]  # it is one
        return {"jobId": "job-1"}

    def status(self, _target: Any, record: RunRecord) -> RunView:
        state = self._answers[0] if len(self._answers) == 1 else self._answers.pop(0)
        assert isinstance(state, RunState)
        return RunView(record, state, RunEnd(state=state, ended_at=1_700_000_060) if state.ended else None)

    def events(self, _target: Any, _head: Any) -> list[tuple[int, str]]:
        return LINES

    def stop(self, _target: Any, record: RunRecord) -> RunView:
        self.stopped = True
        return RunView(record, RunState.STOPPED)


@pytest.fixture
def followed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Told, Result]]:
    """Follow a run, with what somebody types."""
    monkeypatch.setattr(run_options, "_LOCAL_POLL_SECONDS", 0.0)

    def run(*answers: RunState | BaseException, typed: str | None = None) -> tuple[Told, Result]:
        told = Told(answers)
        app = typer.Typer()

        @app.command()
        def command() -> None:
            target: Any = SimpleNamespace(is_local=True, folder=Path())
            runs: Any = told
            raise typer.Exit(exit_code(follow(runs, target, RECORD)))

        return told, CliRunner().invoke(app, input=typed)

    return run


@pytest.mark.parametrize(
    ("state", "code"), [(RunState.SUCCEEDED, 0), (RunState.FAILED, 1), (RunState.STOPPED, 1), (RunState.UNKNOWN, 1)]
)
def test_the_exit_code_tells_how_a_run_ended_and_each_line_is_printed_once(
    followed: Callable[..., tuple[Told, Result]], state: RunState, code: int
) -> None:
    _, result = followed(RunState.RUNNING, RunState.RUNNING, state)
    assert result.exit_code == code
    assert result.stdout.splitlines() == [line for _, line in LINES]


def test_ctrl_c_asks_and_with_no_the_run_goes_on(followed: Callable[..., tuple[Told, Result]]) -> None:
    told, result = followed(RunState.RUNNING, KeyboardInterrupt(), RunState.RUNNING, typed="n\n")
    assert (result.exit_code, told.stopped) == (3, False)
    assert "Stop the run 20261126-120000-aaaa too?" in result.output
    assert "It goes on: workflow-context status 20261126-120000-aaaa" in result.output


def test_ctrl_c_asks_and_with_yes_the_run_is_stopped(followed: Callable[..., tuple[Told, Result]]) -> None:
    told, result = followed(RunState.RUNNING, KeyboardInterrupt(), RunState.RUNNING, typed="y\n")
    assert (result.exit_code, told.stopped) == (1, True)


def test_ctrl_c_where_nobody_can_answer_stops_nothing(followed: Callable[..., tuple[Told, Result]]) -> None:
    told, result = followed(RunState.RUNNING, KeyboardInterrupt(), RunState.RUNNING)
    assert (result.exit_code, told.stopped) == (3, False)


def test_a_network_that_goes_away_is_told_once_and_waited_for(followed: Callable[..., tuple[Told, Result]]) -> None:
    _, result = followed(RunState.RUNNING, LOST, LOST, RunState.SUCCEEDED)
    assert result.exit_code == 0
    assert result.output.count("AWS cannot be reached; the run goes on") == 1
    assert result.stdout.splitlines() == [line for _, line in LINES]
