"""The examples of the WDL specification, which are tests as its tests/README.md says, by miniwdl.

Each is a summary `Example: NAME.wdl` with the document, and below it inputs, outputs and the configuration of the test.
"""

import json
import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from conformance.cases import Case, Outcome, Suite, run_alone, tail
from conformance.cloud import Cloud

EXAMPLE = re.compile(r"^[ \t]*Example: (?P<name>\S+\.wdl)\s*\n(?P<rest>.*?)</details>", re.DOTALL | re.MULTILINE)
BLOCK = re.compile(r"(?P<title>[^\n]*)\n\s*```(?P<kind>wdl|json)\n(?P<text>.*?)\n\s*```", re.DOTALL)
SINGULARITY = Path(__file__).parents[1] / "programs" / "singularity"


@dataclass(frozen=True)
class Example:
    """An example.

    Attributes:
        inputs: Its inputs.
        outputs: What must come out of it; None when the specification does not say.
        fails: Whether it must fail.
    """

    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any] | None
    fails: bool


class WdlSpecification(Suite):
    """Every example is in one folder, since some import others."""

    engine, language = "miniwdl", "wdl"

    def version(self) -> str:
        return f"miniwdl {version('miniwdl')}"

    def cases(self) -> Sequence[Case]:
        return [_read(name, blocks) for name, blocks in self._examples()]

    def software(self, folder: Path) -> Sequence[Path]:
        del folder
        return ()

    def on_cloud(self, cases: Sequence[Case], cloud: Cloud, folder: Path) -> Mapping[str, Outcome]:
        [case] = cases
        example: Example = case.content
        self._write(folder)
        (folder / "inputs.json").write_text(json.dumps(self._with_data(example.inputs)))
        ended = cloud.run(folder / case.name, [str(folder / "inputs.json")])
        return {case.name: _judged(example, ended.succeeded, ended.outputs, ended.log)}

    def alone(self, case: Case, folder: Path) -> Outcome:
        example: Example = case.content
        self._write(folder)
        (folder / "inputs.json").write_text(json.dumps(self._with_data(example.inputs)))
        command = [sys.executable, "-m", "WDL", "run", str(folder / case.name), "-i", str(folder / "inputs.json")]
        settings = {
            "MINIWDL__SCHEDULER__CONTAINER_BACKEND": "singularity",
            "MINIWDL__SINGULARITY__EXE": json.dumps([sys.executable, str(SINGULARITY)]),
        }
        done = run_alone([*command, "--dir", str(folder / "run"), "--error-json"], folder, {**os.environ, **settings})
        outputs = json.loads(done.stdout)["outputs"] if done.returncode == 0 else {}
        return _judged(example, done.returncode == 0, outputs, done.stderr)

    def _examples(self) -> list[tuple[str, list[tuple[str, str, str]]]]:
        text = (self.checkout / "SPEC.md").read_text()
        return [(found["name"], BLOCK.findall(f"\n{found['rest']}")) for found in EXAMPLE.finditer(text)]

    def _write(self, folder: Path) -> None:
        for name, blocks in self._examples():
            (folder / name).write_text(f"{_document(blocks)}\n")
        data = self.checkout / "tests" / "data"
        if data.is_dir():
            shutil.copytree(data, folder, dirs_exist_ok=True)

    def _with_data(self, value: Any) -> Any:
        """A value, with names of the suite's files as paths."""
        if isinstance(value, dict):
            return {key: self._with_data(one) for key, one in value.items()}
        if isinstance(value, list):
            return [self._with_data(one) for one in value]
        file = self.checkout / "tests" / "data" / value.lstrip("/") if isinstance(value, str) and value else None
        return str(file) if file is not None and file.is_file() else value


class Wdl11(WdlSpecification):
    """Branch wdl-1.1 of openwdl/wdl."""

    title = "WDL 1.1"


class Wdl12(WdlSpecification):
    """Branch wdl-1.2 of openwdl/wdl."""

    title = "WDL 1.2"


def _document(blocks: Sequence[tuple[str, str, str]]) -> str:
    text = next(text for _, kind, text in blocks if kind == "wdl")
    indent = re.match(r"[ \t]*", text)
    prefix = indent[0] if indent else ""
    return "\n".join(line.removeprefix(prefix) for line in text.split("\n"))


def _read(name: str, blocks: Sequence[tuple[str, str, str]]) -> Case:
    try:
        found = {title.strip().rstrip(":"): json.loads(text) for title, kind, text in _titled(blocks) if kind == "json"}
    except ValueError as error:
        return Case(name, needs=f"the specification's JSON is broken: {error}")
    configuration = found.get("Test config", {})
    fails = bool(configuration.get("fail")) or name.removesuffix(".wdl").removesuffix("_task").endswith("_fail")
    outputs = found.get("Example output")
    document = _document(blocks)
    needs = "GPU" if re.search(r"\bgpu: true", document) else ""
    if not re.search(r"^(workflow|task) ", document, re.MULTILINE):
        needs = "it has neither a workflow nor a task: another example imports it"
    return Case(name, Example(found.get("Example input", {}), outputs, fails), needs)


def _titled(blocks: Sequence[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    return [(title, kind, text) for title, kind, text in blocks]


def _judged(example: Example, succeeded: bool, outputs: Mapping[str, Any], log: str) -> Outcome:
    if example.fails:
        return Outcome(not succeeded, "" if not succeeded else f"it must fail, and ended with {json.dumps(outputs)}")
    if not succeeded:
        return Outcome(False, tail(log))
    for name, wanted in (example.outputs or {}).items():
        got = outputs.get(name)
        if not equal(wanted, got):
            return Outcome(False, f"expected {name} to be {json.dumps(wanted)}, got {json.dumps(got)}")
    return Outcome(True)


def equal(wanted: Any, got: Any) -> bool:
    """Whether an output is what the specification says; of a file it gives the name, at most with a folder."""
    if isinstance(wanted, dict) and isinstance(got, dict):
        return wanted.keys() == got.keys() and all(equal(one, got[key]) for key, one in wanted.items())
    if isinstance(wanted, list) and isinstance(got, list):
        return len(wanted) == len(got) and all(map(equal, wanted, got))
    if isinstance(wanted, float) and isinstance(got, (int, float)):
        return abs(wanted - got) < 1e-6 * max(1.0, abs(wanted))
    if isinstance(wanted, str) and isinstance(got, str) and "/" in got:
        return wanted == got or Path(got).name == Path(wanted).name
    return bool(wanted == got)
