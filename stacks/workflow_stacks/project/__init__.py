"""The project file, `agc-project.yaml`.

- `load_project(path)`: read it; the shape alone must be right
- `validate_project(path)`: read it and check what it means; what every deployment begins with
- `read_project(path)` and `check_project(project_file)`: the two halves, with the line of every finding

A wrong file raises `ProjectFileError`, which carries every finding. Nothing here imports the CDK.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .context import Context
    from .data_location import DataLocation
    from .engine import Engine
    from .file_systems.kind import FileSystemKind, FileSystemSettings
    from .findings import Finding, ProjectFileError
    from .model import Project
    from .project_file import (
        ProjectFile,
        check_project,
        find_context,
        load_project,
        parse_project,
        read_project,
        validate_project,
    )
    from .schema import json_schema
    from .workflow import Workflow, WorkflowType

_MODULES = {
    "Context": ".context",
    "DataLocation": ".data_location",
    "Engine": ".engine",
    "FileSystemKind": ".file_systems.kind",
    "FileSystemSettings": ".file_systems.kind",
    "Finding": ".findings",
    "Project": ".model",
    "ProjectFile": ".project_file",
    "ProjectFileError": ".findings",
    "Workflow": ".workflow",
    "WorkflowType": ".workflow",
    "check_project": ".project_file",
    "find_context": ".project_file",
    "json_schema": ".schema",
    "load_project": ".project_file",
    "parse_project": ".project_file",
    "read_project": ".project_file",
    "validate_project": ".project_file",
}

__all__ = [
    "Context",
    "DataLocation",
    "Engine",
    "FileSystemKind",
    "FileSystemSettings",
    "Finding",
    "Project",
    "ProjectFile",
    "ProjectFileError",
    "Workflow",
    "WorkflowType",
    "check_project",
    "find_context",
    "json_schema",
    "load_project",
    "parse_project",
    "read_project",
    "validate_project",
]


def __getattr__(name: str) -> Any:
    # Imported when first used, so that a package that adds a kind of file system can import the base of its model
    # while the registry is being filled.
    if name not in _MODULES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(_MODULES[name], __name__), name)
