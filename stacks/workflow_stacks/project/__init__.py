"""The project file, `agc-project.yaml`.

- `load_project(path)`: read it; the shape alone must be right
- `validate_project(path)`: read it and check what it means; what every deployment begins with
- `read_project(path)` and `check_project(project_file)`: the two halves, with the line of every finding

A wrong file raises `ProjectFileError`, which carries every finding. Nothing here imports the CDK.
"""

from .findings import Finding, ProjectFileError
from .model import (
    Context,
    DataLocation,
    EfsConfiguration,
    EfsSettings,
    Engine,
    FsxLustreConfiguration,
    FsxLustreSettings,
    OfsConfiguration,
    OfsSettings,
    PosixUser,
    Project,
    S3Configuration,
    S3FilesConfiguration,
    S3FilesSettings,
    S3Settings,
    Workflow,
    WorkflowType,
)
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

__all__ = [
    "Context",
    "DataLocation",
    "EfsConfiguration",
    "EfsSettings",
    "Engine",
    "Finding",
    "FsxLustreConfiguration",
    "FsxLustreSettings",
    "OfsConfiguration",
    "OfsSettings",
    "PosixUser",
    "Project",
    "ProjectFile",
    "ProjectFileError",
    "S3Configuration",
    "S3FilesConfiguration",
    "S3FilesSettings",
    "S3Settings",
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
