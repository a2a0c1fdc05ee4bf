"""`workflow-context wes`: GA4GH WES on this machine, for the runs of the project."""

from __future__ import annotations

import secrets
from typing import Annotated

import typer

from . import completion
from .options import DEFAULT_PROJECT, ProjectOption
from .run_options import LocalOption, UserOption

TOKEN_VARIABLE = "WORKFLOW_CONTEXT_WES_TOKEN"  # noqa: S105  the name of a variable
_HOST = "127.0.0.1"


def wes(
    contexts: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[CONTEXT]...", help="Only these contexts. Default: all.", autocompletion=completion.contexts
        ),
    ] = None,
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="The port to listen on.")] = 8080,
    token: Annotated[
        str | None,
        typer.Option(
            "--token", envvar=TOKEN_VARIABLE, help="The token that clients must give. Default: a new one, printed."
        ),
    ] = None,
    project: ProjectOption = DEFAULT_PROJECT,
    user: UserOption = "",
    local: LocalOption = False,
) -> None:
    """Serve GA4GH WES 1.1 on this machine, with your credentials, until Ctrl-C."""
    import uvicorn

    from workflow_stacks.errors import WorkflowContextError
    from workflow_stacks.wes.app import wes_app
    from workflow_stacks.wes.model import BASE
    from workflow_stacks.wes.projects import project_service

    if token is not None and len(token) < 16:
        raise WorkflowContextError("the token must have at least 16 characters; without one a new one is made")
    known = token or secrets.token_urlsafe(32)
    service = project_service(project, contexts or (), user=user, local=local)
    typer.echo(f"Serving http://{_HOST}:{port}{BASE} until Ctrl-C.")
    if token is None:
        typer.echo(f"Its token: {known}")
    # One process of one user: what a browser's page or another user sends is refused (wes/access.py).
    config = uvicorn.Config(wes_app(service, token=known), host=_HOST, port=port, log_level="warning")
    uvicorn.Server(config).run()
