"""From plain data to the model; from the model's complaints to findings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import ValidationError

from .context import Context
from .file_systems.registry import meant_kind
from .findings import (
    DataPath,
    Problem,
    did_you_mean,
    join_words,
    repr_value,
)
from .model import Project
from .section import Section
from .values import PROBLEM

_NEEDS = {
    "model_type": ("a mapping of keys", "write its keys below it, indented"),
    "model_attributes_type": ("a mapping of keys", "write its keys below it, indented"),
    "dict_type": ("a mapping of keys", "write its keys below it, indented"),
    "tuple_type": ("a list", "begin each entry with '- '"),
}


@dataclass(frozen=True)
class SchemaError:
    """A complaint of the model, not yet put into words: that takes time, and a wrong file may have thousands.

    Attributes:
        path: Its place in the data.
    """

    path: DataPath
    _error: Any
    _data: Any

    def problem(self) -> Problem:
        """Put it into words."""
        return _problem(self._data, self.path, self._error)


def parse_model(data: dict[str, Any]) -> Project | list[SchemaError]:
    """Make a project of plain data, or say everything that is wrong with its shape."""
    try:
        return Project.model_validate(data, by_alias=True, by_name=False)
    except ValidationError as error:
        return [SchemaError(_path_in(data, raw["loc"]), raw, data) for raw in error.errors(include_url=False)]


def well_shaped_contexts(data: dict[str, Any]) -> dict[str, Context]:
    """Return the contexts whose own shape is right, of data that is wrong elsewhere."""
    contexts = data.get("contexts")
    found = {}
    for name, raw in contexts.items() if isinstance(contexts, dict) else ():
        try:
            found[name] = Context.model_validate(raw, by_alias=True, by_name=False)
        except ValidationError:
            continue  # its errors are told by `parse_model`
    return found


def _problem(data: Any, path: DataPath, error: Any) -> Problem:
    kind, context = error["type"], error.get("ctx", {})
    if kind == PROBLEM:
        return Problem(path, context["message"], context["allowed"], context["remedy"], check=context["check"])
    if kind == "missing":
        key = str(path[-1])
        return Problem(path, f"the key '{key}' is missing", remedy=_about(data, path), check="missing-key")
    if kind == "extra_forbidden":
        keys = [*_fields(_section(data, path[:-1]))]
        key = str(path[-1])
        remedy = did_you_mean(key, keys)
        return Problem(path, f"unknown key {repr_value(key)}", join_words(keys), remedy, check="unknown-key")
    if kind in _NEEDS:
        allowed, remedy = _NEEDS[kind]
        section = _section(data, path)
        if isinstance(error["input"], str) and section is not None and section.main_key:
            remedy = f"write '{section.main_key}: {repr_value(error['input'])[1:-1]}' below it, indented"
        message = f"expected {allowed}, got {repr_value(error['input'])}"
        return Problem(path, message, allowed, remedy, check="invalid-value")
    return Problem(path, f"{repr_value(error['input'])}: {error['msg']}", check="invalid-value")


def _path_in(data: Any, loc: tuple[str | int, ...]) -> DataPath:
    """Leave out the steps that pydantic adds to a place: the member of a union, and `[key]`."""
    path: list[str | int] = []
    for step in loc:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            if step != loc[-1] or step == "[key]":
                continue
        path.append(step)
    return tuple(path)


def _about(data: Any, path: DataPath) -> str:
    field = _fields(_section(data, path[:-1])).get(str(path[-1]))
    meaning = (field.description or "").split(". ")[0].rstrip(".") if field else ""
    return f"add '{path[-1]}: …' ({meaning[:1].lower()}{meaning[1:]})" if meaning else f"add '{path[-1]}'"


def _fields(section: type[Section] | None) -> dict[str, Any]:
    fields = section.model_fields.items() if section else ()
    return {field.alias or name: field for name, field in fields}


def _section(data: Any, path: DataPath) -> type[Section] | None:
    """Find the model of the mapping at a path."""
    kinds: list[Any] = [Project]
    for step in path:
        kinds = [inner for kind in kinds for inner in _inside(kind, step)]
        data = data[step]
        kinds = [kind for kind in kinds if _matches(kind, data)]
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Section)), None)


def _inside(kind: Any, step: str | int) -> Iterator[Any]:
    if isinstance(kind, type) and issubclass(kind, Section):
        field = _fields(kind).get(str(step))
        yield from _members(field.annotation) if field else ()
    elif get_origin(kind) in (dict, tuple):
        yield from _members([inner for inner in get_args(kind) if inner is not ...][-1])


def _members(kind: Any) -> Iterator[Any]:
    if get_origin(kind) is Annotated:
        yield from _members(get_args(kind)[0])
    elif get_origin(kind) in (Union, UnionType):
        for member in get_args(kind):
            yield from _members(member)
    else:
        yield kind


def _matches(kind: Any, data: Any) -> bool:
    """Whether a model's `Literal` fields allow what the data says: picks the member of a union."""
    if not (isinstance(kind, type) and issubclass(kind, Section) and isinstance(data, dict)):
        return True
    literals = {key: get_args(f.annotation) for key, f in _fields(kind).items() if get_origin(f.annotation) is Literal}
    ones = {key: words[0] for key, words in literals.items() if len(words) == 1}
    return all(data.get(key, word) == word or meant_kind(data) == word for key, word in ones.items())
