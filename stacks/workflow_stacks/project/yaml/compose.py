"""YAML events become nodes, within bounds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import yaml

from workflow_stacks.project.findings import DataPath, Problem, quote

from .nodes import Mark, Node, Plain

MAX_NODES = 50_000
"""How many values a file may hold, aliases written out. A project of 200 contexts has about 6,000."""

MAX_DEPTH = 50
"""How deep values may nest. A project file needs 8."""

_NULLS = ("", "~", "null", "Null", "NULL")
_MERGE = "<<"
_TAG_PREFIX = "tag:yaml.org,2002:"
_KNOWN_TAGS = frozenset(_TAG_PREFIX + name for name in ("str", "int", "float", "bool", "null", "map", "seq"))


class DocumentError(Exception):
    """The document breaks a bound or a rule that makes the rest unreadable."""

    def __init__(self, message: str, mark: Mark, remedy: str = "") -> None:
        super().__init__(message)
        self.mark = mark
        self.remedy = remedy


class Noted(NamedTuple):
    """A problem that could be stepped over, and its place. What it is about is not in the data."""

    problem: Problem
    mark: Mark


@dataclass
class Composed:
    """A document: its top node (None when the file is empty) and what was stepped over."""

    root: Node | None = None
    noted: list[Noted] = field(default_factory=list)


@dataclass
class _Open:
    """A list or mapping that has begun and not ended."""

    node: Node
    anchor: str | None
    key: str | None = None
    is_value: bool = False  # in a mapping: the next node is the value of `key`
    is_merge: bool = False  # in a mapping: the next node is the value of `<<`
    merged: list[Node] = field(default_factory=list)


def compose(events: Iterator[yaml.Event]) -> Composed:
    """Build the nodes of a document.

    Raises:
        DocumentError: It is too large or too deep, there are two, or an alias has no anchor before it.
        yaml.YAMLError: It is not YAML.
    """
    return _Composer().run(events)


class _Composer:
    def __init__(self) -> None:
        self.result = Composed()
        self.stack: list[_Open] = []
        self.anchors: dict[str, Node] = {}
        self.documents = 0

    def run(self, events: Iterator[yaml.Event]) -> Composed:
        for event in events:
            mark = mark_of(event.start_mark)
            if isinstance(event, yaml.ScalarEvent):
                self._add(_scalar(event, mark), event.anchor, mark, event.value)
            elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
                self._begin(event, mark)
            elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                self._end()
            elif isinstance(event, yaml.AliasEvent):
                self._alias(str(event.anchor), mark)
            elif isinstance(event, yaml.DocumentStartEvent):
                self._document(mark)
        return self.result

    def _document(self, mark: Mark) -> None:
        self.documents += 1
        if self.documents > 1:
            remedy = "keep one project per file: remove the second '---' and what follows"
            raise DocumentError("a second YAML document begins here", mark, remedy)

    def _begin(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent, mark: Mark) -> None:
        _refuse_tag(event.tag, mark)
        if len(self.stack) >= MAX_DEPTH:
            raise DocumentError(f"values nest deeper than {MAX_DEPTH} levels", mark)
        self.stack.append(_Open(Node(mark, {} if isinstance(event, yaml.MappingStartEvent) else []), event.anchor))
        self.anchors.pop(event.anchor or "", None)

    def _end(self) -> None:
        done = self.stack.pop()
        for other in done.merged:
            _merge(done.node, other)
        self._add(done.node, done.anchor, done.node.mark, None)

    def _alias(self, anchor: str, mark: Mark) -> None:
        target = self.anchors.get(anchor)
        if target is None:
            inside = any(frame.anchor == anchor for frame in self.stack)
            why = "stands inside its own anchor" if inside else "has no anchor before it"
            raise DocumentError(f"the alias '*{anchor}' {why}", mark, f"define '&{anchor}' further up")
        self._add(target, None, mark, target.value if isinstance(target.value, str) else None)

    def _add(self, node: Node, anchor: str | None, mark: Mark, text: str | None) -> None:
        """Put a finished node into the list or mapping that is open; `text` is what it is as a key."""
        if anchor:
            self.anchors[anchor] = node
        if not self.stack:
            self.result.root = node
            return
        top = self.stack[-1]
        top.node.size += node.size
        if top.node.size > MAX_NODES:
            message = f"the file holds more than {MAX_NODES:,} values, aliases written out: it is no project file"
            raise DocumentError(message, mark)
        if isinstance(top.node.value, list):
            top.node.value.append(node)
        elif top.is_value:
            self._value(top, top.node.value, node, mark)
        else:
            self._key(top, node, text, mark)

    def _key(self, top: _Open, node: Node, text: str | None, mark: Mark) -> None:
        top.is_value, top.is_merge, top.key = True, False, None
        keys = top.node.keys
        if text is None:
            self._note(f"{node.kind} is used as a key", mark, "a key is plain text: remove the '?', '[' or '{'")
        elif text == _MERGE and not (isinstance(node.value, str) and not isinstance(node.value, Plain)):
            top.is_merge = True
        elif text in keys:
            message = f"the key {quote(text)} is written twice: first in line {keys[text].line}"
            self._note(message, mark, "keep one of the two", text)
        else:
            keys[text] = mark
            top.key = text

    def _value(self, top: _Open, mapping: object, node: Node, mark: Mark) -> None:
        top.is_value = False
        if top.is_merge:
            others = node.value if isinstance(node.value, list) else [node]
            if all(other.is_mapping for other in others):
                top.merged.extend(others)
            else:
                self._note("'<<' merges mappings only", mark, "write '<<: *anchor' with the anchor of a mapping")
        elif top.key is not None and isinstance(mapping, dict):
            mapping[top.key] = node

    def _note(self, message: str, mark: Mark, remedy: str, *key: str) -> None:
        self.result.noted.append(Noted(Problem((*self._path(), *key), message, remedy=remedy, check="yaml"), mark))

    def _path(self) -> DataPath:
        """Return the path of the list or mapping that is open."""
        steps = (
            len(frame.node.value) if isinstance(frame.node.value, list) else frame.key for frame in self.stack[:-1]
        )
        return tuple(step for step in steps if step is not None)


def mark_of(place: Any) -> Mark:
    """Return the mark of a place in YAML, which counts from 0; `Mark(0, 0)` when it is None."""
    return Mark(place.line + 1, place.column + 1) if place else Mark(0, 0)


def _scalar(event: yaml.ScalarEvent, mark: Mark) -> Node:
    _refuse_tag(event.tag, mark)
    if event.style or event.tag == f"{_TAG_PREFIX}str":
        return Node(mark, event.value)
    return Node(mark, None if event.value in _NULLS else Plain(event.value))


def _refuse_tag(tag: str | None, mark: Mark) -> None:
    if tag and tag != "!" and tag not in _KNOWN_TAGS:
        raise DocumentError(f"the YAML tag {quote(tag)} has no meaning here", mark, "remove the tag")


def _merge(node: Node, other: Node) -> None:
    """Give a mapping the keys of another that it lacks, as `<<` asks."""
    if not isinstance(node.value, dict) or not isinstance(other.value, dict):
        return
    for key, child in other.value.items():
        if key not in node.value:
            node.value[key] = child
            node.keys[key] = other.keys[key]
