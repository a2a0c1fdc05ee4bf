"""`workflow-context schema`: the JSON Schema of the project file."""

from __future__ import annotations

from .output import print_json


def schema() -> None:
    """Print the JSON Schema of the project file (draft 2020-12).

    With it, an editor completes and checks the file: save it beside the project file, and begin that with
    '# yaml-language-server: $schema=agc-project.schema.json'.
    """
    from workflow_stacks.project import json_schema

    print_json(json_schema())
