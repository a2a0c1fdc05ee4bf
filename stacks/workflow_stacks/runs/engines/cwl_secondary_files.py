"""Files that belong to an input file of a CWL process, such as its index: found beside it, as the process names them.

https://www.commonwl.org/v1.2/CommandLineTool.html#SecondaryFileSchema
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from workflow_stacks.runs.staging import WorkflowInputError

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
        known = named.get(_short(type_.rstrip("?[]")))
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


def types_of(process: Mapping[str, Any], document: Path, root: Path) -> dict[str, Any]:
    """The types that a process defines, by their names; not those of an address, or of a file that does not come along.

    Args:
        process: The process.
        document: Its document, from which imported files count.
        root: The folder that comes along with it. Nothing else is read.
    """
    needs = [*_entries(process.get("requirements")), *_entries(process.get("hints"))]
    found = [one for need in needs if need.get("class") == "SchemaDefRequirement" for one in need.get("types", [])]
    read = []
    for one in found:
        content = one
        if isinstance(one, Mapping) and "$import" in one:
            file = (document.parent / str(one["$import"])).resolve()
            inside = file.is_relative_to(root.resolve()) and file.is_file()
            content = yaml.safe_load(file.read_text(encoding="utf-8")) if inside else []
        read += content if isinstance(content, list) else [content]
    return {_short(one["name"]): one for one in read if isinstance(one, Mapping) and "name" in one}


def named_parts(parts: Any) -> dict[str, Any]:
    """Inputs or fields by their names; CWL lets them be written as a list, too."""
    if isinstance(parts, list):
        return {_short(one.get("id") or one.get("name")): one for one in parts}
    return {str(name): one for name, one in (parts or {}).items()}


def _found(file: dict[str, Any], patterns: Sequence[Pattern]) -> dict[str, Any]:
    """A file with those of its patterns that lie beside it, unless the value has them already."""
    place = file.get("location", file.get("path"))
    if not isinstance(place, str) or "://" in place.removeprefix("file://"):
        return file
    path = Path(place.removeprefix("file://"))
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
    said = _OF_THE_FILE.sub(lambda found: parts[found[1]], pattern)
    if said != pattern or _EXPRESSION.search(said):
        return "" if _EXPRESSION.search(said) else said
    while said.startswith("^"):
        said, name = said[1:], name.rpartition(".")[0] or name
    return name + said


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


def _entries(said: Any) -> list[Mapping[str, Any]]:
    """Requirements or hints as a list; they may be written by class."""
    if isinstance(said, Mapping):
        return [{**one, "class": name} for name, one in said.items() if isinstance(one, Mapping)]
    return [one for one in said or () if isinstance(one, Mapping)]


def _short(name: Any) -> str:
    return str(name).rpartition("#")[2].rpartition("/")[2]
