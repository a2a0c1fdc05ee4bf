"""The workflows of a project: where they are, and in which language."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from .engine import LANGUAGES
from .section import Section
from .values import Text


class WorkflowType(Section):
    """The language of a workflow."""

    language: Annotated[str, Text("a workflow language, such as wdl")] = Field(
        description="Workflow language: wdl, snakemake, nextflow or cwl.",
        json_schema_extra={"examples": list(LANGUAGES)},
    )
    version: Annotated[str, Text("the version of the language, such as 1.0")] = Field(
        default="",
        description="Version of the language, such as 1.0 or dsl2; for information only. Default: none.",
        json_schema_extra={"type": ["string", "number"]},
    )


class Workflow(Section):
    """A workflow of the project."""

    type: WorkflowType = Field(description="Language of the workflow.")
    source_url: Annotated[str, Text("a path or URL")] = Field(
        alias="sourceURL",
        description="Where the workflow's files are: a path from the project file, or a URL.",
    )
