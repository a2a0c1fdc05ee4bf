"""This machine as the host of a context: what `workflow-context run --local` needs of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from workflow_stacks.local.cloud.process import LocalCloud

from .workflow_run import Options, WorkflowRun


def prepare_local_context(project_file: Path, context: str, software: Sequence[Path] = ()) -> Mapping[str, str]:
    """Start the local cloud and deploy a context to it, unless that is done; give its machines what they boot with.

    Args:
        project_file: The project file.
        context: The name of the context.
        software: Directories of programs that jobs may use.

    Returns:
        Tags for the head job, by which the local cloud knows of them.

    Raises:
        WorkflowContextError: There is no such context, or this machine cannot run its engine.
    """
    options = Options(software=tuple(software))
    WorkflowRun(LocalCloud.of_project(project_file), project_file, context, options).prepare()
    return options.tags()


def equip_local_context(project_file: Path, context: str) -> None:
    """Give the machines of a context that is deployed what they boot with.

    Raises:
        WorkflowContextError: The context is not deployed, or this machine cannot run jobs.
    """
    WorkflowRun(LocalCloud.of_project(project_file), project_file, context, needs_programs=False).equip()


def local_directory(project_file: Path, context: str) -> tuple[Path, str] | None:
    """The directory that stands for the file system of a context, and where jobs find it; None when there is none."""
    run = WorkflowRun(LocalCloud.of_project(project_file), project_file, context, needs_programs=False)
    found = run.directory()
    return (found.folder, found.target) if found is not None else None
