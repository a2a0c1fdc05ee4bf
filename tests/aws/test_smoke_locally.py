"""The smoke test for AWS, on a local cloud: the same code, so that it works on the day that somebody pays for it."""

from collections.abc import Iterator
from pathlib import Path

import cases
import pytest
import smoke
from local_runs import needs_sandbox
from place import Place

from workflow_stacks.runs.target import deployed_stacks

pytestmark = pytest.mark.cycle


@pytest.fixture(scope="module", autouse=True)
def sandbox() -> None:
    needs_sandbox()


def test_it_asks_every_case_and_leaves_nothing_even_when_it_is_interrupted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(place: Place) -> Iterator[cases.Case]:
        yield from cases.cases(place)
        assert set(place.existing()) == {"Smoke-core", "Smoke-mwEfs"}
        raise KeyboardInterrupt

    monkeypatch.setattr(smoke, "cases", interrupted)
    assert smoke.main(["--local", "--yes", "--contexts", "mwEfs"]) == 1
    told = capsys.readouterr().out
    assert "FAILED" not in told
    assert "ok mwEfs: workflow-context check" in told
    assert "ok mwEfs: two runs of a workflow keep apart" in told
    assert "ok mwEfs: a deployment leaves runs at work alone" in told
    assert "Interrupted: cleaning up" in told
    assert "Nothing is left." in told


def test_it_touches_no_stack_that_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = Place(tmp_path, ["toil"], local=True)
    try:
        cloudformation = place.client("cloudformation")
        cloudformation.create_stack(
            StackName="Smoke-core", TemplateBody='{"Resources": {"T": {"Type": "AWS::SNS::Topic"}}}'
        )
        assert smoke._run(place, ask=False) == 1
        assert "Nothing was done" in capsys.readouterr().out
        assert set(deployed_stacks(place.client)) == {"Smoke-core"}
    finally:
        place.stop()
