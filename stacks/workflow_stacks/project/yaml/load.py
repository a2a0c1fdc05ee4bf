"""YAML text becomes plain data that knows the line of every key.

The text is read event by event, by libyaml when PyYAML has it, and never expanded: size, depth and the
expansion of aliases are bounded, so that no text takes long. Scalars keep what was written: `version: 1.10`
is the text "1.10" and `on:` the key "on"; the model decides by the field whether it is a number, a flag or a
text.
"""

from __future__ import annotations

import errno
import os
import re
import select
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from workflow_stacks.project.findings import (
    DataPath,
    Finding,
    Problem,
    ProjectFileError,
    path_text,
)

from .compose import (
    DocumentError,
    Noted,
    compose,
    mark_of,
)
from .nodes import Mark, Node

MAX_BYTES = 8 * 1024 * 1024
"""Size of the largest file that is read, in bytes. A project of 200 contexts has about 100,000."""

PIPE_SECONDS = 5
"""How long a pipe that is given as project file may say nothing, in seconds."""

# The other ends of lines that YAML 1.1 knows (U+0085, U+2028, U+2029) are left out: editors show none of them, and the
# number of every line after one would be wrong.
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_WHOLE_FILE = Mark(0, 0)

PlainData: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Source:
    """A project file, read but not yet understood.

    Attributes:
        file: The file, as the user named it.
        root: Its top mapping.
        noted: What the reading found and could step over: duplicate keys, keys that are not text.
    """

    file: Path
    root: Node
    noted: tuple[Noted, ...] = ()

    @cached_property
    def data(self) -> PlainData:
        """The content: dict, list, `str` for quoted and `Plain` for unquoted scalars, None."""
        data: PlainData = self.root.to_data({})
        return data

    def locate(self, path: DataPath) -> Mark:
        """Return where a path stands: its key, or its nearest parent's when it was not written."""
        node, mark = self.root, self.root.mark
        for step in path:
            found = node.child(step)
            if found is None:
                break
            mark, node = found
        return mark

    def written(self, path: DataPath) -> DataPath:
        """Return as much of a path as is in the file."""
        node = self.root
        for depth, step in enumerate(path):
            found = node.child(step)
            if found is None:
                return path[:depth]
            node = found[1]
        return path

    def finding(self, problem: Problem, mark: Mark | None = None) -> Finding:
        """Give a problem its place in the file: `mark`, or where its path stands."""
        line, column = mark or self.locate(problem.path)
        # A warning may be about a default: it then points to the nearest key that is in the file.
        place = self.written(problem.path) if problem.level == "warning" else problem.path
        return Finding(
            problem.level,
            self.file,
            line,
            path_text(place),
            problem.message,
            problem.allowed,
            problem.remedy,
            column,
            problem.check,
        )

    def findings(self) -> list[Finding]:
        """Return what the reading found."""
        return [self.finding(problem, mark) for problem, mark in self.noted]


def read_source(path: Path | str) -> Source:
    """Read a project file.

    Args:
        path: The file. A byte order mark is ignored.

    Returns:
        The data and the place of every key.

    Raises:
        ProjectFileError: It cannot be read, is not UTF-8 text or YAML, or holds anything but one mapping.
    """
    file = Path(path)
    return parse_source(_bytes_of(file), file)


def parse_source(content: bytes, file: Path) -> Source:
    """Read the content of a project file; `file` names it in messages.

    Raises:
        ProjectFileError: As `read_source`.
    """
    text = _text_of(content, file)
    try:
        composed = compose(_events(text))
    except DocumentError as error:
        raise _refusal(file, str(error), mark=error.mark, remedy=error.remedy) from None
    except yaml.YAMLError as error:
        raise _syntax_error(file, text, error) from None
    if composed.root is None:
        raise _refusal(file, "the file is empty", remedy="write at least 'name', 'schemaVersion: 1' and 'contexts'")
    if not composed.root.is_mapping:
        message = f"the file holds {composed.root.kind}, not a mapping of keys"
        raise _refusal(file, message, mark=composed.root.mark, remedy="a project file begins with 'name: MyProject'")
    return Source(file, composed.root, tuple(composed.noted))


def _events(text: str) -> Iterator[yaml.Event]:
    loader = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
    events: Iterator[yaml.Event] = yaml.parse(text, Loader=loader)
    return events


def _bytes_of(file: Path) -> bytes:
    try:
        with open(file, "rb", opener=_open_unless_nobody_writes) as stream:
            content = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        remedy = "name the project file (--project FILE; with the CDK CLI, -c project=FILE), or go to its folder"
        raise _refusal(file, "there is no such file", remedy=remedy) from None
    except IsADirectoryError:
        remedy = f"name the file in it, such as {file / 'agc-project.yaml'}"
        raise _refusal(file, "this is a folder, not a file", remedy=remedy) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _refusal(file, f"the file cannot be read: {reason}") from None
    if len(content) > MAX_BYTES:
        raise _refusal(file, f"the file is larger than {MAX_BYTES // 1024**2} MiB: it cannot be a project file")
    return content


def _open_unless_nobody_writes(file: str, flags: int) -> int:
    """Open a file; of a pipe, wait some seconds for what is written to it, and not for ever."""
    descriptor = os.open(file, flags | getattr(os, "O_NONBLOCK", 0))
    if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        ready, _, _ = select.select([descriptor], [], [], PIPE_SECONDS)
        if not ready:
            os.close(descriptor)
            raise TimeoutError(errno.ETIMEDOUT, f"it is a pipe, and nothing came for {PIPE_SECONDS} seconds")
        os.set_blocking(descriptor, True)
    return descriptor


def _text_of(content: bytes, file: Path) -> str:
    if content.startswith(_UTF16):
        raise _refusal(file, "the file is UTF-16 text", remedy="save it as UTF-8")
    if b"\0" in content:
        mark = Mark(content.count(b"\n", 0, content.index(b"\0")) + 1, 0)
        raise _refusal(
            file, "this is a binary file, not text", mark=mark, remedy="name a YAML file with --project FILE"
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        mark = Mark(content.count(b"\n", 0, error.start) + 1, 0)
        byte = content[error.start]
        raise _refusal(
            file, f"the file is not UTF-8 text: byte 0x{byte:02x}", mark=mark, remedy="save it as UTF-8"
        ) from None
    unprintable = _UNPRINTABLE.search(text)
    if unprintable:
        line_start = text.rfind("\n", 0, unprintable.start())
        mark = Mark(text.count("\n", 0, unprintable.start()) + 1, unprintable.start() - line_start)
        message = f"the character U+{ord(unprintable.group()):04X} cannot stand in YAML"
        raise _refusal(file, message, mark=mark, remedy="delete the character")
    return text


def _syntax_error(file: Path, text: str, error: yaml.YAMLError) -> ProjectFileError:
    place = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    mark = _within(text, mark_of(place))
    reason = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be read"
    context = getattr(error, "context", None)
    message = f"this is not YAML: {reason}" + (f" ({context})" if context else "")
    remedy = "look at this line and the one before it: indentation, a missing ':' or quote"
    if mark.line and _indented_by_tab(text, mark.line):
        message, remedy = "a tab is used for indentation, which YAML does not allow", "indent with spaces"
    return _refusal(file, message, mark=mark, remedy=remedy)


def _within(text: str, mark: Mark) -> Mark:
    """The place, or the end of the last line for one behind it: libyaml takes the end of the text for a line more."""
    lines = text.removesuffix("\n").split("\n")
    return mark if mark.line <= len(lines) else Mark(len(lines), len(lines[-1]) + 1)


def _indented_by_tab(text: str, line: int) -> bool:
    written = "".join(text.split("\n", line)[line - 1 : line])
    return "\t" in written[: len(written) - len(written.lstrip())]


def _refusal(file: Path, message: str, *, mark: Mark = _WHOLE_FILE, remedy: str = "") -> ProjectFileError:
    finding = Finding("error", file, mark.line, "", message, remedy=remedy, column=mark.column, check="yaml")
    return ProjectFileError([finding])
