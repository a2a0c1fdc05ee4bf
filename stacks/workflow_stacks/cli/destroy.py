"""`workflow-context destroy CONTEXT`: remove one context, and say what stays and what that costs."""

from __future__ import annotations

from typing import Annotated

import typer

from . import completion
from .options import DEFAULT_PROJECT, ProjectOption
from .output import print_table
from .run_options import LocalOption, UserOption


def destroy(
    context: Annotated[
        str,
        typer.Argument(
            help="Name of the context, in the project file or not.",
            metavar="CONTEXT",
            autocompletion=completion.contexts,
        ),
    ],
    project: ProjectOption = DEFAULT_PROJECT,
    user: UserOption = "",
    local: LocalOption = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Destroy the stack of one context, and nothing else. Shows first what goes and what stays, then asks.

    The network and the bucket that contexts share stay: `cdk destroy` of the core stack removes them when no context
    is left.
    """
    from workflow_stacks.plan.destruction import (
        destroy_stack,
        destruction,
        end_jobs_on_shared_queues,
        jobs_on_shared_queues,
    )
    from workflow_stacks.project import load_project
    from workflow_stacks.runs.target import client_of

    loaded = load_project(project)
    client = client_of(project, local=local)
    stack = loaded.stack_name(context, user)
    found = destruction(client, stack)
    rows = [[one.fate, one.type.removeprefix("AWS::"), one.physical_id, one.cost] for one in found]
    print_table(("data", "resource", "id", "what it costs a month"), rows)
    place = loaded.bucket_prefix(context, user)
    typer.echo(f"Objects of the context in the project's bucket stay too, below {place}/.")
    for one in found:
        if one.fate == "stays" and one.type == "AWS::EFS::FileSystem":
            typer.echo("To use the file system again, write in the context:")
            typer.echo(f"  filesystem: {{fsType: EFS, configuration: {{fileSystemId: {one.physical_id}}}}}")
    jobs = jobs_on_shared_queues(client, stack)
    if jobs:
        typer.echo(f"{len(jobs)} jobs of the context are at work on the shared queues, and end. The queues stay.")
    if not yes and typer.prompt(f"To destroy {stack}, type its name") != stack:
        typer.echo("Nothing was destroyed.", err=True)
        raise typer.Exit(1)
    end_jobs_on_shared_queues(client, stack)
    destroy_stack(client, stack)
    typer.echo(f"{stack} is destroyed")
