"""`workflow-context status [RUN]`: how a run is going, or how the contexts are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from . import completion
from .options import DEFAULT_PROJECT, JsonOption, ProjectOption
from .output import print_json, print_table
from .run_options import LocalOption, UserOption, as_json, exit_code, in_words, print_view, runs_of


def status(
    run: Annotated[
        str | None,
        typer.Argument(
            metavar="[RUN]",
            autocompletion=completion.workflows,
            help="A run, by its id, a unique beginning of it, or a workflow's name. Default: all contexts.",
        ),
    ] = None,
    project: ProjectOption = DEFAULT_PROJECT,
    user: UserOption = "",
    local: LocalOption = False,
    json: JsonOption = False,
) -> None:
    """Tell how a run is going; without a run, of each context whether it is deployed, and what its jobs are doing.

    For a run the exit code is 0 when it succeeded, 1 when it failed or was stopped, 3 while it is going.
    """
    runs = runs_of(project, user, local)
    if run is None:
        _contexts(project, user, local, json)
        return
    target, record = runs.find(run)
    view = runs.status(target, record)
    if json:
        print_json(as_json(view))
    else:
        print_view(view)
    raise typer.Exit(exit_code(view))


def _contexts(project: Path, user: str, local: bool, json: bool) -> None:
    from workflow_stacks.project import load_project
    from workflow_stacks.runs.overview import overview

    loaded = load_project(project)
    found = overview(project, loaded, user=user, local=local)
    if json:
        print_json(found)
        return
    rows: list[list[str]] = []
    for one in found:
        jobs: dict[str, Any] = one["jobs"]
        idle = one["idleUsdPerMonth"]
        rows.append(
            [
                one["context"],
                one["stackStatus"] or "not deployed",
                in_words(jobs) if one["stackStatus"] else "-",
                f"{idle:.2f}" if idle is not None else "-",
            ]
        )
    print_table(["context", "stack", "jobs", "USD a month, idle"], rows)
