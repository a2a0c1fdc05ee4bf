"""This machine as the host of a context: what `workflow-context run --local` needs of it."""

from __future__ import annotations

from pathlib import Path

from workflow_stacks.local.cloud.process import LocalCloud

from .workflow_run import WorkflowRun


def prepare_local_context(project_file: Path, context: str) -> None:
    """Start the local cloud and deploy a context to it, unless that is done; give its machines what they boot with.

    Raises:
        WorkflowContextError: There is no such context, or this machine cannot run its engine.
    """
    WorkflowRun(LocalCloud.of_project(project_file), project_file, context).prepare()


def local_directory(project_file: Path, context: str) -> tuple[Path, str] | None:
    """The directory that stands for the file system of a context, and where jobs find it; None when there is none."""
    found = WorkflowRun(LocalCloud.of_project(project_file), project_file, context).directory()
    return (found.folder, found.target) if found is not None else None
