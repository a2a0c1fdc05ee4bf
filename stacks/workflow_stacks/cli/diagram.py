"""`workflow-context diagram CONTEXT`: what is made, and who uses what?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import completion
from .options import DEFAULT_PROJECT, JsonOption, ProjectOption
from .output import print_json, print_table

if TYPE_CHECKING:
    from workflow_stacks.diagram import Architecture


def diagram(
    context: Annotated[
        str, typer.Argument(help="Name of the context.", metavar="CONTEXT", autocompletion=completion.contexts)
    ],
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw a picture: .svg, .png or .pdf. Default: print the arrows."),
    ] = None,
    project: ProjectOption = DEFAULT_PROJECT,
    json: JsonOption = False,
) -> None:
    """Draw the architecture of a context, from the templates that CDK synthesizes for it."""
    from workflow_stacks.diagram import architecture_of
    from workflow_stacks.project import find_context, load_project

    loaded = load_project(project)
    find_context(loaded, context)
    if output is not None:
        from workflow_stacks.diagram.drawing import check

        check(output)
    from workflow_stacks.synthesis import synthesized

    architecture = architecture_of(synthesized(project, context))
    if output is not None:
        from workflow_stacks.diagram.drawing import draw

        draw(architecture, f"{loaded.name}: context {context}", output)
    if json:
        print_json({"project": loaded.name, "context": context, **architecture.as_dict()})
    elif output is not None:
        typer.echo(f"{output}: {len(architecture.nodes)} boxes, {len(architecture.edges)} arrows")
    else:
        print_table(("who", "does", "to what", "where"), _arrows(architecture))


def _arrows(architecture: Architecture) -> Iterator[tuple[str, str, str, str]]:
    names = {node.id: node.name for node in architecture.nodes}
    for edge in architecture.edges:
        yield names[edge.source], edge.relation, names[edge.target], edge.at
