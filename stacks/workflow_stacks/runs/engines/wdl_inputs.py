"""Inputs of WDL workflows: checked on this machine, where a mistake is found at once, and brought to the context."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from workflow_stacks.runs.staging import Stage, WorkflowInputError, files_below
from workflow_stacks.runs.workflow_source import WorkflowSource

from .base import from_folder, read_inputs, read_mapping, staged

_FILES = ("File", "Directory")


def wdl_inputs(source: WorkflowSource, inputs: Sequence[str], stage: Stage) -> dict[str, Any]:
    """Inputs by the types that the workflow gives them: name to value, files of this machine by their address in S3.

    A workflow that the engine reads from an address by itself is not checked.

    Raises:
        WorkflowInputError: The workflow is not WDL, or its inputs cannot be used.
    """
    if source.file is None:
        return read_inputs(source, inputs)
    if not source.checked:
        return {name: staged(value, stage) for name, value in read_inputs(source, inputs).items()}
    types = wdl_types(source.file)
    values = _values(source, inputs, types)
    _check_required(types, values)

    def brought(text: str, kind: str) -> str:
        path = Path(text)
        if path.is_dir() and kind != "File":
            return stage.put_directory(path)
        return stage.put_file(path) if path.is_file() else text

    return {name: _with_files(value, _type_of(name, types), brought) for name, value in values.items()}


def _short(name: str) -> str:
    return name.rpartition(".")[2]


def wdl_types(workflow: Path) -> dict[str, tuple[Any, bool]]:
    """The type of each input that the workflow has, and whether it must be given.

    Raises:
        WorkflowInputError: It is not WDL that can be run, or miniwdl is not installed.
    """
    target = _target(_loaded(workflow), workflow)
    required = {binding.name for binding in target.required_inputs}
    return {binding.name: (binding.value.type, binding.name in required) for binding in target.available_inputs}


def wdl_files(workflow: Path) -> tuple[str, list[Path]]:
    """The name of the workflow, and the files of this machine that it is made of, itself among them.

    Raises:
        WorkflowInputError: It is not WDL that can be run, or miniwdl is not installed.
    """
    document = _loaded(workflow)
    files: set[Path] = set()
    unread = [document]
    while unread:
        one = unread.pop()
        if "://" not in one.pos.abspath:  # what is imported from an address is read there again
            files.add(Path(one.pos.abspath).resolve())
        unread += [imported.doc for imported in one.imports if imported.doc is not None]
    return _target(document, workflow).name, sorted(files)


def _loaded(workflow: Path) -> Any:
    try:
        import WDL
    except ModuleNotFoundError as error:
        raise WorkflowInputError("to check and pack a WDL workflow, miniwdl is needed: pip install miniwdl") from error

    def said(error: Any) -> str:
        position = getattr(error, "pos", None)
        return f"{position.abspath}:{position.line}: {error}" if position else f"{workflow}: {error}"

    try:
        return WDL.load(str(workflow))
    except WDL.Error.MultipleValidationErrors as errors:
        raise WorkflowInputError("\n".join(said(error) for error in errors.exceptions)) from errors
    except (WDL.Error.SyntaxError, WDL.Error.ImportError, WDL.Error.ValidationError) as error:
        cause = error.__cause__ if isinstance(error, WDL.Error.ImportError) else None
        raise WorkflowInputError(said(cause or error)) from error


def _target(document: Any, workflow: Path) -> Any:
    target = document.workflow or (document.tasks[0] if len(document.tasks) == 1 else None)
    if target is None:
        raise WorkflowInputError(f"{workflow} has no workflow")
    return target


def _values(source: WorkflowSource, inputs: Sequence[str], types: Mapping[str, tuple[Any, bool]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for file in source.inputs:
        values |= _read(file, types)
    for given in inputs:
        name, equals, text = given.partition("=")
        if equals:
            add_wdl_input(values, name, text, types)
        else:
            values |= _read(Path(given), types)
    return values


def _read(file: Path, types: Mapping[str, tuple[Any, bool]]) -> dict[str, Any]:
    """Read a file of inputs. Paths in it count from its folder."""
    return {
        name: _with_files(value, _type_of(name, types), lambda text, _: str(from_folder(text, file.parent)))
        for name, value in read_mapping(file).items()
    }


def _type_of(name: str, types: Mapping[str, tuple[Any, bool]]) -> Any:
    return types.get(_short(name), (None, False))[0]


def _check_required(types: Mapping[str, tuple[Any, bool]], values: Mapping[str, Any]) -> None:
    """Say at once which inputs are missing or do not exist, before a head job is started for nothing."""
    given = {_short(name) for name in values} | set(values)
    missing = [f"{name} ({type_})" for name, (type_, required) in types.items() if required and name not in given]
    if missing:
        raise WorkflowInputError(f"the workflow needs inputs that are not given: {', '.join(missing)}")
    gone = [
        f"{name} is {value}"
        for name, value in values.items()
        if isinstance(value, str)
        and str(types.get(_short(name), ("", False))[0]).removesuffix("?") == "File"
        and "://" not in value
        and not value.startswith("/mnt/")
        and not Path(value).exists()
    ]
    if gone:
        raise WorkflowInputError(f"files of inputs do not exist on this machine: {', '.join(gone)}")


def add_wdl_input(values: dict[str, Any], name: str, text: str, types: Mapping[str, tuple[Any, bool]]) -> None:
    """Take `name=value`; given more than once, the values are an array.

    Raises:
        WorkflowInputError: The workflow has no such input, or it is of another type.
    """
    if name not in types:
        known = ", ".join(types) or "none"
        raise WorkflowInputError(f"the workflow has no input '{name}'; its inputs are {known}")
    kind = str(types[name][0]).removesuffix("?")
    if not kind.startswith("Array[") or text.startswith("["):
        values[name] = _value(name, text, kind)
    else:
        item = kind[len("Array[") :].rstrip("+").removesuffix("]").removesuffix("?")
        values.setdefault(name, []).append(_value(name, text, item))


def _value(name: str, text: str, kind: str) -> Any:
    if kind in ("String", *_FILES):
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        raise WorkflowInputError(f"the input {name} is '{text}', which is not of the type {kind}") from error


def _with_files(value: Any, type_: Any, changed: Callable[[str, str], str]) -> Any:
    """A value in which other texts stand for its files and directories.

    Args:
        value: The value of an input, or a part of one.
        type_: Its type as miniwdl has it; None if it has none, so that each text may be a file.
        changed: Takes a text that is no address and the name of its type, and gives what stands for it.
    """
    if isinstance(value, list):
        return [_with_files(one, _type_inside(type_), changed) for one in value]
    if isinstance(value, dict):
        return {key: _with_files(one, _type_inside(type_, key), changed) for key, one in value.items()}
    kind = str(type_ or "").removesuffix("?")
    if not isinstance(value, str) or kind not in ("", *_FILES) or "://" in value:
        return value
    return changed(value, kind)


def _type_inside(type_: Any, key: str = "") -> Any:
    """The type of an element, or of what stands under a key: of a struct, a map or a pair."""
    members = getattr(type_, "members", None)
    if members:
        return members.get(key)
    parameters = list(getattr(type_, "parameters", ()))
    is_first = key == "left" and str(type_).startswith("Pair[")
    return parameters[0 if is_first else -1] if parameters else None


def zipped_wdl(workflow: Path) -> bytes:
    """The workflow and all it imports, as `miniwdl zip` packs them.

    Raises:
        WorkflowInputError: It cannot be packed.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "workflow.zip")
        command = [sys.executable, "-m", "WDL", "zip", "--output", str(file), str(workflow)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise WorkflowInputError(f"{workflow} cannot be packed:\n{done.stderr.strip()}")
        return file.read_bytes()


def zipped_folder(folder: Path, main: str) -> bytes:
    """The WDL in a folder, unchecked, as an archive that miniwdl reads; the same files make the same archive."""
    files = {name: file.read_bytes() for name, file in files_below(folder).items() if name.endswith(".wdl")}
    manifest = json.dumps({"mainWorkflowURL": main}).encode()
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, text in sorted({**files, "MANIFEST.json": manifest}.items()):
            zipped.writestr(zipfile.ZipInfo(name), text)
    return content.getvalue()
