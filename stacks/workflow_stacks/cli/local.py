"""`workflow-context local`: try a project on this machine, with the real CDK CLI and no AWS account."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from . import completion
from .local_run import run, run_first
from .options import DEFAULT_PROJECT, JsonOption, ProjectOption
from .output import print_json
from .run_options import UserOption

if TYPE_CHECKING:
    from workflow_stacks.local import LocalCloud

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="Try the project on this machine: an embedded AWS and the real CDK CLI. No account needed, Docker optional.",
)

ContextsArgument: TypeAlias = Annotated[
    list[str] | None,
    typer.Argument(metavar="[CONTEXT]...", help="Names of contexts. Default: all.", autocompletion=completion.contexts),
]
PortOption: TypeAlias = Annotated[
    int | None, typer.Option("--port", min=1, max=65535, help="The port to listen on. Default: a free one.")
]
DEMO_PROJECT = Path("examples/demo/agc-project.yaml")

app.command()(run)


@app.command()
def up(project: ProjectOption = DEFAULT_PROJECT, port: PortOption = None, json: JsonOption = False) -> None:
    """Start the local cloud; it knows what was deployed before."""
    cloud = _cloud(project, port)
    cloud.start()
    _print_status(cloud, json)


@app.command()
def deploy(
    contexts: ContextsArgument = None,
    project: ProjectOption = DEFAULT_PROJECT,
    user: UserOption = "",
    json: JsonOption = False,
) -> None:
    """Deploy contexts to the local cloud, and show what was made."""
    from workflow_stacks.local.runs.deployment import LocalDeployment

    deployment = LocalDeployment(_cloud(project), project, user=user)
    deployment.deploy(contexts or ())
    _print_resources(deployment.cloud, json)
    if not json:
        _print_next(deployment.cloud, project)


@app.command()
def diff(contexts: ContextsArgument = None, project: ProjectOption = DEFAULT_PROJECT, user: UserOption = "") -> None:
    """Show what a deployment would change."""
    from workflow_stacks.local.runs.deployment import LocalDeployment

    changed, output = LocalDeployment(_cloud(project), project, user=user).diff(contexts or ())
    typer.echo(output if changed else "No differences: the local cloud has what the project says.")


@app.command()
def destroy(contexts: ContextsArgument = None, project: ProjectOption = DEFAULT_PROJECT, user: UserOption = "") -> None:
    """Destroy contexts, and without names also what they share."""
    from workflow_stacks.local.runs.deployment import LocalDeployment

    deployment = LocalDeployment(_cloud(project), project, user=user)
    deployment.destroy(contexts or ())
    for bucket in deployment.kept_buckets():
        typer.echo(f"Retained bucket: {bucket}")


@app.command()
def down(
    project: ProjectOption = DEFAULT_PROJECT,
    delete: Annotated[bool, typer.Option("--delete", help="Also forget everything it holds.")] = False,
) -> None:
    """Stop the local cloud. What was deployed is there again after the next start."""
    cloud = _cloud(project)
    stopped = cloud.stop()
    typer.echo("The local cloud is stopped." if stopped else "The local cloud was not running.")
    if delete:
        cloud.delete()
        typer.echo(f"Deleted: {cloud.state_dir}")


@app.command()
def status(project: ProjectOption = DEFAULT_PROJECT, json: JsonOption = False) -> None:
    """Say whether the local cloud runs, where, and what is deployed."""
    _print_status(_cloud(project), json)


@app.command()
def resources(project: ProjectOption = DEFAULT_PROJECT, json: JsonOption = False) -> None:
    """Show what is really there, read back from the local cloud."""
    _print_resources(_cloud(project), json)


@app.command()
def demo(
    project: Annotated[Path, typer.Option("--project", metavar="FILE", help="The project file.")] = DEMO_PROJECT,
) -> None:
    """Run the full demo: start, deploy the example, show the resources, run its workflow, stop."""
    from workflow_stacks.local import LocalCloud
    from workflow_stacks.local.runs.deployment import LocalDeployment, stopped_at_the_end
    from workflow_stacks.project import validate_project

    validate_project(project)
    # A cloud of its own: the one of the project, and what is deployed there, is left alone.
    cloud = LocalCloud(project.resolve().parent / ".workflow-context" / "demo")
    cloud.delete()
    with stopped_at_the_end(cloud):
        deployment = LocalDeployment(cloud, project)
        deployment.deploy(())
        _print_resources(cloud, json=False)
        deployment.check_complete()
        run_first(cloud, project)
    typer.echo("\nEverything above was deployed to the local cloud, which is now stopped. Next, try:")
    for command in ("deploy", "resources", "run wdlSpot variants", "diff", "destroy"):
        typer.echo(f"  workflow-context local {command} --project {project}")


def _cloud(project: Path, port: int | None = None) -> LocalCloud:
    from workflow_stacks.local import LocalCloud

    return LocalCloud.of_project(project, port=port)


def _print_status(cloud: LocalCloud, json: bool) -> None:
    from workflow_stacks.local.cloud.resources import deployed_stacks

    server = cloud.status()
    stacks = deployed_stacks(cloud.client) if server else []
    if json:
        print_json(
            {
                "running": server is not None,
                "endpoint": server.endpoint if server else None,
                "pid": server.pid if server else None,
                "region": cloud.region,
                "stacks": stacks,
                "state": str(cloud.state_dir),
            }
        )
    elif server:
        typer.echo(f"The local cloud runs at {server.endpoint} ({cloud.region}). State: {cloud.state_dir}")
        typer.echo(f"Deployed: {', '.join(stacks) or 'nothing yet; next: workflow-context local deploy'}")
    else:
        typer.echo("The local cloud is not running. Start it with: workflow-context local up")


def _print_resources(cloud: LocalCloud, json: bool) -> None:
    from workflow_stacks.local.cloud.resources import deployed_stacks, stack_resources

    from .local_table import print_stack

    facts = [stack_resources(cloud.client, stack) for stack in deployed_stacks(cloud.client)]
    if json:
        print_json(facts)
        return
    for stack in facts:
        print_stack(stack)
    if not facts:
        typer.echo("Nothing is deployed. Next: workflow-context local deploy")


def _print_next(cloud: LocalCloud, project: Path) -> None:
    option = "" if project == DEFAULT_PROJECT else f" --project {project}"
    variables = ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    environment = cloud.environment()
    typer.echo("\nNext, try:")
    typer.echo(f"  workflow-context local diff{option}       after a change of the project file")
    typer.echo(f"  workflow-context local destroy{option}    to remove it")
    typer.echo(f"  workflow-context local down{option}       to stop the local cloud")
    typer.echo("Any AWS tool can ask it too:")
    typer.echo(f"  {' '.join(f'{name}={environment[name]}' for name in variables)} aws batch describe-job-queues")
