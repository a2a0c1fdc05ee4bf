"""What is wrong with a project file, and where.

A `Problem` is a fact with its place in the data. A `Finding` is a problem with its place in the file, as
a user reads it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from textwrap import fill
from typing import Literal, TypeAlias

from workflow_stacks.errors import WorkflowContextError

Level: TypeAlias = Literal["error", "warning"]
DataPath: TypeAlias = tuple[str | int, ...]

MAX_FINDINGS = 100
"""How many findings one error shows; the rest are counted."""

_WIDTH = 80
_MAX_LEN_VALUE = 60
_MAX_LEN_WORD = 64


@dataclass(frozen=True)
class Problem:
    """A fact about the data that is wrong or doubtful.

    Attributes:
        path: Keys and list positions that lead to the place, from the top of the data.
        message: What was written and why it does not do, in one sentence.
        allowed: What may stand there.
        remedy: What to do.
        level: `error` stops; `warning` does not.
        check: The name of the check that found it, such as `efs-provisioned-bill`. It stays the same from version to
            version: warnings are acknowledged by it.
    """

    path: DataPath
    message: str
    allowed: str = ""
    remedy: str = ""
    level: Level = "error"
    check: str = ""

    def under(self, *parents: str | int) -> Problem:
        """Return the same problem, seen from further up in the data."""
        return replace(self, path=(*parents, *self.path))


@dataclass(frozen=True)
class Finding:
    """A problem, with its place in the file.

    Attributes:
        level: `error` stops; `warning` does not.
        file: The project file, as the user named it.
        line: Line in the file, from 1; 0 when the file as a whole is meant.
        path: The place in YAML, such as `contexts.dev.engines[0].engine`; empty for the whole file.
        message: What was written and why it does not do.
        allowed: What may stand there; may be empty.
        remedy: What to do; may be empty.
        column: Column in the line, from 1; 0 when unknown.
        check: The name of the check that found it.
    """

    level: Level
    file: Path
    line: int
    path: str
    message: str
    allowed: str = ""
    remedy: str = ""
    column: int = 0
    check: str = ""

    def __str__(self) -> str:
        """Give the finding as a user reads it: `file:line: level: message`, then place, allowed, remedy."""
        place = f"{self.file}:{self.line}" if self.line else str(self.file)
        check = f" [{self.check}]" if self.level == "warning" and self.check else ""
        lines = [f"{place}: {self.level}: {self.message}{check}"]
        lines += [f"    at {self.path}"] if self.path else []
        lines += [_wrapped(f"allowed: {self.allowed}")] if self.allowed else []
        lines += [_wrapped(self.remedy)] if self.remedy else []
        return "\n".join(lines)


class ProjectFileError(WorkflowContextError):
    """The project file is wrong.

    Attributes:
        findings: Everything that was found, warnings included, in the order of the file.
    """

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings: tuple[Finding, ...] = tuple(sorted(findings, key=lambda finding: finding.line))
        super().__init__(render(self.findings))


def render(findings: Sequence[Finding]) -> str:
    """Give findings as text: each in full, then how many there are."""
    shown = [str(finding) for finding in findings[:MAX_FINDINGS]]
    return "\n".join([*shown, _count(findings)])


def _wrapped(text: str) -> str:
    return fill(
        text,
        _WIDTH,
        initial_indent="    ",
        subsequent_indent="      ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _count(findings: Sequence[Finding]) -> str:
    errors = sum(finding.level == "error" for finding in findings)
    counts = [_plural(errors, "error"), _plural(len(findings) - errors, "warning")]
    hidden = len(findings) - MAX_FINDINGS
    more = f" ({hidden} not shown)" if hidden > 0 else ""
    return ", ".join(count for count in counts if count) + more


def _plural(count: int, noun: str) -> str:
    return "" if count == 0 else f"1 {noun}" if count == 1 else f"{count} {noun}s"


def path_text(path: DataPath) -> str:
    """Write a path as it is said: `contexts.dev.engines[0]`; keys with odd characters in quotes."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step.replace("_", "").replace("-", "").isalnum() and len(step) <= _MAX_LEN_VALUE:
            text += f".{step}" if text else step
        else:
            text += f"[{quote(step)}]"
    return text


def quote(text: str) -> str:
    """Give text in quotes for a message: one line, printable, shortened when long."""
    short = text if len(text) <= _MAX_LEN_VALUE else f"{text[: _MAX_LEN_VALUE - 1]}…"
    printable = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in short)
    return f"'{printable}'"


def repr_value(value: object) -> str:
    """Say in a message what was written."""
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}" if value else "an empty list"
    return quote(str(value))[1:-1]


def join_words(names: Iterable[str]) -> str:
    """Join names for a message."""
    return ", ".join(names)


def did_you_mean(written: str, allowed: Iterable[str]) -> str:
    """Suggest the allowed word nearest to the written one: `did you mean 'x'?`, or "" when none is near."""
    word = closest(written, allowed)
    return f"did you mean '{word}'?" if word else ""


def closest(written: str, allowed: Iterable[str]) -> str | None:
    """Return the allowed word nearest to the written one, or None when none is near."""
    if len(written) > _MAX_LEN_WORD:
        return None
    by_lower = {name.lower(): name for name in allowed}
    exchanged = [name for name in by_lower if sorted(name) == sorted(written.lower())]
    matches = exchanged or get_close_matches(written.lower(), by_lower, n=1, cutoff=0.7)
    return by_lower[matches[0]] if matches else None
