"""`workflow-context plan [CONTEXT]`: what would a deployment change, and what would it end or delete?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import completion
from .options import DEFAULT_PROJECT, JsonOption, ProjectOption
from .output import print_json, print_table
from .run_options import LocalOption, UserOption

if TYPE_CHECKING:
    from workflow_stacks.plan.comparison import StackPlan

DEPLOYED = "deployed"


def plan(
    context: Annotated[
        str,
        typer.Argument(
            help="Name of the context. Default: all.", metavar="[CONTEXT]", autocompletion=completion.contexts
        ),
    ] = "",
    project: ProjectOption = DEFAULT_PROJECT,
    before: Annotated[
        str, typer.Option("--from", metavar="FILE", help="Another project file, or `deployed`.")
    ] = DEPLOYED,
    after: Annotated[str, typer.Option("--to", metavar="FILE", help="Default: the project file.")] = "",
    setting: Annotated[
        list[str] | None,
        typer.Option("--cdk-context", "-c", metavar="KEY=VALUE", help="As for `cdk deploy -c`, such as natGateways=0."),
    ] = None,
    user: UserOption = "",
    local: LocalOption = False,
    json: JsonOption = False,
) -> None:
    """Show what a deployment would do: change in place, replace, end jobs, delete data.

    The exit code is 1 when jobs lose their data, or data is deleted.
    """
    from workflow_stacks.plan import Effect, worst
    from workflow_stacks.plan.comparison import from_deployment, from_file, plan as compare, with_running_jobs
    from workflow_stacks.project import find_context, load_project
    from workflow_stacks.runs.target import client_of

    settings = dict(_pair(one) for one in setting or ())
    new_file = Path(after) if after else project
    loaded = load_project(new_file)
    if context:
        find_context(loaded, context)
    client = client_of(project, local=local) if before == DEPLOYED else None
    plans: dict[str, StackPlan] = {}
    for name in [context] if context else list(loaded.contexts):
        new = from_file(new_file, name, user=user, settings=settings, client=client)
        old = (
            from_deployment(client, list(new))
            if client
            else from_file(Path(before), name, user=user, settings=settings)
        )
        for one in compare(old, new):
            plans[one.stack] = with_running_jobs(one, client) if client and one.stack in old else one
    if json:
        print_json([_as_json(one) for one in plans.values()])
    else:
        for one in plans.values():
            _print(one)
    found = worst(change for one in plans.values() for change in one.changes)
    if found is not None and found.severity >= Effect.DATA_DETACHED.severity:
        typer.echo(
            "\nThe file system that is deployed would be given up. CloudFormation refuses that, unless it is allowed: "
            "cdk deploy -c allowDataLoss=CONTEXT, or 'allowDataLoss: true' in the context.",
            err=True,
        )
        raise typer.Exit(1)


def _pair(written: str) -> tuple[str, str]:
    key, equals, value = written.partition("=")
    if not equals:
        raise typer.BadParameter(f"{written!r} is not KEY=VALUE")
    return key, value


def _as_json(one: StackPlan) -> dict[str, Any]:
    return {
        "stack": one.stack,
        "changes": [
            {
                "resource": change.logical_id,
                "type": change.type,
                "effect": change.effect.name.lower(),
                "properties": list(change.properties),
            }
            for change in one.changes
        ],
        "jobsThatEnd": dict(one.running_jobs),
    }


def _print(one: StackPlan) -> None:
    from workflow_stacks.plan import Effect

    if not one.changes:
        typer.echo(f"{one.stack}: nothing changes")
        return
    harmless = [change for change in one.changes if change.effect is Effect.ADDED]
    typer.echo(f"{one.stack}:")
    rows = [
        [change.effect.value, change.type.removeprefix("AWS::"), change.logical_id, ", ".join(change.properties)]
        for change in one.changes
        if change.effect is not Effect.ADDED
    ]
    if rows:
        print_table(("effect", "resource", "name", "properties"), rows)
    if harmless:
        typer.echo(f"{len(harmless)} resources are added")
    for queue, count in one.running_jobs.items():
        typer.echo(f"{queue}: {count} jobs in this queue end")
