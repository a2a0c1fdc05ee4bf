"""`workflow-context stop RUN`: end a run and all its tasks."""

from __future__ import annotations

import typer

from .options import DEFAULT_PROJECT, JsonOption, ProjectOption
from .output import print_json
from .run_options import LocalOption, RunArgument, UserOption, as_json, runs_of


def stop(
    run: RunArgument,
    project: ProjectOption = DEFAULT_PROJECT,
    user: UserOption = "",
    local: LocalOption = False,
    json: JsonOption = False,
) -> None:
    """Stop a run: its head job, and with it all its tasks. What it wrote stays; it can be resumed."""
    from workflow_stacks.errors import WorkflowContextError
    from workflow_stacks.runs.record import RunState

    runs = runs_of(project, user, local)
    target, record = runs.find(run)
    before = runs.status(target, record)
    left = set(before.tasks) - {"SUCCEEDED", "FAILED"}  # by a head job that was killed
    if before.state.ended and not left:
        raise WorkflowContextError(f"the run {record.run_id} has ended already: {before.state}")
    view = runs.stop(target, record)
    if view.state is RunState.SUCCEEDED:  # while it was being stopped
        raise WorkflowContextError(f"the run {record.run_id} has ended already: {view.state}")
    if json:
        print_json(as_json(view))
    else:
        typer.echo(
            f"The run {record.run_id} is {view.state}. To go on with it: workflow-context resume {record.run_id}"
        )
