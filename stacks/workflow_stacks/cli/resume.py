"""`workflow-context resume RUN`: go on with a run that has ended."""

from __future__ import annotations

from typing import Annotated

import typer

from .options import DEFAULT_PROJECT, JsonOption, ProjectOption
from .output import print_json
from .run_options import LocalOption, RunArgument, UserOption, as_json, exit_code, follow, print_view, runs_of


def resume(
    run: RunArgument,
    wait: Annotated[
        bool, typer.Option("--follow", "-f", help="Print the log of the head job until the run has ended.")
    ] = False,
    project: ProjectOption = DEFAULT_PROJECT,
    user: UserOption = "",
    local: LocalOption = False,
    json: JsonOption = False,
) -> None:
    """Go on with a run that failed or was stopped: a new head job, which does only what is missing.

    It keeps its id. Its engine knows what is done already: by the session of Nextflow, the directory of Snakemake, or
    the call cache of miniwdl.
    """
    runs = runs_of(project, user, local)
    target, record = runs.find(run)
    resumed = runs.resume(target, record)
    if not wait:
        if json:
            print_json(as_json(runs.status(target, resumed)))
        else:
            typer.echo(resumed.run_id)
        return
    view = follow(runs, target, resumed, on_stderr=json)
    if json:
        print_json(as_json(view))
    else:
        print_view(view)
    raise typer.Exit(exit_code(view))
