"""What a context costs to synthesize is mostly its calls to Node.js, which are as many on every machine."""

from collections.abc import Callable
from pathlib import Path

import pytest
from jsii._kernel.providers.process import _NodeProcess
from templates import Templates

CONTEXT = "  {}:\n    engines:\n      - {{type: wdl, engine: miniwdl, filesystem: {{fsType: EFS}}}}\n"
MOST = 256
"""Raise it only for what a context needs. The hand-written app of `tests/benchmarks` makes 49 for the same kinds."""


def test_an_added_context_makes_no_more_calls_to_node_js_than_it_did(
    tmp_path: Path, synthesize: Callable[..., Templates], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0
    send = _NodeProcess.send

    def counted(*arguments: object) -> object:
        nonlocal calls
        calls += 1
        return send(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(_NodeProcess, "send", counted)

    def calls_for(*contexts: str) -> int:
        nonlocal calls
        file = tmp_path / "agc-project.yaml"
        file.write_text(f"name: Calls\nschemaVersion: 1\ncontexts:\n{''.join(map(CONTEXT.format, contexts))}")
        calls = 0
        synthesize(file)
        return calls

    calls_for("first")  # what is made once for a process
    assert 0 < calls_for("first", "second") - calls_for("first") <= MOST


@pytest.mark.parametrize("name", ["Default", "HeadQueue", "Outputs"])
def test_outputs_have_their_own_names_whatever_the_context_is_called(
    name: str, tmp_path: Path, synthesize: Callable[..., Templates]
) -> None:
    file = tmp_path / "agc-project.yaml"
    file.write_text(f"name: Names\nschemaVersion: 1\ncontexts:\n{CONTEXT.format(name)}")
    assert {"HeadQueue", "Outputs", "ClientConfiguration"} <= set(synthesize(file)[f"Names-{name}"]["Outputs"])
