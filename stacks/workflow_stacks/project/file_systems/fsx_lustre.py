"""`fsType: FSxLustre`: Amazon FSx for Lustre."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from workflow_context.limits import LUSTRE_MBPS_PER_TIB, LUSTRE_MIN_GIB, LUSTRE_STEP_GIB
from workflow_stacks.project.arns import KmsKeyArn
from workflow_stacks.project.findings import Problem
from workflow_stacks.project.location import Location
from workflow_stacks.project.section import Section
from workflow_stacks.project.values import Choice, Numbers, Whole, raise_problems

from .kind import FileSystemSettings


class FsxLustreConfiguration(Section):
    """How a Lustre file system is made."""

    deployment_type: Annotated[
        Literal["SCRATCH_2", "PERSISTENT_2"],
        Choice(
            {
                "scratch_1": "write SCRATCH_2, which is faster and encrypted in transit",
                "persistent_1": "write PERSISTENT_2, which costs the same and is faster",
            }
        ),
    ] = Field(
        default="SCRATCH_2",
        description="SCRATCH_2: 200 MB/s for each TiB, data is lost with a server; PERSISTENT_2: servers are replaced. "
        "Changing it replaces the file system. Default: SCRATCH_2.",
    )
    storage_capacity_gib: Annotated[int, Whole(LUSTRE_MIN_GIB, 240000, "GiB")] = Field(
        default=LUSTRE_MIN_GIB,
        description="Size in GiB: 1200, 2400 or a multiple of 2400, paid for whether used or not. Default: 1200.",
        json_schema_extra={"anyOf": [{"const": LUSTRE_MIN_GIB}, {"multipleOf": LUSTRE_STEP_GIB}]},
    )
    per_unit_throughput: Annotated[int, Numbers(LUSTRE_MBPS_PER_TIB, "MB/s for each TiB")] | None = Field(
        default=None,
        description="With PERSISTENT_2: 125, 250, 500 or 1000 MB/s for each TiB. Default: 125.",
    )
    kms_key_arn: KmsKeyArn | None = Field(
        default=None,
        description="With PERSISTENT_2: KMS key that encrypts the data. Changing it replaces the file system. Default: "
        "the key aws/fsx of the account; SCRATCH_2 has a key of the service.",
    )
    import_path: Annotated[str, Location()] | None = Field(
        default=None,
        description="Place in S3 whose objects appear below /mnt/fsx/import, and are loaded when they are read. "
        "Default: none.",
    )
    export_path: Annotated[str, Location()] | None = Field(
        default=None,
        description="Place in S3 to which what is written below /mnt/fsx/export is copied; the same place as "
        "importPath is found below /mnt/fsx/data. Default: none.",
    )
    removal_policy: Annotated[Literal["destroy", "retain"], Choice()] = Field(
        default="destroy",
        description="What happens to the file system when the context is destroyed. Default: destroy.",
    )

    @model_validator(mode="after")
    def _facts_agree(self) -> Self:
        raise_problems("FsxLustreConfiguration", [*self._capacity(), *self._throughput(), *self._key(), *self._links()])
        return self

    def _capacity(self) -> Iterator[Problem]:
        size = self.storage_capacity_gib
        if size != LUSTRE_MIN_GIB and size % LUSTRE_STEP_GIB:
            larger = -(-size // LUSTRE_STEP_GIB) * LUSTRE_STEP_GIB
            yield Problem(
                ("storageCapacityGib",),
                f"{size} GiB is not a size that AWS offers",
                f"{LUSTRE_MIN_GIB} GiB, or a multiple of {LUSTRE_STEP_GIB} GiB",
                f"write {larger}",
            )

    def _throughput(self) -> Iterator[Problem]:
        wanted = self.per_unit_throughput
        if wanted is None:
            return
        if self.deployment_type == "SCRATCH_2":
            yield Problem(
                ("perUnitThroughput",),
                "the throughput of a SCRATCH_2 file system follows its size",
                remedy="remove perUnitThroughput, or write 'deploymentType: PERSISTENT_2'",
            )

    def _key(self) -> Iterator[Problem]:
        if self.kms_key_arn and self.deployment_type == "SCRATCH_2":
            yield Problem(
                ("kmsKeyArn",),
                "a SCRATCH_2 file system is encrypted with a key of the service",
                remedy="remove kmsKeyArn, or write 'deploymentType: PERSISTENT_2'",
            )

    def _links(self) -> Iterator[Problem]:
        if self.import_path is None or self.export_path is None:
            return
        source, target = (f"{path.removesuffix('*').rstrip('/')}/" for path in (self.import_path, self.export_path))
        if source != target and (source.startswith(target) or target.startswith(source)):
            yield Problem(
                ("exportPath",),
                "importPath and exportPath overlap, which FSx refuses",
                "two places beside each other, or the same place twice",
                "give each a prefix of its own",
            )


class FsxLustreSettings(FileSystemSettings):
    """Amazon FSx for Lustre as the workflow file system."""

    fs_type: Annotated[Literal["FSxLustre"], Choice()] = Field(description="Kind of the file system.")
    configuration: FsxLustreConfiguration = Field(
        default_factory=FsxLustreConfiguration,
        description="How the file system is made. Default: SCRATCH_2, 1200 GiB, destroyed with the context.",
    )

    def health_data_problems(self) -> Iterator[Problem]:
        """Yield that nothing here can demand encryption in transit, which depends on the machines."""
        yield Problem(
            ("fsType",),
            "the context says compliance: hipaa, and Lustre has no setting that demands encryption in transit: it "
            "depends on the instance types",
            "EFS, S3, S3Files or OFS",
            "use another file system: https://docs.aws.amazon.com/fsx/latest/LustreGuide/encryption-in-transit-fsxl.html",
        )

    @property
    def throughput(self) -> str:
        """How throughput is granted, for people: `240 MB/s`."""
        configuration = self.configuration
        per_tib = configuration.per_unit_throughput or (200 if configuration.deployment_type == "SCRATCH_2" else 125)
        return f"{per_tib * configuration.storage_capacity_gib // 1000} MB/s"  # to AWS, 1200 GiB are 1.2 TiB

    @property
    def has_key_of_aws(self) -> bool:
        """Whether its data is under a key of AWS because none is written."""
        return self.configuration.kms_key_arn is None

    def facts(self) -> Iterator[tuple[str, str]]:
        """Yield what there is to know about the file system, for people: a name and a value each."""
        configuration = self.configuration
        yield "throughput", self.throughput
        yield "deployment", configuration.deployment_type
        if configuration.deployment_type == "PERSISTENT_2":
            yield "encryption key", configuration.kms_key_arn or "of AWS (aws/fsx)"
        yield "size", f"{configuration.storage_capacity_gib} GiB"
        if configuration.import_path:
            yield "imports", configuration.import_path
        if configuration.export_path:
            yield "exports", configuration.export_path
        yield "on destroy", "kept" if configuration.removal_policy == "retain" else "deleted"
