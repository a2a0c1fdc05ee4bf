"""Packages whose names are imported when they are first used: the CDK and its Node.js process take seconds to start."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy(package: str, modules: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Make the `__getattr__` and the `__dir__` of a package.

    Args:
        package: The name of the package.
        modules: Each public name, and the module that it is imported from, relative to the package.
    """

    def get(name: str) -> Any:
        if name not in modules:
            message = f"module {package!r} has no attribute {name!r}"
            raise AttributeError(message)
        return getattr(import_module(modules[name], package), name)

    return get, lambda: sorted({*vars(import_module(package)), *modules})
