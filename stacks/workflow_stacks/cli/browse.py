"""`workflow-context browse CONTEXT [PATH]`: what is on the file system of a context."""

from __future__ import annotations

from typing import Annotated

import typer

from .options import DEFAULT_PROJECT, ProjectOption
from .run_options import LocalOption, UserOption, runs_of


def browse(
    context: Annotated[str, typer.Argument(help="Name of the context.", metavar="CONTEXT")],
    path: Annotated[
        str,
        typer.Argument(
            metavar="[PATH]",
            help="A path on the file system, from its mount path on; or an s3:// address. Default: all.",
        ),
    ] = "",
    show: Annotated[bool, typer.Option("--show", help="Print the file, up to 5,000 lines or 1 MiB.")] = False,
    tail: Annotated[
        int | None, typer.Option("--tail", metavar="LINES", min=1, max=5000, help="Print the last lines of the file.")
    ] = None,
    project: ProjectOption = DEFAULT_PROJECT,
    user: UserOption = "",
    local: LocalOption = False,
) -> None:
    """List a directory on the file system of a deployed context, or print a text file; as plain text.

    A job reads it, which can do nothing else: the context needs 'browse: true'. On S3 the bucket is read from here.
    """
    from workflow_context.scripts.browse import MOST_LINES
    from workflow_stacks.runs.browse import browse as look

    if show and tail is not None:
        raise typer.BadParameter("--show and --tail exclude each other")
    target = runs_of(project, user, local).target(context)
    mode = "tail" if tail is not None else "show" if show else "list"
    for line in look(target, path, mode, tail or MOST_LINES):
        typer.echo(line)
