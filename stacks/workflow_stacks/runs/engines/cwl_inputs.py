"""Inputs of CWL workflows, by the types that the workflow gives them, brought to the context.

https://www.commonwl.org/v1.2/CommandLineTool.html#CommandInputParameter
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from workflow_stacks.runs.staging import Stage, WorkflowInputError
from workflow_stacks.runs.workflow_source import WorkflowSource

from .base import read_inputs, read_mapping
from .cwl_process import CwlProcess
from .cwl_secondary_files import FILES, local_path, with_secondary_files


def cwl_inputs(source: WorkflowSource, inputs: Sequence[str], stage: Stage) -> dict[str, Any]:
    """Inputs as the runner of CWL takes them, files of this machine by their address in S3.

    A workflow that the engine reads from an address by itself is not checked.

    Raises:
        WorkflowInputError: The workflow is not CWL, or its inputs cannot be used.
    """
    if source.file is None or source.folder is None:
        return {name: _staged(value, stage) for name, value in read_inputs(source, inputs).items()}
    process = CwlProcess.read(source.file, source.folder, source.process)
    types = {name: _type(parameter) for name, parameter in process.inputs.items()}
    values: dict[str, Any] = {}
    for file in source.inputs:
        values |= _from_folder(read_mapping(file), file.parent)
    for given in inputs:
        name, equals, text = given.partition("=")
        if equals:
            _add(values, name, text, types)
        else:
            values |= _from_folder(read_mapping(Path(given)), Path(given).parent)
    missing = [
        f"{name} ({_said(type_)})" for name, type_ in types.items() if name not in values and not type_["optional"]
    ]
    if missing:
        raise WorkflowInputError(f"the workflow needs inputs that are not given: {', '.join(missing)}")
    return {
        name: _staged(with_secondary_files(value, process.inputs.get(name), process.types), stage)
        for name, value in values.items()
    }


def _type(parameter: Any) -> dict[str, Any]:
    """The name of a type, whether it is an array of it, and whether it may be left out."""
    has_default = isinstance(parameter, dict) and "default" in parameter
    found = parameter.get("type") if isinstance(parameter, dict) else parameter
    optional = False
    if isinstance(found, list):
        optional = "null" in found
        others = [one for one in found if one != "null"]
        found = others[0] if len(others) == 1 else "Any"
    if isinstance(found, str) and found.endswith("?"):
        found, optional = found[:-1], True
    is_array = False
    if isinstance(found, dict) and found.get("type") == "array":
        found, is_array = found["items"], True
    if isinstance(found, str) and found.endswith("[]"):
        found, is_array = found[:-2], True
    return {
        "name": found if isinstance(found, str) else "record",
        "array": is_array,
        "optional": optional or has_default,
    }


def _said(type_: Mapping[str, Any]) -> str:
    return f"{type_['name']}{'[]' if type_['array'] else ''}"


def _add(values: dict[str, Any], name: str, text: str, types: Mapping[str, Mapping[str, Any]]) -> None:
    """Take `name=value`; given more than once, the values are an array."""
    if name not in types:
        known = ", ".join(types) or "none"
        raise WorkflowInputError(f"the workflow has no input '{name}'; its inputs are {known}")
    type_ = types[name]
    if type_["array"] and not text.startswith("["):
        values.setdefault(name, []).append(_value(name, text, str(type_["name"])))
    else:
        values[name] = _value(name, text, "array" if type_["array"] else str(type_["name"]))


def _value(name: str, text: str, kind: str) -> Any:
    if kind in FILES:
        if "://" not in text and not Path(text).exists():
            raise WorkflowInputError(f"the input {name} is {text}, which does not exist on this machine")
        return {"class": kind, "location": text}
    if kind == "string":
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        if kind in ("boolean", "int", "long", "float", "double", "array", "record"):
            raise WorkflowInputError(f"the input {name} is '{text}', which is not of the type {kind}") from error
        return text  # an enum, or Any


def _from_folder(value: Any, folder: Path) -> Any:
    """A value whose files and directories have paths that exist here; nothing else in it is a path."""
    if isinstance(value, list):
        return [_from_folder(one, folder) for one in value]
    if not isinstance(value, dict):
        return value
    found = {key: _from_folder(one, folder) for key, one in value.items()}
    path = local_path(value)
    if path is None:
        return found
    # An address has %23 for the sign #, and people write paths there, too.
    names = (folder / path, folder / unquote(str(path)))
    here = next((one for one in names if one.exists()), path)
    return {key: one for key, one in found.items() if key != "path"} | {"location": str(here)}


def _staged(value: Any, stage: Stage) -> Any:
    """Files and directories of this machine by their addresses in S3, wherever they are in a value."""
    if isinstance(value, list):
        return [_staged(one, stage) for one in value]
    if not isinstance(value, dict):
        return value
    value = {key: _staged(one, stage) for key, one in value.items()}
    path = local_path(value)
    if path is None:
        return value
    others = {key: one for key, one in value.items() if key not in ("path", "location")}
    if path.is_dir() and value["class"] == "Directory":
        return {"basename": path.name, **others, "location": stage.put_directory(path)}
    if path.is_file() and value["class"] == "File":
        return {"basename": path.name, **others, "location": stage.put_file(path)}
    raise WorkflowInputError(f"{path} is no {value['class']} of this machine")
