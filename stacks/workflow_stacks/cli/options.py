"""The options that commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

ProjectOption: TypeAlias = Annotated[
    Path, typer.Option("--project", metavar="FILE", help="The project file.", show_default=True)
]
"""`--project FILE`; give it the default `DEFAULT_PROJECT`."""

JsonOption: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
"""`--json`; give it the default False."""

DEFAULT_PROJECT = Path("agc-project.yaml")
"""The project file of a command that is given none."""
