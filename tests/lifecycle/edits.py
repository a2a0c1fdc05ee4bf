"""Edits of a project file, one for each key there is, and what each does: the rows of docs/changing-a-context.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from written import ACCOUNT, BASE, KEY, NF, SECRET, SMK, TOIL, WDL, Written, context, efs, large, on, plus

from workflow_context.limits import LUSTRE_MIN_GIB
from workflow_stacks.plan import Effect

IN_PLACE, INSTANCES, JOBS, NOTHING = "in place", "new instances", "jobs end", "nothing"
LEFT, GIVEN_UP, DELETED = "data left behind", "refused: data given up", "refused: data deleted"
LOCKED_OUT, ELSEWHERE, ANOTHER_POINT = (
    "refused: jobs locked out",
    "refused: jobs see an empty directory",
    "refused: jobs see another directory",
)
STACK = "another stack"
EFFECTS: Mapping[str, set[Effect | None]] = {
    NOTHING: {None},
    # What is replaced holds neither jobs nor data: a subscription, an access point, a mount target's rule.
    IN_PLACE: {None, Effect.ADDED, Effect.IN_PLACE, Effect.REMOVED, Effect.REPLACED},
    INSTANCES: {Effect.NEW_INSTANCES},
    JOBS: {Effect.JOBS_END},
    LEFT: {Effect.DATA_DETACHED},
    GIVEN_UP: {Effect.DATA_DETACHED},
    DELETED: {Effect.DATA_DELETED},
    LOCKED_OUT: {Effect.JOBS_END},
    ELSEWHERE: {Effect.REPLACED},
    ANOTHER_POINT: {Effect.JOBS_END},
}
"""The words of the docs, and the worst of what `plan` says."""


@dataclass(frozen=True)
class Edit:
    """A key, written in one way and then in another.

    Attributes:
        section: Where the key stands.
        key: The key.
        before: The file before.
        after: The file afterwards.
        effect: The words of the docs.
    """

    section: str
    key: str
    before: Written
    after: Written
    effect: str

    @property
    def refused(self) -> bool:
        return self.effect.startswith("refused")

    def __str__(self) -> str:
        return f"{self.section} {self.key}"


def _beside(reference: str) -> Written:
    return context(SMK, keys=f"requestSpotInstances: true, references: [{{{reference}}}]")


_OFS = f"expectedSizeTb: 1, licenseSecretArn: '{SECRET}license-AbCdEf', packageUri: 's3://software/o-{{arch}}.rpm'"
EXISTING = ("fs-0123456789abcdef0", "fsap-0123456789abcdef0", "fsap-11111111111111111", "sg-01234567", "sg-11111111")
"""What exists already: a file system, two access points, two security groups."""
_EXISTING = f"fileSystemId: {EXISTING[0]}"
_OTHER_SYSTEM = f"{_EXISTING}, accessPointId: {EXISTING[1]}, securityGroupId: {EXISTING[3]}"
_POINT = f"{_EXISTING}, accessPointId: {EXISTING[1]}"
_SHARED = replace(context(NF, keys="useSharedQueues: true"), top="sharedQueues: {}")
_DATA = "data: [{location: s3://cohorts/a, readOnly: true}]"


_Row: TypeAlias = tuple[Written, str] | tuple[Written, str, Written]
"""What is written afterwards, the effect, and what was written before where that is not the base of the section."""


def _each(section: str, base: Written, edits: Mapping[str, _Row]) -> list[Edit]:
    return [
        Edit(section, key, found[2] if len(found) == 3 else base, found[0], found[1]) for key, found in edits.items()
    ]


EDITS: Sequence[Edit] = [
    *_each(
        "project",
        BASE,
        {
            "name": (BASE, STACK),
            "schemaVersion": (BASE, NOTHING),
            "workflows": (replace(BASE, top="workflows: {w: {type: {language: wdl}, sourceURL: w.wdl}}"), NOTHING),
            "data": (replace(BASE, top=_DATA), IN_PLACE),
            "kmsKeyArn": (replace(BASE, top=f"kmsKeyArn: '{KEY}'"), INSTANCES),
            "tags": (replace(BASE, top="tags: {Lab: '2'}"), INSTANCES, replace(BASE, top="tags: {Lab: '1'}")),
            "sharedQueues": (replace(BASE, top="sharedQueues: {maxVCpus: 64}"), NOTHING),
            "contexts": (BASE, STACK),
        },
    ),
    *_each(
        "data",
        replace(BASE, top=_DATA),
        {
            "location": (replace(BASE, top=_DATA.replace("cohorts/a", "cohorts/b")), IN_PLACE),
            "readOnly": (replace(BASE, top=_DATA.replace("true", "false")), IN_PLACE),
            "kmsKeyArn": (replace(BASE, top=_DATA.replace("true", f"true, kmsKeyArn: '{KEY}'")), IN_PLACE),
        },
    ),
    *_each(
        "context",
        BASE,
        {
            "engines": (context(SMK), JOBS),
            "requestSpotInstances": (context(keys="maxVCpus: 256"), JOBS),
            "fallbackToOnDemand": (plus("fallbackToOnDemand: false"), JOBS),
            "usePublicSubnets": (plus("usePublicSubnets: true"), IN_PLACE),
            "maxVCpus": (plus("maxVCpus: 512"), IN_PLACE),
            "useSharedQueues": (_SHARED, JOBS, context(NF)),
            "ioMibps": (plus("ioMibps: 200"), IN_PLACE),
            "minScaleDownDelayMinutes": (plus("minScaleDownDelayMinutes: 30"), IN_PLACE),
            "machines": (plus("machines: {large: {memoryFromGib: 256}}"), IN_PLACE),
            "instanceTypes": (plus("instanceTypes: [m6i]"), IN_PLACE),
            "architecture": (plus("architecture: arm64"), IN_PLACE),
            "gpu": (plus("gpu: true"), IN_PLACE),
            "rootVolumeGib": (plus("rootVolumeGib: 200"), INSTANCES),
            "amiId": (plus("amiId: ami-0123456789abcdef0"), IN_PLACE),
            "logRetentionDays": (plus("logRetentionDays: 90"), IN_PLACE),
            "tags": (plus("tags: {Lab: '2'}"), INSTANCES, plus("tags: {Lab: '1'}")),
            "monitoring": (plus("monitoring: {}"), IN_PLACE),
            "wes": (plus("wes: true"), IN_PLACE),
            "debugInstance": (plus("debugInstance: true"), IN_PLACE),
            "references": (_beside("path: /mnt/r, directory: /r"), IN_PLACE, context(SMK)),
            "browse": (plus("browse: true"), IN_PLACE),
            "storageDispatcher": (plus("storageDispatcher: true"), IN_PLACE),
            "allowDataLoss": (plus("allowDataLoss: true"), IN_PLACE),
            "terminationProtection": (plus("terminationProtection: true"), NOTHING),
            "permissionsBoundaryArn": (
                plus(f"permissionsBoundaryArn: 'arn:aws:iam::{ACCOUNT}:policy/Boundary'"),
                IN_PLACE,
            ),
            "compliance": (plus("compliance: hipaa"), IN_PLACE),
        },
    ),
    *_each(
        "machines",
        large(""),
        {
            "memoryFromGib": (large("memoryFromGib: 256"), IN_PLACE),
            "instanceTypes": (large("instanceTypes: [r6i]"), IN_PLACE),
            "architecture": (large("architecture: arm64"), IN_PLACE),
            "gpu": (large("gpu: true"), IN_PLACE),
            "requestSpotInstances": (large(""), JOBS, large("requestSpotInstances: true")),
            "fallbackToOnDemand": (
                large("requestSpotInstances: true, fallbackToOnDemand: false"),
                JOBS,
                large("requestSpotInstances: true"),
            ),
            "maxVCpus": (large("maxVCpus: 512"), IN_PLACE),
            "amiId": (large("amiId: ami-0123456789abcdef0"), IN_PLACE),
        },
    ),
    *_each(
        "monitoring",
        plus("monitoring: {}"),
        {
            "alarmEmail": (plus("monitoring: {alarmEmail: lab@example.org}"), IN_PLACE),
            "burstCreditAlarmHours": (plus("monitoring: {burstCreditAlarmHours: 6}"), IN_PLACE),
        },
    ),
    *_each(
        "debug instance",
        plus("debugInstance: true"),
        {
            "idleHours": (plus("debugInstance: {idleHours: 8}"), IN_PLACE),
            "write": (plus("debugInstance: {write: true}"), IN_PLACE),
            "instanceType": (plus("debugInstance: {instanceType: t3.large}"), IN_PLACE),
        },
    ),
    *_each(
        "reference",
        _beside(f"path: /mnt/r, {_OTHER_SYSTEM}"),
        {
            "path": (_beside(f"path: /mnt/s, {_OTHER_SYSTEM}"), IN_PLACE),
            "directory": (_beside("path: /mnt/r, directory: /s"), IN_PLACE, _beside("path: /mnt/r, directory: /r")),
            "fileSystemId": (
                _beside("path: /mnt/r, directory: /r"),
                IN_PLACE,
                _beside(f"path: /mnt/r, {_OTHER_SYSTEM}"),
            ),
            "accessPointId": (
                _beside(f"path: /mnt/r, {_OTHER_SYSTEM}".replace(EXISTING[1], EXISTING[2])),
                IN_PLACE,
            ),
            "securityGroupId": (
                _beside(f"path: /mnt/r, {_OTHER_SYSTEM}".replace(EXISTING[3], EXISTING[4])),
                IN_PLACE,
            ),
        },
    ),
    *_each(
        "engine",
        BASE,
        {
            "type": (context("type: cwl, engine: toil", "{fsType: S3}"), NOTHING, context(TOIL, "{fsType: S3}")),
            "engine": (context(SMK), JOBS),
            "version": (context(f"{WDL}, version: 0.12.3"), IN_PLACE),
            "image": (context(f"{WDL}, image: example.org/miniwdl-aws:lab"), IN_PLACE),
            "headMemory": (context(f"{WDL}, headMemory: 8"), IN_PLACE),
            "maxWorkflows": (context(f"{WDL}, maxWorkflows: 32"), IN_PLACE),
            "tasksPerJob": (context(f"{SMK}, tasksPerJob: 20"), IN_PLACE, context(SMK)),
            "filesystem": (Written(f"{{requestSpotInstances: true, engines: [{{{NF}}}]}}"), DELETED),
        },
    ),
    *_each(
        "file system", BASE, {"fsType": (on("FSxLustre"), DELETED), "configuration": (efs("backup: true"), IN_PLACE)}
    ),
    *_each(
        "EFS",
        BASE,
        {
            "throughputMode": (efs("throughputMode: elastic"), IN_PLACE),
            "provisionedThroughput": (efs("provisionedThroughput: 128"), IN_PLACE),
            "performanceMode": (efs("performanceMode: generalPurpose"), NOTHING),
            "availabilityZone": (efs("availabilityZone: us-east-1b"), GIVEN_UP),
            "transitionToIA": (efs("transitionToIA: AFTER_7_DAYS"), IN_PLACE),
            "transitionToArchive": (
                efs("throughputMode: elastic, transitionToIA: AFTER_7_DAYS, transitionToArchive: AFTER_90_DAYS"),
                IN_PLACE,
            ),
            "transitionToPrimary": (
                efs("transitionToIA: AFTER_7_DAYS, transitionToPrimary: AFTER_1_ACCESS"),
                IN_PLACE,
            ),
            "backup": (efs("backup: true"), IN_PLACE),
            "kmsKeyArn": (efs(f"kmsKeyArn: '{KEY}'"), GIVEN_UP),
            "removalPolicy": (efs("removalPolicy: retain"), IN_PLACE),
            "expirationHours": (efs("expirationHours: 100"), IN_PLACE),
            "fileSystemId": (efs(_EXISTING), DELETED),
            "accessPointId": (
                efs(f"{_EXISTING}, accessPointId: {EXISTING[2]}"),
                ANOTHER_POINT,
                efs(_POINT),
            ),
            "securityGroupId": (
                efs(f"{_POINT}, securityGroupId: {EXISTING[4]}"),
                IN_PLACE,
                efs(f"{_POINT}, securityGroupId: {EXISTING[3]}"),
            ),
            "posixUser": (efs("posixUser: {uid: 5000, gid: 5000}"), LOCKED_OUT),
        },
    ),
    *_each(
        "S3",
        on("S3", "ownBucket: true", SMK),
        {
            "ownBucket": (on("S3", "", SMK), LEFT),
            "expirationDays": (on("S3", "ownBucket: true, expirationDays: 9", SMK), IN_PLACE),
            "kmsKeyArn": (on("S3", f"ownBucket: true, kmsKeyArn: '{KEY}'", SMK), IN_PLACE),
            "removalPolicy": (on("S3", "ownBucket: true, removalPolicy: destroy", SMK), IN_PLACE),
        },
    ),
    *_each(
        "S3Files",
        on("S3Files"),
        {
            "ownBucket": (on("S3Files", "ownBucket: true"), GIVEN_UP),
            "prefix": (on("S3Files", "prefix: other"), GIVEN_UP),
            "expirationDays": (on("S3Files", "expirationDays: 9"), IN_PLACE),
            "kmsKeyArn": (on("S3Files", f"kmsKeyArn: '{KEY}'"), GIVEN_UP),
            "removalPolicy": (
                on("S3Files", "ownBucket: true, removalPolicy: destroy"),
                IN_PLACE,
                on("S3Files", "ownBucket: true"),
            ),
            "posixUser": (on("S3Files", "posixUser: {uid: 5000, gid: 5000}"), ELSEWHERE),
        },
    ),
    *_each(
        "OFS",
        on("OFS", _OFS),
        {
            "expectedSizeTb": (on("OFS", _OFS.replace("Tb: 1", "Tb: 20")), INSTANCES),
            "licenseSecretArn": (on("OFS", _OFS.replace("license-", "licence2-")), INSTANCES),
            "packageUri": (on("OFS", _OFS.replace("software/o", "software/p")), INSTANCES),
            "passphraseSecretArn": (on("OFS", f"{_OFS}, passphraseSecretArn: '{SECRET}own-AbCdEf'"), DELETED),
            "kmsKeyArn": (on("OFS", f"{_OFS}, kmsKeyArn: '{KEY}'"), IN_PLACE),
            "cacheSize": (on("OFS", f"{_OFS}, cacheSize: 8"), INSTANCES),
            "expirationHours": (on("OFS", f"{_OFS}, expirationHours: 100"), IN_PLACE),
            "removalPolicy": (on("OFS", f"{_OFS}, removalPolicy: retain"), IN_PLACE),
        },
    ),
    *_each(
        "FSxLustre",
        on("FSxLustre"),
        {
            "deploymentType": (on("FSxLustre", "deploymentType: PERSISTENT_2"), GIVEN_UP),
            "storageCapacityGib": (on("FSxLustre", f"storageCapacityGib: {2 * LUSTRE_MIN_GIB}"), IN_PLACE),
            "perUnitThroughput": (
                on("FSxLustre", "deploymentType: PERSISTENT_2, perUnitThroughput: 250"),
                IN_PLACE,
                on("FSxLustre", "deploymentType: PERSISTENT_2"),
            ),
            "kmsKeyArn": (
                on("FSxLustre", f"deploymentType: PERSISTENT_2, kmsKeyArn: '{KEY}'"),
                GIVEN_UP,
                on("FSxLustre", "deploymentType: PERSISTENT_2"),
            ),
            "importPath": (on("FSxLustre", "importPath: s3://cohorts/a"), IN_PLACE),
            "exportPath": (on("FSxLustre", "exportPath: s3://cohorts/b"), IN_PLACE),
            "removalPolicy": (on("FSxLustre", "removalPolicy: retain"), IN_PLACE),
        },
    ),
]
