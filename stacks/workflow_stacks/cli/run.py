"""`workflow-context run CONTEXT WORKFLOW [INPUT]...`: start a workflow in a deployed context."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from . import completion
from .options import DEFAULT_PROJECT, JsonOption, ProjectOption
from .output import print_json
from .run_options import (
    InputsArgument,
    LocalOption,
    UserOption,
    WorkflowArgument,
    as_json,
    exit_code,
    follow,
    print_view,
    runs_of,
)


def run(
    context: Annotated[
        str, typer.Argument(help="Name of the context.", metavar="CONTEXT", autocompletion=completion.contexts)
    ],
    workflow: WorkflowArgument,
    inputs: InputsArgument = None,
    wait: Annotated[
        bool, typer.Option("--follow", "-f", help="Print the log of the head job until the run has ended.")
    ] = False,
    tag: Annotated[
        list[str] | None, typer.Option("--tag", metavar="NAME=VALUE", help="A tag for its jobs. May be repeated.")
    ] = None,
    env: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="Environment for the head job. May be repeated.")
    ] = None,
    software: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIRECTORY",
            exists=True,
            file_okay=False,
            help="With --local: a virtual environment, or another directory with bin, whose programs jobs may use. "
            "May be repeated.",
        ),
    ] = None,
    storage: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Storage of its own for this run, from `workflow-context storage provision`. Default: the directory "
            "of the context.",
        ),
    ] = "",
    project: ProjectOption = DEFAULT_PROJECT,
    user: UserOption = "",
    local: LocalOption = False,
    json: JsonOption = False,
) -> None:
    """Start a workflow in a deployed context, and print the id of the run.

    Local files of the inputs are uploaded. With --follow, the exit code is 0 when the run succeeded and 1 when it
    failed; Ctrl-C then asks whether to stop the run.
    """
    from workflow_stacks.runs.submission import submit

    runs = runs_of(project, user, local)
    tags = {**_pairs(tag), **(_deploy_locally(project, context, software or (), user) if local else {})}
    target = runs.target(context)
    record = submit(target, workflow, inputs or (), tags=tags, environment=_pairs(env), storage=storage)
    if not wait:
        if json:
            print_json(as_json(runs.status(target, record)))
        else:
            typer.echo(record.run_id)
        return
    typer.echo(f"The run is {record.run_id}", err=True)
    view = follow(runs, target, record, on_stderr=json)
    if json:
        print_json(as_json(view))
    else:
        print_view(view)
    raise typer.Exit(exit_code(view))


def _pairs(written: list[str] | None) -> dict[str, str]:
    wrong = [one for one in written or () if "=" not in one]
    if wrong:
        message = f"{wrong[0]!r} is not NAME=VALUE"
        raise typer.BadParameter(message)
    return dict(one.partition("=")[::2] for one in written or ())


def _deploy_locally(project: Path, context: str, software: Sequence[Path], user: str) -> Mapping[str, str]:
    """Deploy the context to the local cloud, unless it is there, and return the tags of head jobs there."""
    from workflow_stacks.local.runs.host import prepare_local_context

    return prepare_local_context(project, context, software, user=user)
