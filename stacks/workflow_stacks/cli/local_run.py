"""`workflow-context local run CONTEXT WORKFLOW [INPUT]...`: a real workflow on the local cloud."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import completion
from .options import DEFAULT_PROJECT, JsonOption, ProjectOption
from .output import print_json
from .run_options import InputsArgument, WorkflowArgument

if TYPE_CHECKING:
    from workflow_stacks.local import LocalCloud
    from workflow_stacks.local.runs.workflow_run import Result


def run(
    context: Annotated[
        str, typer.Argument(help="Name of the context.", metavar="CONTEXT", autocompletion=completion.contexts)
    ],
    workflow: WorkflowArgument,
    inputs: InputsArgument = None,
    project: ProjectOption = DEFAULT_PROJECT,
    spot_interruption: Annotated[
        float,
        typer.Option(metavar="P", min=0.0, max=1.0, help="Share of attempts on Spot that lose their instance, 0 to 1."),
    ] = 0.0,
    task_failure: Annotated[
        float, typer.Option(metavar="P", min=0.0, max=1.0, help="Share of attempts of tasks that fail, 0 to 1.")
    ] = 0.0,
    efs_throttle: Annotated[
        float,
        typer.Option(metavar="MIBPS", min=0.0, help="Throughput of the file system in MiB/s. Default: the disk's own."),
    ] = 0.0,
    software: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIRECTORY",
            exists=True,
            file_okay=False,
            help="A virtual environment, or another directory with bin, whose programs jobs may use. May be repeated.",
        ),
    ] = None,
    env: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="Environment for the head job. May be repeated.")
    ] = None,
    iam: Annotated[
        bool, typer.Option("--iam", help="Also show what each role did: actions allowed, denied, and never used.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Run a workflow in a context, deployed if it is not: jobs really run, in sandboxes of this machine."""
    from workflow_stacks.local import LocalCloud
    from workflow_stacks.local.runs.options import Options
    from workflow_stacks.local.runs.workflow_run import WorkflowRun

    from .local_iam import iam_of_run, iam_report, print_iam
    from .local_view import view

    environment = dict(one.partition("=")[::2] for one in env or ())
    options = Options(spot_interruption, task_failure, efs_throttle, tuple(software or ()), environment)
    cloud = LocalCloud.of_project(project)
    running = WorkflowRun(cloud, project, context, options)
    before = iam_report(cloud) if iam else ()
    try:
        running.prepare()  # what is deployed is told line by line, and the live view would take the lines apart
        with view() as look:
            result = running.run(workflow, inputs or (), look)
    except KeyboardInterrupt:
        raise typer.Exit(1) from None
    used = iam_of_run(before, iam_report(cloud)) if iam else ()
    if json:
        print_json(vars(result) | ({"iam": used} if iam else {}))
    else:
        print_result(result)
        print_iam(used)
    if not result.succeeded:
        raise typer.Exit(1)


def run_first(cloud: LocalCloud, project: Path) -> None:
    """Run the first workflow of a project that can run, where this machine can; else say why not."""
    from workflow_stacks.local.runs.workflow_run import WorkflowRun, first_to_run
    from workflow_stacks.local.sandboxes import CannotRunError

    from .local_view import view

    found = first_to_run(project)
    if found is None:
        return
    context, workflow = found
    try:
        running = WorkflowRun(cloud, project, context)
    except CannotRunError as error:
        typer.echo(f"\nThe workflow '{workflow}' was not run. {error}")
        return
    typer.echo(f"\nRunning the workflow '{workflow}' in the context '{context}'")
    with view() as look:
        result = running.run(workflow, (), look)
    print_result(result)
    if not result.succeeded:
        raise typer.Exit(1)


def print_result(result: Result) -> None:
    """Print the outputs; of a workflow that failed, why."""
    if not result.succeeded:
        typer.echo(f"\nThe workflow failed after {result.seconds:.1f} s.", err=True)
        for line in result.why:
            typer.echo(line, err=True)
        return
    tasks = sum(result.tasks.values())
    typer.echo(f"\nThe workflow succeeded in {result.seconds:.1f} s, with {tasks or 'no'} task job{'s'[: tasks != 1]}.")
    typer.echo(f"Outputs, in {result.results}")
    for name, value in result.outputs.items():
        for text in _texts(value):
            typer.echo(f"  {name}  {text}")


def _texts(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]
