"""The engine of a context: its version or image, its head jobs, and where its runs work."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, WithJsonSchema

from workflow_context.catalog import ENGINES

from .file_systems.registry import Filesystem
from .findings import join_words
from .section import Section
from .values import Text, Whole, Word

_FARGATE = ((8, 1), (16, 2), (30, 4))
"""Up to how many GiB Fargate offers with how many vCPUs:
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html."""

LANGUAGES = tuple(dict.fromkeys(language for entry in ENGINES.values() for language in entry.languages))
"""The languages that some engine runs."""

_VERSION = Text("a version of the engine, such as 25.10.0", r"[A-Za-z0-9][A-Za-z0-9._-]*", 64)
_VERSION_IN_EDITORS = WithJsonSchema({"type": ["string", "number"], **_VERSION.limits()})
_IMAGE = Text("a container image, such as docker.io/nextflow/nextflow:25.10.0", r"[A-Za-z0-9][A-Za-z0-9._/:@-]*", 512)


def _engines_and_languages() -> str:
    return join_words(f"{entry.name} ({' or '.join(entry.languages)})" for entry in ENGINES.values())


class Engine(Section):
    """The workflow engine of a context."""

    main_key: ClassVar[str] = "engine"

    type: Annotated[str, Word("workflow language", LANGUAGES)] = Field(
        description=f"Workflow language that the engine runs. Languages: {', '.join(LANGUAGES)}."
    )
    engine: Annotated[str, Word("engine", ENGINES, _engines_and_languages)] = Field(
        description=f"Name of the engine. Engines: {', '.join(ENGINES)}."
    )
    version: Annotated[str, _VERSION, _VERSION_IN_EDITORS] | None = Field(
        default=None,
        description="Version of the engine: head jobs run the image that its project publishes for it. Default: the "
        "version that this package was tested with.",
    )
    image: Annotated[str, _IMAGE] | None = Field(
        default=None,
        description="Container image of head jobs, instead of a version. Default: the one that the engine's project "
        "publishes.",
    )
    head_memory: Annotated[int, Whole(2, 30, "GiB")] = Field(
        default=4,
        description="Memory of the head job of each workflow, in GiB, 2 to 30. It gets 1 vCPU up to 8 GiB, 2 up to 16, "
        "and 4 above. Default: 4.",
    )
    max_workflows: Annotated[int, Whole(1, 10000, "workflows")] = Field(
        default=16, description="How many workflows may run at the same time; more wait. Default: 16."
    )
    tasks_per_job: Annotated[int, Whole(1, 1000, "tasks")] = Field(
        default=1,
        description="How many tasks that are alike, and wait at the same time, may run one after another in one job of "
        "AWS Batch, so that short ones share the start of a machine: 1 to 1000. Snakemake, and Nextflow on a mounted "
        "file system. Default: 1.",
    )
    filesystem: Filesystem | None = Field(
        default=None,
        description="Where the work directories of the runs are. Default: the engine's own, EFS for miniwdl "
        "and snakemake.",
    )

    @property
    def head_vcpus(self) -> int:
        """The vCPUs of a head job: the fewest with which Fargate offers the memory."""
        return next(vcpus for memory, vcpus in _FARGATE if self.head_memory <= memory)

    @property
    def head_image(self) -> str | None:
        """The image of head jobs, where another than the engine's default is asked for."""
        if self.version is None:
            return self.image
        return ENGINES[self.engine].image.format(version=self.version)
