"""Nextflow's own tests, as its own scripts check them: tests/checks, and validation/awsbatch.sh.

The suite's scripts call `nextflow` many times and look at its log. So a head job runs some cases one beside the other,
with the scripts as they are and, as `nextflow`, Nextflow with the configuration of the context.
"""

import os
import re
import shutil
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nextflow_runtime import VERSION, as_program

from conformance.cases import Case, Outcome, Suite, run_alone, tail
from conformance.cloud import Cloud

PROGRAM = Path(__file__).parents[1] / "programs" / "cases.sh"
OFTEN = "executor {\n    pollInterval = '1 sec'\n    queueStatInterval = '5 sec'\n}\nparams.outdir = 'results'\n"
SECONDS = 600


@dataclass(frozen=True)
class Script:
    """A case.

    Attributes:
        folder: Where it runs, below the folder of the suite.
        text: The commands.
    """

    folder: str
    text: str


class NextflowSuite(Suite):
    """Cases that are shell scripts."""

    engine, language, batch = "nextflow", "nextflow", 6
    file_systems = ("EFS", "S3Files", "OFS", "FSxLustre")
    root = ""
    """The folder of the checkout that scripts find around them."""

    def version(self) -> str:
        return f"Nextflow {VERSION}"

    def software(self, folder: Path) -> Sequence[Path]:
        """Nextflow as `real-nextflow`, and the program that runs cases as `nextflow`."""
        shutil.rmtree(folder / "nextflow", ignore_errors=True)
        folders = as_program(folder / "nextflow")
        program = folder / "nextflow" / "bin" / "nextflow"
        program.rename(program.with_name("real-nextflow"))
        shutil.copy(PROGRAM, program)
        program.chmod(0o755)
        return folders

    def on_cloud(self, cases: Sequence[Case], cloud: Cloud, folder: Path) -> Mapping[str, Outcome]:
        self._copy(folder / "suite", cases)
        with tarfile.open(folder / "suite.tar", "w") as archive:
            archive.add(folder / "suite", "suite")
        shutil.rmtree(folder / "suite")
        lines = [f"{case.name}\t{case.content.folder}\t{case.content.text}\n" for case in cases]
        (folder / "cases.tsv").write_text("".join(lines))
        (folder / "main.nf").write_text("workflow {}\n")
        ended = cloud.run(folder / "main.nf", [], {"NXF_OFFLINE": "true"}, cases=len(cases))
        found: dict[str, Outcome] = {}
        for case in cases:
            code = ended.store.read(f"{ended.results}{case.name}.code")
            said = ended.store.read(f"{ended.results}{case.name}.out") or b""
            message = tail(said.decode(errors="replace")) if code is not None else tail(ended.log)
            found[case.name] = Outcome(code is not None and int(code) == 0, message)
        return found

    def alone(self, case: Case, folder: Path) -> Outcome:
        self._copy(folder / "suite", [case])
        [programs, _] = as_program(folder / "programs")
        work = folder / "suite" / case.content.folder
        nextflow = programs / "bin" / "nextflow"
        settings = {
            "NXF_CMD": str(nextflow),
            "NXF_SCRIPT": f"../../{case.name}",
            "NXF_RUN": f"{nextflow} -q run ../../{case.name}",
            "NXF_HOME": str(folder / "home"),
            "NXF_OFFLINE": "true",
            "NXF_DISABLE_CHECK_LATEST": "true",
            "NXF_ANSI_LOG": "false",
        }
        command = ["timeout", str(SECONDS), "bash", "-ex", "-c", case.content.text]
        done = run_alone(command, work, {**os.environ, **settings})
        return Outcome(done.returncode == 0, tail(done.stdout + done.stderr))

    def _copy(self, folder: Path, cases: Sequence[Case]) -> None:
        shutil.copytree(self.checkout / self.root, folder, symlinks=True)
        (folder / "often.config").write_text(OFTEN)
        for case in cases:
            (folder / case.content.folder).mkdir(parents=True, exist_ok=True)


class NextflowChecks(NextflowSuite):
    """tests/checks: a folder for each script, with what is checked in `.checks`; without one, that it runs."""

    title, root = "Nextflow checks", "tests"

    def cases(self) -> Sequence[Case]:
        return [self._case(file) for file in sorted((self.checkout / "tests").glob("*.nf"))]

    def _case(self, script: Path) -> Case:
        folder = Path("checks", script.name)
        checks = self.checkout / "tests" / folder / ".checks"
        text = "bash -ex .checks" if checks.is_file() else "$NXF_RUN"
        return Case(script.name, Script(str(folder), text), self._needs(script.name))

    def _needs(self, name: str) -> str:
        folder = self.checkout / "tests" / "checks"
        lists = {".IGNORE": "the suite leaves it out", ".IGNORE-DOCKER": "Docker: the suite says so"}
        lists[".IGNORE-PARSER-V2"] = "another parser than the default: the suite says so"
        for file, why in lists.items():
            if (folder / file).is_file() and name in (folder / file).read_text().splitlines():
                return why
        return ""


class AwsBatchValidation(NextflowSuite):
    """validation/awsbatch.sh: from one `$NXF_CMD run` to the next is a case, with the checks behind it."""

    title, root = "Nextflow awsbatch.sh", "validation"

    def cases(self) -> Sequence[Case]:
        text = (self.checkout / "validation" / "awsbatch.sh").read_text()
        found: dict[str, list[str]] = {}
        name = ""
        start: list[str] = []
        for line in text.replace("\\\n", " ").splitlines():
            if run := re.search(r"\$NXF_CMD run (\S+)", line):
                # A run that goes on with another one is part of its case.
                if "-resume" not in line:
                    name = _unlike(Path(run[1]).name, found)
                found.setdefault(name, []).extend(start)
                start = []
            if name or line.startswith(("rm ", "[[")):
                found.setdefault(name, []).append(line)
        return [_validation(name, lines, self.checkout) for name, lines in found.items()]


def _unlike(name: str, known: Mapping[str, list[str]]) -> str:
    number = sum(re.sub(r"-\d+$", "", one) == name for one in known)
    return f"{name}-{number + 1}" if number else name


def _validation(name: str, lines: Sequence[str], checkout: Path) -> Case:
    # The configuration of the context stands for the one that names Nextflow's own account.
    commands = [re.sub(r"-c aws\S+\.config", "", line).strip() for line in lines]
    text = "; ".join(["set -e", "cp ../../*.nf .", *(one for one in commands if one and not one.startswith("#"))])
    needs = ""
    if found := re.search(r"run (\w[\w-]*/\S+)", text):
        needs = f"the network: it fetches {found[1]} and plugins"
    elif (found := re.search(r"-c (aws\S+\.config)", " ".join(lines))) and found[1] != "awsbatch.config":
        image = re.search(r"container = '(\S+)'", (checkout / "validation" / found[1]).read_text())
        needs = f"the image {image[1]}, made for it" if image else ""
    return Case(name, Script(f"runs/{name}", text), needs)
