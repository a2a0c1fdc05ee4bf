"""The workflow languages of the project file, as clients of the service name them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class WorkflowType:
    """What a `workflow_type` may be for a language.

    Attributes:
        names: The names, the one of the GA4GH Tool Registry Service first.
        versions: The versions of the language. Which one a workflow is written in, its files say.
    """

    names: tuple[str, ...]
    versions: tuple[str, ...]


TYPES: Mapping[str, WorkflowType] = {
    "wdl": WorkflowType(("WDL",), ("draft-2", "1.0", "1.1")),
    "cwl": WorkflowType(("CWL",), ("v1.0", "v1.1", "v1.2")),
    "nextflow": WorkflowType(("NFL", "NEXTFLOW"), ("DSL2",)),
    "snakemake": WorkflowType(("SMK", "SNAKEMAKE"), ("7", "8", "9")),
}
"""By the language of the project file. Names: DescriptorType of https://github.com/ga4gh/tool-registry-service-schemas."""


def type_of(language: str) -> WorkflowType:
    """The type of a language; one that GA4GH has no name for is called as in the project file, in any version."""
    return TYPES.get(language, WorkflowType((language.upper(),), ()))


def takes_version(language: str, version: str) -> bool:
    """Whether a version of a language is one that is run: `v1.2`, `1.2` and `1.2.0` mean the same."""
    known = [one.lower().removeprefix("v") for one in type_of(language).versions]
    asked = version.strip().lower().removeprefix("v")
    return not known or any(asked == one or asked.startswith(f"{one}.") for one in known)
