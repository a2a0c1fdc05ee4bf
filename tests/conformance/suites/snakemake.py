"""Snakemake's own tests: every test function that is one call of its helper `run`, with what that call asks for."""

import ast
import json
import os
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from conformance.cases import Case, Outcome, Suite, run_alone, tail
from conformance.cloud import Cloud

# What a call may ask for, as words of Snakemake's command line.
WORDS: Mapping[str, Callable[[Any], list[str]]] = {
    "config": lambda value: ["--config", *(f"{name}={one}" for name, one in value.items())],
    "cores": lambda _: [],
    "forceall": lambda value: ["--forceall"] if value else [],
    "forcerun": lambda value: ["--forcerun", *value],
    "omit_from": lambda value: ["--omit-from", *value],
    "printshellcmds": lambda value: ["--printshellcmds"] if value else [],
    "until": lambda value: ["--until", *value],
}
JUDGED = ("shouldfail", "check_md5", "check_results", "targets", "snakefile")
HARMLESS = ("skip_on_windows", "skipif(ON_MACOS")
EXPECTED = "expected-results"
RUN_HERE = Path(__file__).parents[1] / "programs" / "run_here.sh"
OFTEN = ("--seconds-between-status-checks", "1")


@dataclass(frozen=True)
class Call:
    """What a test asks of `run`.

    Attributes:
        folder: The folder of the workflow.
        snakefile: The Snakefile in it.
        words: Words for the command line.
        fails: Whether it must fail.
        same: Whether results are compared, and not only looked for.
        looked_at: Whether there are results.
    """

    folder: str
    snakefile: str
    words: Sequence[str]
    fails: bool
    same: bool
    looked_at: bool


class SnakemakeTests(Suite):
    """A case is a folder with a Snakefile and the results that are expected."""

    title, engine, language = "Snakemake tests", "snakemake", "snakemake"
    file_systems = ("EFS", "S3Files", "OFS", "FSxLustre")

    def version(self) -> str:
        return f"Snakemake {version('snakemake')}"

    def cases(self) -> Sequence[Case]:
        tree = ast.parse((self.checkout / "tests" / "tests.py").read_text())
        functions = (one for one in tree.body if isinstance(one, ast.FunctionDef) and one.name.startswith("test"))
        return [self._on_this_machine(_read(one)) for one in functions]

    def _on_this_machine(self, case: Case) -> Case:
        """A task runs with all cores of its machine, and a rule gets no more threads than these."""
        if case.needs:
            return case
        snakefile = self.checkout / "tests" / case.content.folder / case.content.snakefile
        text = snakefile.read_text(errors="replace") if snakefile.is_file() else ""
        threads = max(map(int, re.findall(r"^\s*threads:\s*(\d+)\s*$", text, re.MULTILINE)), default=1)
        return replace(case, needs=f"a machine with {threads} cores" if threads > (os.cpu_count() or 1) else "")

    def software(self, folder: Path) -> Sequence[Path]:
        del folder
        return ()

    def on_cloud(self, cases: Sequence[Case], cloud: Cloud, folder: Path) -> Mapping[str, Outcome]:
        [case] = cases
        call: Call = case.content
        self._copy(call, folder)
        # The words of the command line come along as Amazon Genomics CLI's projects give them.
        manifest = {"mainWorkflowURL": call.snakefile, "engineOptions": shlex.join(call.words)}
        (folder / "MANIFEST.json").write_text(json.dumps(manifest))
        ended = cloud.run(folder)

        def result(name: str) -> bytes | None:
            return ended.store.read(f"{ended.results}{name}")

        return {case.name: self._judged(call, ended.succeeded, result, ended.log)}

    def alone(self, case: Case, folder: Path) -> Outcome:
        call: Call = case.content
        self._copy(call, folder)
        # As contexts run it: by its executor for clusters, with a shell in place of the queue.
        queue = [
            "--executor",
            "cluster-generic",
            "--cluster-generic-submit-cmd",
            f"bash {RUN_HERE}",
            "--jobs",
            "3",
            *OFTEN,
        ]
        command = [sys.executable, "-m", "snakemake", "--snakefile", call.snakefile, *queue, *call.words]
        done = run_alone(command, folder)

        def result(name: str) -> bytes | None:
            return (folder / name).read_bytes() if (folder / name).is_file() else None

        return self._judged(call, done.returncode == 0, result, done.stdout + done.stderr)

    def _copy(self, call: Call, folder: Path) -> None:
        source = self.checkout / "tests" / call.folder
        shutil.copytree(source, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(EXPECTED))

    def _judged(self, call: Call, succeeded: bool, result: Callable[[str], bytes | None], log: str) -> Outcome:
        if call.fails or not succeeded:
            return Outcome(call.fails and not succeeded, tail(log) or "it must fail, and succeeded")
        root = self.checkout / "tests" / call.folder / EXPECTED
        for file in sorted(root.rglob("*")) if call.looked_at else ():
            # As the suite looks at them: no hidden files.
            if not file.is_file() or file.name.startswith(".") or file.name.endswith("_WIN"):
                continue
            name = str(file.relative_to(root))
            found = result(name)
            if found is None:
                return Outcome(False, f"expected {name}, which is not there")
            if call.same and found.strip() != file.read_bytes().strip():
                return Outcome(False, f"expected {name} to be {file.read_bytes()[:200]!r}, got {found[:200]!r}")
        return Outcome(True)


def _read(function: ast.FunctionDef) -> Case:
    decorators = [ast.unparse(one) for one in function.decorator_list]
    asked = [one for one in decorators if not any(word in one for word in HARMLESS)]
    if asked:
        return Case(function.name, needs=f"its decorator says {', '.join(asked)}")
    statements = [one for one in function.body if not isinstance(getattr(one, "value", None), ast.Constant)]
    call = statements[0].value if len(statements) == 1 and isinstance(statements[0], ast.Expr) else None
    if not isinstance(call, ast.Call) or ast.unparse(call.func) != "run" or not _is_folder(call):
        return Case(function.name, needs="it is a program, not one workflow that runs")
    try:
        keywords = {str(one.arg): ast.literal_eval(one.value) for one in call.keywords if one.arg != "shouldfail"}
    except ValueError:
        return Case(function.name, needs="it computes what it asks of Snakemake")
    more = [name for name in keywords if name not in WORDS and name not in JUDGED]
    if more:
        return Case(function.name, needs=f"it asks Snakemake for {', '.join(more)}")
    words = [word for name, value in keywords.items() if name in WORDS for word in WORDS[name](value)]
    targets = list(keywords.get("targets", ()))
    checked = keywords.get("check_results")
    return Case(
        function.name,
        Call(
            ast.literal_eval(call.args[0].args[0]),  # type: ignore[attr-defined]  # it is dpath("…")
            str(keywords.get("snakefile", "Snakefile")),
            # The targets first: options that take several words would take them too.
            [*targets, *words],
            any(one.arg == "shouldfail" and ast.unparse(one.value) != "False" for one in call.keywords),
            bool(keywords.get("check_md5", True)),
            checked is not False,
        ),
    )


def _is_folder(call: ast.Call) -> bool:
    return len(call.args) == 1 and isinstance(call.args[0], ast.Call) and ast.unparse(call.args[0].func) == "dpath"
