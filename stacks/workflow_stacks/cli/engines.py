"""`workflow-context engines`: which engine works on which file system?"""

from __future__ import annotations

from typing import Annotated

import typer

from workflow_context.catalog import ENGINES
from workflow_stacks.project.file_systems.registry import FILE_SYSTEMS, file_systems_of, support_table

from .options import JsonOption
from .output import print_json, print_table

MarkdownOption = Annotated[bool, typer.Option("--markdown", help="Print a Markdown table, for documents.")]


def engines(json: JsonOption = False, markdown: MarkdownOption = False) -> None:
    """Show the workflow engines, and on which file systems each works.

    A context that names no file system gets the engine's default.
    """
    if json:
        print_json(
            [
                {
                    "engine": entry.name,
                    "languages": list(entry.languages),
                    "defaultFsType": entry.default_storage,
                    "fsTypes": list(file_systems_of(entry)),
                    "whyNoOther": entry.why_no_other,
                }
                for entry in ENGINES.values()
            ]
        )
        return
    titles, *rows = support_table()
    if markdown:
        lines = [titles, ["---"] * len(titles), *rows]
        typer.echo("\n".join(f"| {' | '.join(cells)} |" for cells in lines))
        return
    print_table(titles, rows)
    typer.echo("\nyes: works there. default: works there, and is there when the project file names no file system.")
    for kind in FILE_SYSTEMS.values():
        typer.echo(f"{kind.name}: {kind.title}")
