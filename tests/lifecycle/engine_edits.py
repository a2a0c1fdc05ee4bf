"""Kinds of edits that every engine goes through: of its context, on a file system that can be lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from written import CROMWELL, KEY, NF, SMK, TOIL, WDL, Written, context, on

_OF_S3 = {
    "throughput": "expirationDays: 30",
    "backup and retention": "removalPolicy: destroy",
    "key": f"kmsKeyArn: '{KEY}'",
}
_OF_EFS = {
    "throughput": "throughputMode: elastic",
    "backup and retention": "backup: true, removalPolicy: retain",
    "key": f"kmsKeyArn: '{KEY}'",
    "zone": "availabilityZone: us-east-1b",
    "user": "posixUser: {uid: 5000, gid: 5000}",
}
_SPOT = "requestSpotInstances: true, "


@dataclass(frozen=True)
class Subject:
    """What is edited.

    Attributes:
        language: The engine, as a context writes it.
        same: Another engine, on the same file system.
        other: Another engine, on its own default.
        elsewhere: The engine on another file system.
        kind: The file system.
        kept: What stands in its configuration always.
        own: Edits of its configuration: name to what is added.
    """

    language: str
    same: str
    other: str
    elsewhere: Written
    kind: str = "EFS"
    kept: str = ""
    own: Mapping[str, str] = field(default_factory=lambda: _OF_EFS)

    @property
    def base(self) -> Written:
        return on(self.kind, self.kept.removesuffix(", "), self.language)

    @property
    def edits(self) -> dict[str, Written]:
        """What the context is made into, by what is edited."""
        engine = f"{{{self.language}, filesystem: {{fsType: {self.kind}, configuration: {{{self.kept}}}}}}}"
        machines = "maxVCpus: 512, instanceTypes: [m6i], rootVolumeGib: 200"
        return {
            **{name: on(self.kind, self.kept + text, self.language) for name, text in self.own.items()},
            "monitoring": Written(f"{{{_SPOT}monitoring: {{}}, engines: [{engine}]}}"),
            "machines": Written(f"{{{_SPOT}{machines}, engines: [{engine}]}}"),
            "no Spot": Written(f"{{engines: [{engine}]}}"),
            "tags": Written(f"{{{_SPOT}tags: {{Lab: '2'}}, engines: [{engine}]}}"),
            "another engine, same file system": on(self.kind, self.kept, self.same),
            "another engine and its file system": Written(f"{{{_SPOT}engines: [{{{self.other}}}]}}"),
            "another file system": self.elsewhere,
            "public subnets": Written(f"{{{_SPOT}usePublicSubnets: true, engines: [{engine}]}}"),
        }


SUBJECTS: Mapping[str, Subject] = {
    "miniwdl": Subject(WDL, SMK, NF, on("FSxLustre")),
    "snakemake": Subject(SMK, WDL, NF, context(SMK, "{fsType: S3}")),
    "nextflow": Subject(NF, SMK, WDL, context(NF, "{fsType: S3}")),
    "cromwell": Subject(CROMWELL, SMK, NF, context(CROMWELL, "{fsType: S3}")),
    "toil": Subject(TOIL, SMK, NF, context(TOIL, "{fsType: S3}"), "S3", "ownBucket: true, ", _OF_S3),
}
"""Every engine."""
