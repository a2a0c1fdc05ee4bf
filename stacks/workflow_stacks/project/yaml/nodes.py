"""The parts of a YAML document: what was written and where."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias


class Mark(NamedTuple):
    """A place in a file: line and column, both from 1 (0: not known)."""

    line: int
    column: int


class Plain(str):
    """A scalar written without quotes: its field decides whether it is a number, a flag or a text."""

    __slots__ = ()


Value: TypeAlias = "str | list[Node] | dict[str, Node] | None"


@dataclass(slots=True)
class Node:
    """A scalar, a list or a mapping.

    Attributes:
        mark: Where it begins.
        value: `Plain` for an unquoted scalar, `str` for a quoted one, None for nothing; list or dict.
        size: How many nodes it would be with every alias written out.
        keys: In a mapping, where each key stands.
    """

    mark: Mark
    value: Value
    size: int = 1
    keys: dict[str, Mark] = field(default_factory=dict)

    @property
    def is_mapping(self) -> bool:
        """Whether it holds keys."""
        return isinstance(self.value, dict)

    @property
    def kind(self) -> str:
        """What it is, for a message."""
        if isinstance(self.value, dict):
            return "a mapping"
        return "a list" if isinstance(self.value, list) else "nothing" if self.value is None else "plain text"

    def child(self, step: str | int) -> tuple[Mark, Node] | None:
        """Return the place and the node of a key or a list position, or None when there is none."""
        if isinstance(self.value, dict) and isinstance(step, str) and step in self.value:
            return self.keys[step], self.value[step]
        if isinstance(self.value, list) and isinstance(step, int) and step < len(self.value):
            node = self.value[step]
            return node.mark, node
        return None

    def to_data(self, done: dict[int, Any]) -> Any:
        """Give the node as plain data. An alias gives the object of its anchor: nothing is multiplied."""
        if id(self) in done:
            return done[id(self)]
        data: Any = self.value
        if isinstance(self.value, dict):
            data = {key: node.to_data(done) for key, node in self.value.items()}
        elif isinstance(self.value, list):
            data = [node.to_data(done) for node in self.value]
        done[id(self)] = data
        return data
