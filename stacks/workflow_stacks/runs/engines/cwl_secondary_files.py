"""Files that belong to an input file of a CWL process, such as its index: found beside it, as the process names them.

https://www.commonwl.org/v1.2/CommandLineTool.html#SecondaryFileSchema
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from workflow_stacks.runs.staging import WorkflowInputError

from .cwl_process import named_parts, short_name

FILES = ("File", "Directory")
"""The classes of values that are files of a machine."""

_OF_THE_FILE = re.compile(r"\$\(self\.(basename|nameroot|nameext)\)")
_EXPRESSION = re.compile(r"\$[({]")


class Pattern(NamedTuple):
    """What a process says of the name of a secondary file.

    Attributes:
        text: How its name comes from that of its file.
        required: Whether it must be there.
    """

    text: str
    required: bool


def with_secondary_files(value: Any, type_: Any, named: Mapping[str, Any], patterns: Sequence[Pattern] = ()) -> Any:
    """A value with the secondary files that lie on this machine beside its files.

    A pattern with an expression, other than a reference to the name of the file itself, is not evaluated: what it means
    is in the value already, or the engine says that it is missing.

    Args:
        value: The value of an input, or a part of one.
        type_: What the process says of it: a type, several, or a parameter, field or schema with one.
        named: The types that the process defines, by their names.
        patterns: Those that hold for it already.

    Raises:
        WorkflowInputError: One that must be there is not.
    """
    if isinstance(type_, list):
        for one in type_:
            value = with_secondary_files(value, one, named, patterns)
        return value
    if isinstance(type_, str):
        if isinstance(value, list):  # of a type such as File[]
            return [with_secondary_files(one, type_, named, patterns) for one in value]
        known = named.get(short_name(type_.rstrip("?[]")))
        if known is not None:
            return with_secondary_files(value, known, named, patterns)
        return _found(value, patterns) if isinstance(value, dict) and value.get("class") == "File" else value
    if not isinstance(type_, Mapping):
        return value
    patterns = _patterns(type_.get("secondaryFiles")) or patterns
    if type_.get("type") == "array" and isinstance(value, list):
        return [with_secondary_files(one, type_.get("items"), named, patterns) for one in value]
    if type_.get("type") == "record" and isinstance(value, dict):
        fields = named_parts(type_.get("fields"))
        return {name: with_secondary_files(one, fields.get(name), named) for name, one in value.items()}
    return with_secondary_files(value, type_.get("type"), named, patterns)


def local_path(value: Mapping[str, Any]) -> Path | None:
    """The path of a file or directory that is said to be on this machine; None for what is elsewhere, or is none."""
    place = value.get("location", value.get("path"))
    if value.get("class") not in FILES or not isinstance(place, str):
        return None
    plain = place.removeprefix("file://")
    return Path(plain) if "://" not in plain else None


def _found(file: dict[str, Any], patterns: Sequence[Pattern]) -> dict[str, Any]:
    """A file with those of its patterns that lie beside it, unless the value has them already."""
    path = local_path(file)
    if path is None:
        return file
    others = list(file.get("secondaryFiles", []))
    known = {one.get("basename") or Path(str(one.get("location", one.get("path")))).name for one in others}
    for pattern in patterns:
        name = _substituted(file.get("basename", path.name), pattern.text)
        if not name or name in known:
            continue
        beside = path.with_name(name)
        if beside.exists():
            others.append({"class": "Directory" if beside.is_dir() else "File", "location": str(beside)})
        elif pattern.required and path.exists():
            raise WorkflowInputError(
                f"{path} needs {name} beside it (secondaryFiles in the workflow), which is not there"
            )
    return {**file, "secondaryFiles": others} if others else file


def _substituted(name: str, pattern: str) -> str:
    """The name that a pattern gives to a file that belongs to another; empty for an expression."""
    root, dot, extension = name.rpartition(".")
    parts = {"basename": name, "nameroot": root or name, "nameext": f"{dot}{extension}" if root else ""}
    if _EXPRESSION.search(pattern):
        said = _OF_THE_FILE.sub(lambda found: parts[found[1]], pattern)
        return "" if _EXPRESSION.search(said) else said
    while pattern.startswith("^"):
        pattern, name = pattern[1:], name.rpartition(".")[0] or name
    return name + pattern


def _patterns(said: Any) -> list[Pattern]:
    """The patterns of a parameter, a type or a field."""
    found = []
    for one in said if isinstance(said, list) else [said]:
        text, required = (one.get("pattern"), one.get("required")) if isinstance(one, Mapping) else (one, None)
        if isinstance(text, str):
            optional = text.endswith("?") and not _EXPRESSION.search(text)
            found.append(
                Pattern(text.removesuffix("?") if optional else text, not optional and required in (None, True))
            )
    return found
