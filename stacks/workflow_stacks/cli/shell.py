"""`workflow-context shell CONTEXT`: a shell on the debug instance of a context."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from . import completion
from .options import DEFAULT_PROJECT, ProjectOption
from .run_options import UserOption


def shell(
    context: Annotated[
        str, typer.Argument(help="Name of the context.", metavar="CONTEXT", autocompletion=completion.contexts)
    ],
    project: ProjectOption = DEFAULT_PROJECT,
    user: UserOption = "",
) -> None:
    """Open a shell on the debug instance of a deployed context; it is started first where it has stopped.

    The context needs 'debugInstance: true'.
    """
    from workflow_stacks.runs.debug_instance import debug_instance_of, session_command, wait_until_ready
    from workflow_stacks.runs.target import connect

    target = connect(project, context, user=user)
    instance = debug_instance_of(target)
    command = session_command(target, instance)
    wait_until_ready(target, instance, say=lambda text: typer.echo(text, err=True))
    written = target.context.debug_instance
    where = target.outputs.get("MountPath") or target.outputs.get("WorkDirectory", "")
    rights = "" if written and written.write else ", read-only"
    typer.echo(f"The work directory is {where}{rights}. To end: exit", err=True)
    # The session takes the place of this process, so that Ctrl-C reaches the shell there.
    os.execvp(command[0], command)  # noqa: S606  found on the PATH, as a user would
