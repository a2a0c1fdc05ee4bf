"""What a context costs to synthesize is mostly its calls to Node.js, which are as many on every machine."""

from collections.abc import Callable
from pathlib import Path

import pytest
from jsii._kernel.providers.process import _NodeProcess
from templates import Templates

from workflow_stacks import build_app

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"

CONTEXT = "  {}:\n    engines:\n      - {{type: wdl, engine: miniwdl, filesystem: {{fsType: EFS}}}}\n"
MOST = 199
"""Raise it only for what a context needs."""
BY_HAND = 154
"""The calls of `tests/benchmarks/handwritten_app.py`, which makes the same templates."""


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """How many calls something makes."""
    made = 0
    send = _NodeProcess.send

    def counted(*arguments: object) -> object:
        nonlocal made
        made += 1
        return send(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(_NodeProcess, "send", counted)

    def of(action: Callable[..., object], *arguments: object) -> int:
        before = made
        action(*arguments)
        return made - before

    return of


def test_an_added_context_makes_no_more_calls_to_node_js_than_it_did(tmp_path: Path, calls: Callable[..., int]) -> None:
    def synthesized(*contexts: str) -> None:
        file = tmp_path / "agc-project.yaml"
        file.write_text(f"name: Calls\nschemaVersion: 1\ncontexts:\n{''.join(map(CONTEXT.format, contexts))}")
        build_app(file).synth()

    synthesized("first")  # what is made once for a process
    assert 0 < calls(synthesized, "first", "second") - calls(synthesized, "first") <= MOST


def test_the_app_by_hand_makes_as_many_as_it_is_said_to(
    tmp_path: Path, calls: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from handwritten_app import main

    main(str(tmp_path / "0"), 1)
    assert calls(main, str(tmp_path / "2"), 2) - calls(main, str(tmp_path / "1"), 1) == BY_HAND


@pytest.mark.parametrize("name", ["Default", "HeadQueue", "Outputs"])
def test_outputs_have_their_own_names_whatever_the_context_is_called(
    name: str, tmp_path: Path, synthesize: Callable[..., Templates]
) -> None:
    file = tmp_path / "agc-project.yaml"
    file.write_text(f"name: Names\nschemaVersion: 1\ncontexts:\n{CONTEXT.format(name)}")
    assert {"HeadQueue", "Outputs", "ClientConfiguration"} <= set(synthesize(file)[f"Names-{name}"]["Outputs"])
