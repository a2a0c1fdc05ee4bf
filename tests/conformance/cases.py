"""What a suite is made of: cases, how each ended, and the rules by which a failure has its class."""

import abc
import os
import re
import signal
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from .cloud import Cloud

PASSED, OURS, ENGINE, ENVIRONMENT = "passed", "ours", "engine", "environment"
CLASSES: Mapping[str, str] = {
    PASSED: "it ended on the local cloud as the suite says",
    OURS: "it failed there, and passed by the engine alone",
    ENGINE: "it failed there and by the engine alone",
    ENVIRONMENT: "it asks for what this machine has not",
}

# What a program says that does not find what it needs. The first group is what was missing.
MISSING: Sequence[str] = (
    r"(\S+): (?:command )?not found",
    r"exec: \"?(\S+?)\"?: (?:executable file )?not found",
    r"ModuleNotFoundError[^\n]*:\s*No module named '(\S+?)'",
    r"The package (snakemake-\S+) is not installed",
    r"please install (peppy|eido)",
    r"Unknown project [`'](\S+?)[`'] -- NOTE: automatic download",
    r"unable to download (\S+?)[\s\",]",
    r"No such file or directory: '?(conda|docker|singularity|apptainer|Rscript|node|bwa|samtools)'?",
    r"Cannot run program \"(\S+?)\"",
    r"(Temporary failure in name resolution|Could not resolve host|Network is unreachable|UnknownHostException)",
    r"Missing plugin '(\S+?)'",
    r"Plugin with id (\S+) not found|Cannot find a version of plugin (\S+)|Failed to download plugin: (\S+)",
    r"No storage provider found for query (\S+?)\.? ",
    r"there is no package called .(\w+).",
)


CASE_SECONDS = 900.0
"""After that time a case that has not ended has failed; the slowest of all took nine minutes, on a busy machine."""


class NotEndedError(Exception):
    """A case did not end in time."""

    def __init__(self) -> None:
        super().__init__(f"it did not end within {CASE_SECONDS:.0f} s")


@dataclass(frozen=True)
class Case:
    """One case of a suite.

    Attributes:
        name: What the suite calls it.
        content: What its suite needs to run it.
        needs: What it asks for that no machine of this kind has; empty when it can be tried.
    """

    name: str
    content: Any = None
    needs: str = ""


@dataclass(frozen=True)
class Outcome:
    """How a case ended in one place.

    Attributes:
        passed: Whether it ended as the suite says.
        message: When not: what differs, or what was said last.
    """

    passed: bool
    message: str = ""


@dataclass(frozen=True)
class Suite(abc.ABC):
    """A suite in a checkout.

    Attributes:
        checkout: The folder that holds it.
    """

    checkout: Path

    title: ClassVar[str] = ""
    """What it is called in the table."""
    engine: ClassVar[str] = ""
    """The engine that runs it, by the name that project files give it."""
    language: ClassVar[str] = ""
    file_systems: ClassVar[Sequence[str]] = ("EFS",)
    """Where it can run; the first one is the default."""
    batch: ClassVar[int] = 1
    """How many cases go into one head job."""

    @abc.abstractmethod
    def version(self) -> str:
        """The engine and its version."""

    @abc.abstractmethod
    def cases(self) -> Sequence[Case]:
        """All of its cases, in its order."""

    @abc.abstractmethod
    def software(self, folder: Path) -> Sequence[Path]:
        """Directories of programs for the head jobs; what must be made is made in a folder."""

    @abc.abstractmethod
    def on_cloud(self, cases: Sequence[Case], cloud: "Cloud", folder: Path) -> Mapping[str, Outcome]:
        """Run a batch of cases in the context.

        Args:
            cases: The cases.
            cloud: The context.
            folder: An empty folder.

        Returns:
            The name of each case, and how it ended.
        """

    @abc.abstractmethod
    def alone(self, case: Case, folder: Path) -> Outcome:
        """Run a case by the engine alone on this machine, in an empty folder."""


def what_was_missing(message: str) -> str:
    """What a program did not find, by its words; empty when it complains of nothing like that."""
    for rule in MISSING:
        if found := re.search(rule, message):
            return str(next(filter(None, found.groups()))).strip("`'\"")
    return ""


def class_of(on_cloud: Outcome, alone: Outcome | None) -> str:
    """The class of a case that was run on the local cloud and, when it failed there, alone."""
    if on_cloud.passed:
        return PASSED
    if alone is not None and alone.passed:
        return OURS
    missing = what_was_missing(on_cloud.message) or (what_was_missing(alone.message) if alone else "")
    return ENVIRONMENT if missing else ENGINE


def tail(text: str, lines: int = 30) -> str:
    """The last lines of what was said."""
    return "\n".join([line for line in text.splitlines() if line.strip()][-lines:])


def in_batches(cases: Sequence[Case], size: int) -> Iterable[Sequence[Case]]:
    """Cases in groups of a size."""
    for start in range(0, len(cases), size):
        yield cases[start : start + size]


def run_alone(
    command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run an engine in a folder, in a session of its own: Ctrl-C, which ends the rest, would look like a failure.

    Raises:
        NotEndedError: It did not end in time; it is killed, with all that it started.
    """
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            said = process.communicate(timeout=CASE_SECONDS)
        except subprocess.TimeoutExpired as error:
            os.killpg(process.pid, signal.SIGKILL)
            raise NotEndedError from error
        return subprocess.CompletedProcess(command, process.returncode, *said)
