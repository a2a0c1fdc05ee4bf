"""Which of the modelled file systems a synthesized context has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workflow_context.models.cfn import Stacks

from . import CHOICES
from .base import FileSystemModel
from .efs import EfsThroughput

STANDING: frozenset[str] = frozenset({"AWS::EFS::FileSystem", "AWS::FSx::FileSystem:LUSTRE"})
"""The file systems that cost something all month by what the template says."""


def choices_of(
    fs_type: str, templates: Mapping[str, Mapping[str, Any]], choices: Sequence[FileSystemModel] = CHOICES
) -> list[FileSystemModel]:
    """Return the models of a context's file system.

    Args:
        fs_type: The `fsType` of the context.
        templates: The templates of its stacks. An EFS file system in them tells its throughput mode; an imported one
            does not, so every mode is returned.
        choices: The models to choose among. Default: those of this package.
    """
    of_type = [choice for choice in choices if choice.fs_type == fs_type]
    found = [
        EfsThroughput(
            str(resource.properties.get("ThroughputMode", "bursting")), resource.number("ProvisionedThroughputInMibps")
        )
        for resource in Stacks(templates).of_type("AWS::EFS::FileSystem")
    ]
    return [*found] if found and any(isinstance(choice, EfsThroughput) for choice in of_type) else of_type
