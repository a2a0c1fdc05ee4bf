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
    view = runs.status(target, record)
    left = set(view.tasks) - {"SUCCEEDED", "FAILED"}  # by a head job that was killed
    may_be_stopped = bool(left) or not view.state.ended
    if may_be_stopped:
        view = runs.stop(target, record)
    if not may_be_stopped or view.state is RunState.SUCCEEDED:  # it may succeed while it is being stopped
        raise WorkflowContextError(f"the run {record.run_id} has ended already: {view.state}")
    if json:
        print_json(as_json(view))
    else:
        typer.echo(
            f"The run {record.run_id} is {view.state}. To go on with it: workflow-context resume {record.run_id}"
        )
