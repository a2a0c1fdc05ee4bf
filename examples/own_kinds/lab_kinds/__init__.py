"""A file system and an engine of one's own. Nothing here imports the CDK: project files are checked without Node.js."""

from typing import Annotated, Literal

from pydantic import Field

from workflow_context.catalog import EngineEntry
from workflow_stacks.project.file_systems.kind import FileSystemKind, FileSystemSettings
from workflow_stacks.project.section import Section
from workflow_stacks.project.values import Choice, Whole


class OpenZfsConfiguration(Section):
    """How an OpenZFS file system is made."""

    storage_capacity_gib: Annotated[int, Whole(64, 524288, "GiB")] = Field(
        default=64, description="Size in GiB, 64 to 524288, paid for whether used or not. Default: 64."
    )
    throughput_mbps: Annotated[int, Whole(64, 4096, "MB/s")] = Field(
        default=64, description="Throughput of the file server in MB/s, 64 to 4096. Default: 64."
    )


class OpenZfsSettings(FileSystemSettings):
    """Amazon FSx for OpenZFS as the workflow file system."""

    fs_type: Annotated[Literal["FSxOpenZFS"], Choice()] = Field(description="Kind of the file system.")
    configuration: OpenZfsConfiguration = Field(
        default_factory=OpenZfsConfiguration, description="How the file system is made. Default: 64 GiB, 64 MB/s."
    )

    @property
    def throughput(self) -> str:
        """How throughput is granted."""
        return f"{self.configuration.throughput_mbps} MB/s"


OPENZFS = FileSystemKind(
    OpenZfsSettings,
    "Amazon FSx for OpenZFS",
    builder="lab_kinds.openzfs:OpenZfsBuilder",
    serves_fargate=False,
    engines=("snakemake", "nextflow"),
    cost_models="lab_kinds.estimates:COST_MODELS",
    pricers="lab_kinds.estimates:PRICERS",
    boxes="lab_kinds.estimates:BOXES",
)

CWLTOOL = EngineEntry(
    "cwltool",
    languages=("cwl",),
    default_storage="EFS",
    storages=("EFS", "FSxOpenZFS"),
    implementation="lab_kinds.cwltool:CwltoolEngine",
)
