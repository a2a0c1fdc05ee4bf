"""`workflow-context why JOB`: why a job does not run, or why it failed."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from . import completion
from .options import DEFAULT_PROJECT, JsonOption, ProjectOption
from .output import print_json, print_note
from .run_options import LocalOption, UserOption, runs_of


def why(
    job: Annotated[
        str,
        typer.Argument(
            metavar="JOB",
            autocompletion=completion.workflows,
            help="Id of a job in AWS Batch, or a run: its head job, by its id or workflow.",
        ),
    ],
    project: ProjectOption = DEFAULT_PROJECT,
    user: UserOption = "",
    local: LocalOption = False,
    json: JsonOption = False,
) -> None:
    """Say why a job does not run, or why it failed, and what to do about it.

    It reads the job, its queue and compute environments, what Auto Scaling was answered, and whether instances have
    joined.
    """
    from workflow_stacks.runs.record import RunNotFoundError
    from workflow_stacks.runs.target import client_of
    from workflow_stacks.runs.why import diagnose

    job_id = job
    try:
        _, record = runs_of(project, user, local).find(job)
        job_id = record.head_jobs[-1] if record.head_jobs else job
    except RunNotFoundError:
        pass  # then it is the id of a job
    found = diagnose(client_of(project, local=local), job_id)
    if json:
        print_json([asdict(one) for one in found])
        return
    for one in found:
        mark = {True: "ok  ", False: "!!  ", None: "    "}[one.ok]
        print_note(f"{mark}{one.message}", indent=4)
        if one.remedy:
            print_note(f"    -> {one.remedy}", indent=7)
