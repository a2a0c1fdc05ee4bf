"""`workflow-context stop`: what it says of a run that ends while it is being stopped."""

from collections import Counter
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from workflow_stacks.cli import app, stop
from workflow_stacks.runs.record import RunState


class EndsAs:
    """Runs, of which one is at work when somebody looks, and has ended when somebody stops it."""

    def __init__(self, state: RunState) -> None:
        self._state = state

    def find(self, _run: str) -> tuple[None, SimpleNamespace]:
        return None, SimpleNamespace(run_id="the-run")

    def status(self, *_: object) -> SimpleNamespace:
        return SimpleNamespace(state=RunState.RUNNING, tasks=Counter(RUNNING=1))

    def stop(self, *_: object) -> SimpleNamespace:
        return SimpleNamespace(state=self._state)


@pytest.mark.parametrize(
    ("state", "code", "said"),
    [
        (RunState.STOPPED, 0, "The run the-run is STOPPED. To go on with it: workflow-context resume the-run"),
        (RunState.SUCCEEDED, 1, "the run the-run has ended already: SUCCEEDED"),
    ],
)
def test_a_run_that_succeeds_meanwhile_is_not_offered_to_go_on(
    state: RunState, code: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stop, "runs_of", lambda *_: EndsAs(state))
    result = CliRunner().invoke(app, ["stop", "hello"])
    assert (result.exit_code, " ".join(result.output.split())) == (code, said)
