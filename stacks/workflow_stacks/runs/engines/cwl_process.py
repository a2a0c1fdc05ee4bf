"""What a CWL document says of the process that is run: its inputs, and the types that it defines.

https://www.commonwl.org/v1.2/CommandLineTool.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import yaml

from workflow_stacks.runs.staging import WorkflowInputError

_MAIN = "main"


@dataclass(frozen=True)
class CwlProcess:
    """The process of a document.

    Attributes:
        inputs: The name of each input, and its type or a mapping with one.
        types: The types that it defines, by name; not those of an address, or of a file that does not come along.
    """

    inputs: Mapping[str, Any]
    types: Mapping[str, Any]

    @classmethod
    def read(cls, document: Path, root: Path, process: str) -> Self:
        """Read a document.

        Args:
            document: The document.
            root: The folder that comes along with it. Nothing else is read.
            process: The name of the process; empty for the only one, or `main`.

        Raises:
            WorkflowInputError: It is not CWL, or has no such process.
        """
        try:
            content = yaml.safe_load(document.read_text(encoding="utf-8"))
            found = _process_of(document, content, process)
            return cls(named_parts(found.get("inputs")), _types_of(found, document, root))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise WorkflowInputError(f"{document} is not CWL that can be read: {error}") from error


def named_parts(parts: Any) -> dict[str, Any]:
    """Inputs or fields by their names; CWL lets them be written as a list, too."""
    if isinstance(parts, list):
        return {short_name(one.get("id") or one.get("name")): one for one in parts}
    return {str(name): one for name, one in (parts or {}).items()}


def short_name(name: Any) -> str:
    """The last part of a name that tells what it is inside of."""
    return _fragment(name).rpartition("/")[2]


def _process_of(file: Path, document: Any, process: str) -> Mapping[str, Any]:
    """The process of a document that is run: the one that is named, else the only one, else `main`."""
    graph = document.get("$graph", [document]) if isinstance(document, dict) else []
    processes = [one for one in graph if isinstance(one, dict) and "class" in one] if isinstance(graph, list) else []
    if not processes:
        raise WorkflowInputError(f"{file} is not CWL: it has no 'class', nor a '$graph' of processes")
    if len(processes) == 1 and not process:
        return processes[0]
    named = {_fragment(one["id"]): one for one in processes if "id" in one}
    if (process or _MAIN) not in named:
        what = f"has no process '{process}'" if process else f"has several processes, and none is '{_MAIN}'"
        if not named:
            raise WorkflowInputError(f"{file} {what}: its process has no id. To run it, name the file alone")
        raise WorkflowInputError(
            f"{file} {what}: those that it has are {', '.join(named)}. To run one, name it, as in "
            f"{file.name}#{next(iter(named))}"
        )
    return named[process or _MAIN]


def _fragment(id_: Any) -> str:
    return str(id_).rpartition("#")[2]


def _types_of(process: Mapping[str, Any], document: Path, root: Path) -> dict[str, Any]:
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
    return {short_name(one["name"]): one for one in read if isinstance(one, Mapping) and "name" in one}


def _entries(said: Any) -> list[Mapping[str, Any]]:
    """Requirements or hints as a list; they may be written by class."""
    if isinstance(said, Mapping):
        return [{**one, "class": name} for name, one in said.items() if isinstance(one, Mapping)]
    return [one for one in said or () if isinstance(one, Mapping)]
