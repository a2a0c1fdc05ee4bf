"""`workflow-context describe CONTEXT`: what will the context be?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import completion
from .options import DEFAULT_PROJECT, JsonOption, ProjectOption
from .output import print_facts, print_json
from .run_options import LocalOption, UserOption, runs_of

if TYPE_CHECKING:
    from workflow_stacks.project import Context, Project
    from workflow_stacks.project.machines import Machines


def describe(
    context: Annotated[
        str, typer.Argument(help="Name of the context.", metavar="CONTEXT", autocompletion=completion.contexts)
    ],
    policy: Annotated[
        bool,
        typer.Option(
            "--policy", help="Print the IAM policy of somebody who only runs workflows in the context, once deployed."
        ),
    ] = False,
    project: ProjectOption = DEFAULT_PROJECT,
    user: UserOption = "",
    local: LocalOption = False,
    json: JsonOption = False,
) -> None:
    """Show what a context will be: engine, file system, queues, machines, network, data.

    --user and --local say which deployment --policy is about.
    """
    from workflow_stacks.project import validate_project

    if policy:
        from workflow_stacks.runs.policy import run_policy

        print_json(run_policy(runs_of(project, user, local).target(context)))
        return
    checked, warnings = validate_project(project, [context])
    for warning in warnings:
        typer.echo(str(warning), err=True)
    if json:
        print_json(description(checked, context))
    else:
        print_facts(_facts(checked, context))


def description(project: Project, name: str) -> dict[str, Any]:
    """Return what a context will be as plain data, its keys as in the project file."""
    context = project.contexts[name]
    engine = context.engine.model_dump(by_alias=True, exclude={"engine", "type", "filesystem"})
    return {
        "project": project.name,
        "context": name,
        "stack": project.stack_name(name),
        "engine": context.engine.engine,
        "language": context.engine.type,
        **engine,
        "filesystem": context.filesystem.model_dump(by_alias=True, exclude_none=True),
        "queues": [{"queue": queue, "runsOn": machines} for queue, machines in context.queues],
        **context.model_dump(by_alias=True, exclude={"engines"}),
        "fallbackToOnDemand": context.has_fallback,
        "tags": {**project.tags, **context.tags},
        "kmsKeyArn": project.kms_key_arn,
        "data": [location.model_dump(by_alias=True, exclude_none=True) for location in project.data],
    }


def _facts(project: Project, name: str) -> Iterator[tuple[str, str]]:
    context = project.contexts[name]
    yield "context", name
    yield "stack", project.stack_name(name)
    engine = context.engine
    yield "engine", f"{engine.engine}, for {engine.type}"
    yield "image of head jobs", engine.head_image or "as the engine's project publishes it"
    yield "head jobs", f"{engine.head_vcpus} vCPU, {engine.head_memory} GiB each; {_bound_of_heads(project, name)}"
    if engine.tasks_per_job > 1:
        yield "tasks", f"up to {engine.tasks_per_job} that are alike, one after another in one job"
    yield from _filesystem(context)
    for queue, machines in context.queues:
        yield f"{queue} queue", f"{machines}, shared with other contexts" if context.use_shared_queues else machines
    yield "max vCPUs", str(context.max_vcpus)
    yield "tasks may move", f"{context.io_mibps} MiB/s together" if context.io_mibps else "any amount"
    yield "file browser", "by a job that can only read" if context.browse else "none"
    yield "storage of single runs", "by an HTTP API" if context.storage_dispatcher else "none"
    kept = context.min_scale_down_delay_minutes
    yield "idle instances", f"kept for {kept} minutes" if kept else "ended by AWS Batch after a few minutes"
    yield "instance types", ", ".join(context.instance_types) or "chosen by AWS Batch"
    yield "machines", f"{context.architecture}{', with GPUs' if context.gpu else ''}"
    for name, kind in context.machines.items():
        yield f"machines {name}", _kind(kind, context.architecture)
    yield "machine image", context.ami_id or "chosen by AWS Batch"
    yield "root volume", f"{context.root_volume_gib} GiB"
    yield "network", _network(context)
    yield "data", f"the context's own part of the project's bucket{'' if project.data else ' only'}"
    for location in project.data:
        key = f", key {location.kms_key_arn}" if location.kms_key_arn else ""
        yield "", f"{location.location} ({'read-only' if location.read_only else 'read-write'}{key})"
    if project.kms_key_arn:
        yield "encryption key", f"{project.kms_key_arn} (bucket, logs, volumes, alarms)"
    yield "logs", f"kept for {context.log_retention_days} days"
    if context.monitoring:
        hours, email = context.monitoring.burst_credit_alarm_hours, context.monitoring.alarm_email
        yield "monitoring", f"alarms to {email or 'nobody'}; burst credits that last less than {hours} hours"
    else:
        yield "monitoring", "none"
    yield "WES", "at WesUrl of the stack's outputs, with IAM authentication" if context.wes else "none"
    debug = context.debug_instance
    if debug:
        rights = "read-write" if debug.write else "read-only"
        yield "debug instance", f"{rights}; stops after {debug.idle_hours} hours without a session"
    for index, (key, value) in enumerate({**project.tags, **context.tags}.items()):
        yield "" if index else "tags", f"{key} = {value}"
    if context.permissions_boundary_arn:
        yield "permissions boundary", context.permissions_boundary_arn


def _bound_of_heads(project: Project, name: str) -> str:
    context = project.contexts[name]
    if project.shared_queues is not None and context.use_shared_queues:
        return f"{project.shared_queues.max_head_vcpus} vCPUs of all contexts at a time"
    return f"{context.engine.max_workflows} at a time"


def _kind(kind: Machines, usual: str) -> str:
    """A kind of machines beside those of the context, and which tasks get them."""
    types = ", ".join(kind.instance_types) or "types chosen by AWS Batch"
    reasons = [
        *([f"{kind.architecture} processors"] if kind.architecture != usual else []),
        *(["GPUs"] if kind.gpu else []),
        *([f"{kind.memory_from_gib} GiB of memory or more"] if kind.memory_from_gib else []),
    ]
    what = f"{kind.architecture}{', with GPUs' if kind.gpu else ''}, {types}; {kind.max_vcpus} vCPUs at most"
    return f"{what}; for tasks that {'ask for ' + ' and '.join(reasons) if reasons else 'name them'}"


def _network(context: Context) -> str:
    from workflow_context.models.prices import default_prices

    prices = default_prices()
    month = prices["nat_gateway_hour"].value * prices.hours_per_month
    cost = f"{month:.2f} USD a month, us-east-1"
    if context.use_public_subnets:
        return f"public subnets; the project's NAT gateway ({cost}) is not needed here: -c natGateways=0"
    return f"private subnets behind the project's NAT gateway ({cost})"


def _filesystem(context: Context) -> Iterator[tuple[str, str]]:
    yield "file system", context.kind.title
    for fact, value in context.filesystem.facts():
        yield f"  {fact}", value
