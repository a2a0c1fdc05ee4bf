"""The service for the contexts of a project file."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from typing_extensions import override

from workflow_stacks.project import load_project
from workflow_stacks.runs.service import Runs
from workflow_stacks.runs.target import Target

from .service import WesService


class _SomeContexts(Runs):
    """The runs of some contexts of a project."""

    def __init__(self, project_file: Path, names: Sequence[str], *, user: str, local: bool) -> None:
        super().__init__(project_file, user=user, local=local)
        self._names = names

    @override
    def targets(self) -> list[Target]:
        return [target for target in super().targets() if not self._names or target.name in self._names]


def project_service(
    project_file: Path, contexts: Sequence[str] = (), *, user: str = "", local: bool = False
) -> WesService:
    """The service for the contexts of a project.

    Args:
        project_file: The project file.
        contexts: Names of contexts. Default: all that are deployed.
        user: The `user` they were deployed with.
        local: On the local cloud of the project, not on AWS.

    Raises:
        WorkflowContextError: The project file is wrong, or a context is not deployed.
    """
    project = load_project(project_file)
    runs = _SomeContexts(project_file, contexts, user=user, local=local)
    for name in contexts:
        runs.target(name)
    return WesService(runs, version=version("cdk-workflow-context"), organization=project.name)
