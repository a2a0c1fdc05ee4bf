"""`workflow-context list`: which contexts does the project have?"""

from __future__ import annotations

import typer

from .options import DEFAULT_PROJECT, JsonOption, ProjectOption
from .output import print_json, print_table


def list_contexts(project: ProjectOption = DEFAULT_PROJECT, json: JsonOption = False) -> None:
    """List the contexts of the project, and whether each can be deployed.

    The file must have the right shape; a context whose meaning is wrong is listed with its errors.
    """
    from workflow_stacks.project import check_project, read_project

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


def _state(errors: object) -> str:
    return "has errors" if errors else "valid"
