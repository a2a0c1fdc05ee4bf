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
