"""Cases are run once each, also after an interruption, and end in time; one suite on the local cloud."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from local_runs import needs_sandbox
from typer.testing import CliRunner

from conformance import runner
from conformance.cases import ENGINE, ENVIRONMENT, OURS, PASSED, Case, NotEndedError, Outcome, Suite, run_alone
from conformance.command import app
from conformance.runner import Plan, read_results, run
from conformance.table import table


class Three(Suite):
    """Cases that end without a cloud: b passes nowhere, c is not tried."""

    title, engine, language = "Three", "miniwdl", "wdl"

    def version(self) -> str:
        return "none"

    def cases(self) -> Sequence[Case]:
        return [Case("a"), Case("b"), Case("c", needs="a GPU")]

    def software(self, folder: Path) -> Sequence[Path]:
        del folder
        return ()

    def on_cloud(self, cases: Sequence[Case], cloud: object, folder: Path) -> Mapping[str, Outcome]:
        del cloud
        (folder / "ran").touch()
        return {case.name: Outcome(case.name == "a", "expected | more") for case in cases}

    def alone(self, case: Case, folder: Path) -> Outcome:
        del case
        return Outcome(not list(folder.iterdir()), "")


class NoCloud:
    """In place of a local cloud, for suites that need none."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def stop(self) -> None:
        pass


class Endless(Three):
    """Cases that end nowhere; each waits by the engine alone for a process of its own."""

    def on_cloud(self, cases: Sequence[Case], cloud: object, folder: Path) -> Mapping[str, Outcome]:
        del cases, cloud, folder
        raise NotEndedError

    def alone(self, case: Case, folder: Path) -> Outcome:
        run_alone(["sh", "-c", f"sleep 600 & echo $! >{self.checkout}/{case.name}; wait"], folder)
        return Outcome(True)


def test_a_case_that_does_not_end_has_failed_and_leaves_nothing_running(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "Cloud", NoCloud)
    monkeypatch.setattr("conformance.cases.CASE_SECONDS", 0.5)
    plan = Plan(Endless(checkout), "EFS", tmp_path / "state", pattern="[ab]")
    run(plan)
    found = read_results(plan.results)[1]
    assert {(one["case"], one["class"]) for one in found} == {("a", ENGINE), ("b", ENGINE)}
    assert all(one["message"].startswith("it did not end within") for one in found)
    for name in ("a", "b"):
        state = Path("/proc", (checkout / name).read_text().strip(), "stat")
        assert not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z"


def test_what_was_interrupted_goes_on_and_the_table_counts_it(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clouds: list[bool] = []

    class Counted(NoCloud):
        def __init__(self, *_: object, **__: object) -> None:
            clouds.append(True)

    monkeypatch.setattr(runner, "Cloud", Counted)
    plan = Plan(Three(checkout), "EFS", tmp_path / "state", first=1)
    run(plan)
    with plan.results.open("a") as file:
        file.write('{"case": "b", "cla')  # a machine that went
    with plan.results.open("a") as file:
        file.write("\n")
    run(Plan(Three(checkout), "EFS", tmp_path / "state"))
    run(Plan(Three(checkout), "EFS", tmp_path / "state"))

    _, cases = read_results(plan.results)
    assert {case["case"]: case["class"] for case in cases} == {"a": PASSED, "b": OURS, "c": ENVIRONMENT}
    assert len(clouds) == 2
    text = table([plan.results])
    assert "| Three | abc | none | EFS | 3 | 2 | 1 | 1 | 0 | 1 |" in text
    assert r"`expected \| more`" in text


@pytest.mark.cycle
def test_the_command_runs_a_suite_on_the_local_cloud(checkout: Path, tmp_path: Path) -> None:
    needs_sandbox()
    state = tmp_path / "state"

    done = CliRunner().invoke(app, ["run", "wdl-1.1", str(checkout), "--state", str(state)])

    assert done.exit_code == 0, done.output
    head, cases = read_results(state / "WDL-1.1-EFS.jsonl")
    assert (head["commit"], head["cases"]) == ("abc", 3)
    assert {case["case"]: case["class"] for case in cases} == {
        "hello.wdl": PASSED,
        "wrong_task.wdl": ENGINE,
        "refused.wdl": PASSED,
    }
    [wrong] = [case for case in cases if case["class"] == ENGINE]
    assert json.dumps(wrong).count("expected wrong.found to be 2, got 1") == 2
