"""What the shell completes: names of the project file. It is read and not checked, and nothing else is imported.

Without a project file, or with one that cannot be read, there is nothing to complete, and nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from .options import DEFAULT_PROJECT, find_project


def contexts(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of contexts."""
    return list(_names(ctx, "contexts", incomplete))


def workflows(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of workflows; a run may be named by its workflow."""
    return list(_names(ctx, "workflows", incomplete))


def _names(ctx: typer.Context, section: str, incomplete: str) -> Iterator[str]:
    import yaml

    written = ctx.params.get("project")
    file = written if isinstance(written, Path) else find_project(DEFAULT_PROJECT)
    try:
        project: Any = yaml.load(file.read_bytes(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506  it is safe
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return
    found = project.get(section) if isinstance(project, dict) else None
    for name in found if isinstance(found, dict) else ():
        if str(name).startswith(incomplete):
            yield str(name)
