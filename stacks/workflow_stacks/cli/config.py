"""`workflow-context config CONTEXT`: what does the engine's client need?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import completion
from .options import DEFAULT_PROJECT, JsonOption, ProjectOption
from .output import print_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def config(
    context: Annotated[
        str, typer.Argument(help="Name of the context.", metavar="CONTEXT", autocompletion=completion.contexts)
    ],
    project: ProjectOption = DEFAULT_PROJECT,
    user: Annotated[str, typer.Option(help="The `user` it was deployed with (cdk deploy -c user=…).")] = "",
    local: Annotated[bool, typer.Option("--local", help="Query the local cloud instead of AWS.")] = False,
    json: JsonOption = False,
) -> None:
    """Print what the engine's own client needs to use a deployed context, ready to paste."""
    from workflow_stacks.project import find_context, load_project
    from workflow_stacks.stack_outputs import stack_outputs

    loaded = load_project(project)
    find_context(loaded, context)
    outputs = stack_outputs(_local_client(project) if local else _aws_client(), loaded.stack_name(context, user))
    if json:
        print_json(outputs)
    else:
        typer.echo(outputs["ClientConfiguration"])


def _aws_client() -> Callable[[str], Any]:
    import boto3

    session = boto3.Session()
    return lambda service: session.client(service)  # type: ignore[call-overload]  # any service, by its name


def _local_client(project: Path) -> Callable[[str], Any]:
    from workflow_stacks.local import LocalCloud

    return LocalCloud.of_project(project).client
