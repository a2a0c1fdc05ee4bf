"""The options that commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

DEFAULT_PROJECT = Path("agc-project.yaml")
"""The project file of a command that is given none."""


def find_project(written: Path) -> Path:
    """Return the project file: the one that is named; else that of the working directory or the nearest above it."""
    if written != DEFAULT_PROJECT or written.exists():
        return written
    try:
        folders = Path.cwd().parents
    except FileNotFoundError:  # the working directory is gone: what needs the file says so
        return written
    return next((file for folder in folders if (file := folder / DEFAULT_PROJECT).is_file()), written)


# Whether it can be read is told by what reads it, with exit code 1; click would call it wrong usage.
ProjectOption: TypeAlias = Annotated[
    Path,
    typer.Option(
        "--project",
        metavar="FILE",
        help="The project file. Without it, that of the working directory or of the nearest folder above.",
        show_default=True,
        readable=False,
        callback=find_project,
    ),
]
"""`--project FILE`; give it the default `DEFAULT_PROJECT`."""

JsonOption: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
"""`--json`; give it the default False."""
