"""`workflow-context list`: which contexts does the project have?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import DEFAULT_PROJECT, JsonOption, ProjectOption
from .output import print_json, print_table
from .run_options import LocalOption


def list_contexts(
    project: ProjectOption = DEFAULT_PROJECT,
    deployed: Annotated[
        bool, typer.Option("--deployed", help="Ask what is deployed: also contexts that are no longer in the file.")
    ] = False,
    local: LocalOption = False,
    json: JsonOption = False,
) -> None:
    """List the contexts of the project, and whether each can be deployed.

    The file must have the right shape; a context whose meaning is wrong is listed with its errors.
    """
    from workflow_stacks.project import check_project, read_project

    if deployed:
        _list_deployed(project, local, json)
        return

    project_file = read_project(project)
    rows = []
    for name, context in project_file.project.contexts.items():
        mine = [f for f in check_project(project_file, [name]) if f.path.startswith(f"contexts.{name}.")]
        errors = [finding.message for finding in mine if finding.level == "error"]
        filesystem = context.filesystem
        rows.append(
            {
                "context": name,
                "engine": context.engine.engine,
                "filesystem": f"{filesystem.fs_type} {filesystem.throughput}",
                "tasks": ", then ".join(machines.removeprefix("EC2 ") for _, machines in context.queues[1:]),
                "maxVCpus": context.max_vcpus,
                "stack": project_file.project.stack_name(name),
                "errors": errors,
            }
        )
    if json:
        print_json({"project": project_file.project.name, "contexts": rows})
        return
    if not rows:
        typer.echo(f"the project {project_file.project.name} has no context")
        return
    titles = ("context", "engine", "file system", "tasks", "max vCPUs", "state")
    keys = ("context", "engine", "filesystem", "tasks", "maxVCpus")
    print_table(titles, [[*(str(row[key]) for key in keys), _state(row["errors"])] for row in rows])
    if any(row["errors"] for row in rows):
        typer.echo("\n'workflow-context validate' says what is wrong")


def _list_deployed(file: Path, local: bool, json: bool) -> None:
    from workflow_stacks.project import load_project
    from workflow_stacks.runs.target import client_of, deployed_stacks
    from workflow_stacks.stack_tags import CONTEXT_TAG, PROJECT_TAG, USER_TAG

    project = load_project(file)
    rows = [
        {
            "context": stack.tags[CONTEXT_TAG],
            "user": stack.tags.get(USER_TAG, ""),
            "stack": name,
            "status": stack.status,
            "inFile": stack.tags[CONTEXT_TAG] in project.contexts,
        }
        for name, stack in sorted(deployed_stacks(client_of(file, local=local)).items())
        if stack.tags.get(PROJECT_TAG) == project.name and CONTEXT_TAG in stack.tags
    ]
    if json:
        print_json({"project": project.name, "deployed": rows})
        return
    if not rows:
        typer.echo(f"no context of the project {project.name} is deployed")
        return
    print_table(
        ("context", "user", "stack", "status", "project file"),
        [
            [*(str(row[key]) for key in ("context", "user", "stack", "status")), _place(bool(row["inFile"]))]
            for row in rows
        ],
    )
    if not all(row["inFile"] for row in rows):
        typer.echo("\nTo remove one that is no longer in the file: workflow-context destroy CONTEXT")


def _place(in_file: bool) -> str:
    return "" if in_file else "NO LONGER IN THE FILE"


def _state(errors: object) -> str:
    return "has errors" if errors else "valid"
