"""`workflow-context validate`: is the project file right?"""

from __future__ import annotations

from dataclasses import asdict

import typer

from .options import DEFAULT_PROJECT, JsonOption, ProjectOption
from .output import print_json


def validate(project: ProjectOption = DEFAULT_PROJECT, json: JsonOption = False) -> None:
    """Check the project file: its shape, and what its parts mean together.

    Every error and warning is shown at once, with its line. Exit code 1 when there is an error.
    """
    from workflow_stacks.project import Finding, ProjectFileError, validate_project

    def as_json(findings: list[Finding]) -> None:
        entries = [{**asdict(finding), "file": str(finding.file)} for finding in findings]
        valid = all(finding.level != "error" for finding in findings)
        print_json({"file": str(project), "valid": valid, "findings": entries})

    try:
        checked, warnings = validate_project(project)
    except ProjectFileError as error:
        if not json:
            raise
        as_json(list(error.findings))
        raise typer.Exit(1) from None
    if json:
        as_json(warnings)
        return
    for warning in warnings:
        typer.echo(str(warning), err=True)
    counts = {
        "context": len(checked.contexts),
        "workflow": len(checked.workflows),
        "data location": len(checked.data),
    }
    contents = ", ".join(f"{count} {noun}{'' if count == 1 else 's'}" for noun, count in counts.items())
    typer.echo(f"{project}: valid: project {checked.name} with {contents}")
