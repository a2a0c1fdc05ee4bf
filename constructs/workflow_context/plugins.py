"""Kinds that other distributions add: found by their entry points, so that installing a package is enough."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points
from typing import TypeVar

_T = TypeVar("_T")


class PluginError(Exception):
    """An installed package adds a kind that cannot be used; the message names the package and says why."""


def plugins(group: str, kind: type[_T]) -> Iterator[_T]:
    """Yield what installed distributions add under a group of entry points.

    Args:
        group: For example `workflow_context.engines`.
        kind: The class of which each entry point must name an object.

    Raises:
        PluginError: An entry point cannot be imported, or names something else.
    """
    for entry in entry_points(group=group):
        try:
            found = entry.load()
        except Exception as error:
            message = f"{_source(entry)} cannot be loaded: {type(error).__name__}: {error}"
            raise PluginError(message) from error
        if not isinstance(found, kind):
            message = f"{_source(entry)} is not a {kind.__name__}: it is {found!r}"
            raise PluginError(message)
        yield found


def _source(entry: EntryPoint) -> str:
    distribution = f" of the package {entry.dist.name}" if entry.dist else ""
    return f"the entry point '{entry.name}' ({entry.group}: {entry.value}){distribution}"
