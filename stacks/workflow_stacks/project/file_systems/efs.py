"""`fsType: EFS`: Amazon EFS."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from workflow_context.limits import MAX_EFS_PROVISIONED_MIBPS, MIN_EFS_PROVISIONED_MIBPS
from workflow_stacks.project.arns import KmsKeyArn
from workflow_stacks.project.findings import Problem, join_words
from workflow_stacks.project.section import Section
from workflow_stacks.project.values import (
    Choice,
    Flag,
    Text,
    Whole,
    raise_problems,
)

from .efs_warnings import warnings_of
from .kind import FileSystemSettings
from .posix_user import PosixUser

Days: TypeAlias = Literal[
    "AFTER_1_DAY",
    "AFTER_7_DAYS",
    "AFTER_14_DAYS",
    "AFTER_30_DAYS",
    "AFTER_60_DAYS",
    "AFTER_90_DAYS",
    "AFTER_180_DAYS",
    "AFTER_270_DAYS",
    "AFTER_365_DAYS",
]

_IMPORT_KEYS = ("fileSystemId", "accessPointId", "securityGroupId")
_MAX_IO = (
    "leave it out: maxIO cannot be changed after creation, excludes elastic throughput and One Zone, "
    "and AWS advises generalPurpose for every file system"
)


_REMOVAL_HINTS = {"delete": "did you mean 'destroy'?", "keep": "did you mean 'retain'?"}


def _zone_hint(written: str) -> str:
    if written.rpartition("-")[2].startswith("az"):
        return "this is a zone id, which differs from the zone name: write the name, such as us-east-1a"
    return "write a zone name, such as us-east-1a"


def _identifier(prefix: str) -> Text:
    return Text(f"an id such as {prefix}-0123456789abcdef0", rf"{prefix}-[0-9a-f]{{8,40}}")


class EfsConfiguration(Section):
    """How an EFS file system is made, or which existing one is used."""

    throughput_mode: Annotated[Literal["bursting", "provisioned", "elastic"], Choice()] = Field(
        default="bursting",
        description="How throughput is granted: bursting (50 KiB/s per GiB stored, with credits), "
        "provisioned (what provisionedThroughput says, billed by the hour) or elastic (as "
        "needed, billed by the GiB moved). Default: provisioned when provisionedThroughput is "
        "given, else bursting.",
    )
    provisioned_throughput: (
        Annotated[int, Whole(MIN_EFS_PROVISIONED_MIBPS, MAX_EFS_PROVISIONED_MIBPS, "MiB/s")] | None
    ) = Field(
        default=None,
        description="Throughput that is always available, in MiB/s, 1 to 3414. Above 1024 it needs a quota "
        "increase and a region that allows it. Default: none, the throughput follows "
        "throughputMode.",
    )
    performance_mode: Annotated[Literal["generalPurpose"], Choice({"maxio": _MAX_IO, "max_io": _MAX_IO})] = Field(
        default="generalPurpose",
        description="Always generalPurpose: maxIO has a higher latency, excludes elastic and One Zone, "
        "and cannot be changed after creation.",
    )
    availability_zone: (
        Annotated[
            str,
            Text("the name of an availability zone", r"[a-z]{2}(-[a-z]+)+-[0-9][a-z]", 32, hint=_zone_hint),
        ]
        | None
    ) = Field(
        default=None,
        description="Name of the one zone that holds the data and runs the tasks (One Zone storage: "
        "cheaper, lost with the zone). Changing it replaces the file system. Default: Regional, "
        "in all zones.",
    )
    transition_to_ia: Annotated[Days, Choice()] | None = Field(
        default=None,
        alias="transitionToIA",
        description="Move files that were not read for so long to Infrequent Access. Default: never.",
    )
    transition_to_archive: Annotated[Days, Choice()] | None = Field(
        default=None,
        description="Move files that were not read for so long to Archive: later than transitionToIA, and "
        "only with elastic throughput. Default: never.",
    )
    transition_to_primary: Annotated[Literal["AFTER_1_ACCESS"], Choice()] | None = Field(
        default=None, description="Move files back to the primary class when they are read. Default: never."
    )
    backup: Annotated[bool, Flag()] = Field(
        default=False, description="Daily backups by AWS Backup, kept 35 days. Default: false."
    )
    kms_key_arn: KmsKeyArn | None = Field(
        default=None,
        description="KMS key that encrypts the data. Changing it replaces the file system. Default: the key "
        "aws/elasticfilesystem of the account.",
    )
    removal_policy: Annotated[Literal["destroy", "retain"], Choice(_REMOVAL_HINTS)] = Field(
        default="destroy",
        description="What happens to the file system when the context is destroyed. Default: destroy.",
    )
    expiration_hours: Annotated[int, Whole(1, 87600, "hours")] | None = Field(
        default=None,
        description="Delete the directory of a run that ended this many hours after its last change, 1 to 87600. "
        "Default: runs stay as long as the file system, so that call caching and resuming work.",
    )
    file_system_id: Annotated[str, _identifier("fs")] | None = Field(
        default=None,
        description="Use this existing file system, such as one that was retained when its context went. "
        "Default: a new file system.",
    )
    access_point_id: Annotated[str, _identifier("fsap")] | None = Field(
        default=None,
        description="Access point of the existing file system. Default: a new one, to a directory of posixUser.",
    )
    security_group_id: Annotated[str, _identifier("sg")] | None = Field(
        default=None,
        description="Security group of the existing file system's mount targets. Default: it has none, as one that was "
        "retained; mount targets are made, and a security group.",
    )
    posix_user: PosixUser | None = Field(
        default=None,
        description="User of a new access point. Each user has a directory of its own: after a change, jobs find it "
        "empty. Default: uid 0, gid 0, root.",
    )

    @model_validator(mode="before")
    @classmethod
    def _throughput_implies_its_mode(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        throughput = data.get("provisionedThroughput", data.get("provisioned_throughput"))
        if throughput is None or {"throughputMode", "throughput_mode"} & data.keys():
            return data
        return {**data, "throughputMode": "provisioned"}

    @model_validator(mode="after")
    def _facts_agree(self) -> Self:
        raise_problems("EfsConfiguration", [*self._throughput(), *self._lifecycle(), *self._import()])
        return self

    @property
    def is_imported(self) -> bool:
        """Whether an existing file system is used."""
        return self.file_system_id is not None

    def _throughput(self) -> Iterator[Problem]:
        provisioned = self.throughput_mode == "provisioned"
        if provisioned and self.provisioned_throughput is None:
            yield Problem(
                ("throughputMode",),
                "'provisioned' needs a throughput",
                remedy="add 'provisionedThroughput: 128' (1 to 3414 MiB/s)",
            )
        if not provisioned and self.provisioned_throughput is not None:
            yield Problem(
                ("provisionedThroughput",),
                f"{self.provisioned_throughput} MiB/s is given, but throughputMode is {self.throughput_mode}",
                remedy="remove provisionedThroughput, or write 'throughputMode: provisioned'",
            )

    def _lifecycle(self) -> Iterator[Problem]:
        if self.transition_to_archive is None:
            return
        if self.throughput_mode != "elastic":
            yield Problem(
                ("transitionToArchive",),
                f"Archive works only with elastic throughput; throughputMode is {self.throughput_mode}",
                remedy="remove transitionToArchive, or write 'throughputMode: elastic'",
            )
        if self.transition_to_ia and _days(self.transition_to_archive) <= _days(self.transition_to_ia):
            yield Problem(
                ("transitionToArchive",),
                f"{self.transition_to_archive} is not later than transitionToIA, {self.transition_to_ia}",
                remedy="archive later, or move to Infrequent Access earlier",
            )

    def _import(self) -> Iterator[Problem]:
        names = {field.alias or name: name for name, field in type(self).model_fields.items()}
        written = [alias for alias, name in names.items() if getattr(self, name) is not None]
        given = [key for key in _IMPORT_KEYS if key in written]
        if not given:
            return
        if not self.is_imported:
            yield Problem(
                (given[0],),
                "this belongs to an existing file system, and fileSystemId is missing",
                remedy=f"add fileSystemId, or remove {join_words(given)} for a new file system",
            )
            return
        if self.access_point_id and self.posix_user:
            yield Problem(
                ("posixUser",),
                "the access point that exists has a user already",
                remedy="remove posixUser, or remove accessPointId for a new access point",
            )
        for alias, name in names.items():
            if name in self.model_fields_set and alias not in (*_IMPORT_KEYS, "expirationHours", "posixUser"):
                yield Problem(
                    (alias,),
                    "this configures a new file system, but fileSystemId names an existing one",
                    remedy=f"remove {alias}, or remove {join_words(given)} for a new file system",
                )


def _days(transition: str) -> int:
    return int(transition.split("_")[1])


class EfsSettings(FileSystemSettings):
    """Amazon EFS as the workflow file system."""

    health_data: ClassVar[Mapping[str, Any]] = MappingProxyType({"removal_policy": "retain", "backup": True})

    fs_type: Literal["EFS"] = Field(description="Kind of the file system.")
    configuration: EfsConfiguration = Field(
        default_factory=EfsConfiguration,
        description="How the file system is made. Default: Regional, bursting throughput, destroyed with the context.",
    )

    @property
    def throughput(self) -> str:
        """How throughput is granted, for people: `bursting`, `elastic` or `provisioned 1024 MiB/s`."""
        configuration = self.configuration
        if configuration.is_imported:
            return "as the existing file system has it"
        amount = configuration.provisioned_throughput
        return configuration.throughput_mode + (f" {amount} MiB/s" if amount else "")

    @property
    def has_key_of_aws(self) -> bool:
        """Whether its data is under a key of AWS because none is written."""
        return not (self.configuration.kms_key_arn or self.configuration.is_imported)

    def facts(self) -> Iterator[tuple[str, str]]:
        """Yield what there is to know about the file system, for people: a name and a value each."""
        configuration = self.configuration
        yield "throughput", self.throughput
        if configuration.is_imported:
            ids = (
                configuration.file_system_id,
                configuration.access_point_id,
                configuration.security_group_id,
            )
            yield "existing", " ".join(one for one in ids if one)
            if not configuration.security_group_id:
                yield "mount targets", "made with the context"
        else:
            zone = configuration.availability_zone
            yield "availability", f"One Zone, {zone}" if zone else "Regional"
            yield "encryption key", configuration.kms_key_arn or "of AWS (aws/elasticfilesystem)"
            yield "backup", "daily" if configuration.backup else "none"
            yield (
                "on destroy",
                "kept" if configuration.removal_policy == "retain" else "deleted",
            )
        moves = {
            "to Infrequent Access": configuration.transition_to_ia,
            "to Archive": configuration.transition_to_archive,
            "to the primary class": configuration.transition_to_primary,
        }
        for name, after in moves.items():
            if after:
                yield name, after.lower().replace("_", " ")
        if configuration.posix_user:
            yield "POSIX user", configuration.posix_user.shown
        hours = configuration.expiration_hours
        yield "runs are deleted", f"{hours} hours after they ended" if hours else "never (call caching works)"

    def deploy_warnings(self, max_vcpus: int) -> Iterator[Problem]:
        """Yield warnings about what a right configuration may surprise with: bill, credits, the one zone."""
        for problem in warnings_of(self.configuration, max_vcpus):
            yield problem.under("configuration")
