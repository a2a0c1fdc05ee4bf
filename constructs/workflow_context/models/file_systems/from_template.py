"""Which of the modelled file systems a synthesized context has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from workflow_context.models.cfn import Stacks, Template

from . import CHOICES
from .base import FileSystemModel

STANDING: frozenset[str] = frozenset({"AWS::EFS::FileSystem", "AWS::FSx::FileSystem:LUSTRE"})
"""The file systems that cost something all month by what the template says."""


def choices_of(
    fs_type: str,
    templates: Mapping[str, Template],
    choices: Sequence[FileSystemModel] = CHOICES,
    configuration: Mapping[str, Any] = MappingProxyType({}),
) -> list[FileSystemModel]:
    """Return the models of a context's file system, with what the context says of it.

    Args:
        fs_type: The `fsType` of the context.
        templates: The templates of its stacks.
        choices: The models to choose among. Default: those of this package.
        configuration: What its project file says, by the names in YAML, for what no template tells.
    """
    of_type = [choice for choice in choices if choice.fs_type == fs_type]
    return of_type[0].of_context(Stacks(templates), configuration) if of_type else []
