"""Synthesized templates: where the project files are, and how to look into a template."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

PROJECTS = Path(__file__).parent / "projects"
ACCOUNT, REGION = "123456789012", "us-east-1"
ZONES = {f"availability-zones:account={ACCOUNT}:region={REGION}": ["us-east-1a", "us-east-1b", "us-east-1c"]}

Template = dict[str, Any]
Templates = Mapping[str, Template]


def resources(template: Template, type_: str) -> dict[str, Any]:
    """The resources of a type: logical id to resource."""
    return {name: one for name, one in template["Resources"].items() if one["Type"] == type_}


def only(template: Template, type_: str) -> dict[str, Any]:
    """The properties of the one resource of a type."""
    [found] = resources(template, type_).values()
    properties: dict[str, Any] = found["Properties"]
    return properties


def bare(project_file: Path) -> Templates:
    """The stacks of a project file in a bare `cdk.App()`, without any feature flag."""
    import aws_cdk as cdk

    from workflow_stacks import ContextStack, CoreStack
    from workflow_stacks.project import load_project

    project = load_project(project_file)
    app = cdk.App()
    core = CoreStack(app, f"{project.name}-core")
    for name, context in project.contexts.items():
        ContextStack(
            app,
            f"{project.name}-{name}",
            name=name,
            context=context,
            data=project.data,
            network=core.network,
            outputs=core.location(project.bucket_prefix(name)),
        )
    return {stack.stack_name: stack.template for stack in app.synth().stacks}
