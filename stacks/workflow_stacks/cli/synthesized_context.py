"""A context as it is synthesized, for the commands that estimate: its templates, machines and file system."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workflow_stacks.errors import WorkflowContextError

if TYPE_CHECKING:
    from workflow_context.models.estimates import Unpriced
    from workflow_context.models.file_systems import FileSystemModel
    from workflow_context.models.machines import Machines
    from workflow_context.models.prices import PriceBook
    from workflow_stacks.project import Context


@dataclass(frozen=True)
class SynthesizedContext:
    """A context and its templates.

    Attributes:
        name: Its name.
        context: What the project file says.
        templates: The template of each of its stacks, by the stack's name; its own stack is the last.
    """

    name: str
    context: Context
    templates: dict[str, dict[str, Any]]

    @property
    def stack(self) -> str:
        """The name of its own stack."""
        return list(self.templates)[-1]

    @property
    def fs_type(self) -> str:
        """Its `fsType`."""
        return self.context.filesystem.fs_type

    @property
    def machines(self) -> Machines:
        """Its machines, as its templates define them."""
        from workflow_context.models.cfn import Stacks
        from workflow_context.models.machines import machines_of

        return machines_of(Stacks(self.templates))

    @property
    def stands(self) -> bool:
        """Whether its templates have a file system that costs something all month."""
        from workflow_context.models.cfn import Stacks
        from workflow_context.models.file_systems.from_template import STANDING
        from workflow_stacks.project.file_systems.registry import more_pricers

        standing = STANDING | more_pricers().keys()
        return any(resource.kind in standing for resource in Stacks(self.templates))

    def choices(self) -> list[FileSystemModel]:
        """Return the cost models of its file system.

        Raises:
            WorkflowContextError: There is none.
        """
        from workflow_context.models.file_systems.from_template import choices_of
        from workflow_stacks.project.file_systems.registry import cost_models

        configuration = getattr(self.context.filesystem, "configuration", None)
        said = {} if configuration is None else configuration.model_dump(by_alias=True)
        found = choices_of(self.fs_type, self.templates, cost_models(), said)
        if not found:
            raise WorkflowContextError(f"context {self.name!r}: no cost model for a run on file system {self.fs_type}")
        return found

    def unpriced(self, prices: PriceBook) -> tuple[Unpriced, ...]:
        """Return what its file system costs while idle and no template shows."""
        from workflow_context.models.file_systems.from_template import choices_of
        from workflow_stacks.project.file_systems.registry import cost_models

        found = choices_of(self.fs_type, self.templates, cost_models())
        return found[0].idle_unpriced(prices) if found else ()


def synthesized_context(project_file: Path, name: str) -> SynthesizedContext:
    """Synthesize a context.

    Raises:
        WorkflowContextError: The project file is wrong, or has no such context.
    """
    from workflow_stacks.project import find_context, validate_project
    from workflow_stacks.synthesis import synthesized

    project, _ = validate_project(project_file, [name])
    return SynthesizedContext(name, find_context(project, name), synthesized(project_file, name))
