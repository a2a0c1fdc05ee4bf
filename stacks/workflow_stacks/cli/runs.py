"""`workflow-context runs`: the runs of the project's contexts, the newest first."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from . import completion
from .options import DEFAULT_PROJECT, JsonOption, ProjectOption
from .output import print_json, print_table
from .run_options import LocalOption, UserOption, age, as_json, duration, runs_of


def list_runs(
    contexts: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[CONTEXT]...", help="Only of these contexts. Default: all.", autocompletion=completion.contexts
        ),
    ] = None,
    workflow: Annotated[str | None, typer.Option("--workflow", metavar="NAME", help="Only of this workflow.")] = None,
    state: Annotated[
        list[str] | None,
        typer.Option("--state", metavar="STATE", help="Only in this state, such as FAILED. May be repeated."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most.")] = 20,
    all_: Annotated[bool, typer.Option("--all", help="All, however many there are.")] = False,
    project: ProjectOption = DEFAULT_PROJECT,
    user: UserOption = "",
    local: LocalOption = False,
    json: JsonOption = False,
) -> None:
    """List the runs of the project's deployed contexts, the newest first."""
    from workflow_stacks.runs.record import RunState

    known = {str(one): one for one in RunState}
    wrong = [one for one in state or () if one.upper() not in known]
    if wrong:
        message = f"there is no state {wrong[0]!r}; the states are {', '.join(known)}"
        raise typer.BadParameter(message)
    found = runs_of(project, user, local).find_all(
        contexts=contexts or (),
        workflow=workflow,
        states=[known[one.upper()] for one in state or ()],
        limit=None if all_ else limit,
    )
    if json:
        print_json([as_json(view) for view in found])
        return
    if not found:
        typer.echo("There are no such runs.")
        return
    now = time.time()
    with_storage = any(view.record.storage for view in found)
    print_table(
        ["run", "workflow", "context", *(["storage"] if with_storage else []), "state", "submitted", "took"],
        [
            [
                view.record.run_id,
                view.record.workflow,
                view.record.context,
                *([view.record.storage or "-"] if with_storage else []),
                str(view.state),
                f"{age(now - view.record.submitted_at)} ago",
                age(duration(view)) if view.end or not view.state.ended else "-",
            ]
            for view in found
        ],
    )
