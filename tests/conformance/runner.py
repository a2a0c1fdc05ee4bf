"""Runs cases, and writes a line for each as it ends: who starts again goes on where it was left."""

import json
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workflow_stacks.local import LocalCloudError

from .cases import ENVIRONMENT, Case, NotEndedError, Outcome, Suite, class_of, in_batches
from .cloud import Cloud

MESSAGE_CHARACTERS = 4000


@dataclass(frozen=True)
class Plan:
    """What to run, and where.

    Attributes:
        suite: The suite.
        file_system: The file system of the context.
        state: The folder for everything that is written.
        pattern: Only cases whose name has this regular expression somewhere.
        first: Only so many of these.
        at_once: How many head jobs at a time.
        again: Run cases of these classes again.
    """

    suite: Suite
    file_system: str
    state: Path
    pattern: str = ""
    first: int | None = None
    at_once: int = 2
    again: Sequence[str] = ()

    @property
    def results(self) -> Path:
        """The file of results: a line of JSON for the suite, and one for each case."""
        return self.state / f"{self.suite.title.replace(' ', '-')}-{self.file_system}.jsonl"


def run(plan: Plan) -> None:
    """Run what has not been run yet."""
    plan.state.mkdir(parents=True, exist_ok=True)
    cases = plan.suite.cases()
    known = {one["case"]: one for one in read_results(plan.results)[1]}
    chosen = [case for case in cases if re.search(plan.pattern, case.name)][: plan.first]
    writer = _Writer(plan.results, _head(plan, len(cases)))
    for case in chosen:
        if case.needs and known.get(case.name, {}).get("class") != ENVIRONMENT:
            writer.write(case.name, ENVIRONMENT, Outcome(False, case.needs), None, 0)
    left = [
        case
        for case in chosen
        if not case.needs and (case.name not in known or known[case.name]["class"] in plan.again)
    ]
    if not left:
        return
    suite = plan.suite
    home = (plan.state / "cloud" / f"{suite.engine}-{plan.file_system}").resolve()
    software = suite.software((plan.state / "software").resolve())
    cloud = Cloud(home, plan.file_system, engine=suite.engine, language=suite.language, software=software)
    try:
        with ThreadPoolExecutor(plan.at_once) as pool:
            batches = list(in_batches(left, suite.batch))
            list(pool.map(lambda numbered: _run_batch(plan, cloud, writer, *numbered), enumerate(batches)))
    finally:
        cloud.stop()


def _run_batch(plan: Plan, cloud: Cloud, writer: "_Writer", number: int, batch: Sequence[Case]) -> None:
    started = time.monotonic()
    work = (plan.state / "work").resolve()
    try:
        outcomes = plan.suite.on_cloud(batch, cloud, _empty(work / f"{plan.file_system}-{number}"))
    except NotEndedError as error:
        outcomes = {case.name: Outcome(False, str(error)) for case in batch}
    except LocalCloudError as error:
        # That says nothing of the cases: they are run the next time.
        print(f"not run: {', '.join(case.name for case in batch)}: {error}", file=sys.stderr)
        return
    seconds = (time.monotonic() - started) / len(batch)
    for case in batch:
        outcome = outcomes.get(case.name, Outcome(False, "it was not run: the head job ended before it"))
        alone = None
        if not outcome.passed:
            alone = _alone(plan.suite, case, _empty(work / f"{plan.file_system}-{number}-alone"))
        writer.write(case.name, class_of(outcome, alone), outcome, alone, seconds)


def _alone(suite: Suite, case: Case, folder: Path) -> Outcome:
    try:
        return suite.alone(case, folder)
    except NotEndedError as error:
        return Outcome(False, str(error))


def _empty(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _head(plan: Plan, number: int) -> dict[str, Any]:
    return {
        "suite": plan.suite.title,
        "commit": commit_of(plan.suite.checkout),
        "engine": plan.suite.version(),
        "fileSystem": plan.file_system,
        "cases": number,
        "date": time.strftime("%Y-%m-%d"),
    }


def commit_of(checkout: Path) -> str:
    """The commit of a checkout; of an exported archive what the file COMMIT in it says."""
    if (checkout / "COMMIT").is_file():
        return (checkout / "COMMIT").read_text().strip()
    command = ["git", "-C", str(checkout), "describe", "--always", "--tags", "--dirty"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def read_results(file: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The line of the suite and the last line of each case; a line that was cut off is left out."""
    head: dict[str, Any] = {}
    cases: dict[str, dict[str, Any]] = {}
    for line in file.read_text().splitlines() if file.is_file() else ():
        try:
            found = json.loads(line)
        except ValueError:
            continue  # the run was interrupted while it was written: the case is run again
        if "case" in found:
            cases[found["case"]] = found
        else:
            head = found
    return head, list(cases.values())


class _Writer:
    """Writes a line for each case, from several threads."""

    def __init__(self, file: Path, head: dict[str, Any]) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._append(head)

    def write(self, name: str, class_: str, outcome: Outcome, alone: Outcome | None, seconds: float) -> None:
        """Write how a case ended, and tell it."""
        found: dict[str, Any] = {"case": name, "class": class_, "seconds": round(seconds, 1)}
        if not outcome.passed:
            found["message"] = outcome.message[-MESSAGE_CHARACTERS:]
        if alone is not None:
            found |= {"alone": alone.passed, "aloneMessage": alone.message[-MESSAGE_CHARACTERS:]}
        self._append(found)
        print(f"{class_:<12} {name}", file=sys.stderr)

    def _append(self, found: dict[str, Any]) -> None:
        with self._lock, self._file.open("a") as file:
            file.write(json.dumps(found) + "\n")
