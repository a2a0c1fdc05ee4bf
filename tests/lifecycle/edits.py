"""Edits of a project file, one for each key there is, and what each does: the rows of docs/changing-a-context.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TypeAlias

import aws_cdk as cdk
from templates import Template

from workflow_context.limits import LUSTRE_MIN_GIB
from workflow_stacks import ContextStack, CoreStack
from workflow_stacks.plan import Effect
from workflow_stacks.project import Project, parse_project

ACCOUNT, REGION = "000000000000", "us-east-1"  # those of the local cloud
ZONES = {f"availability-zones:account={ACCOUNT}:region={REGION}": ["us-east-1a", "us-east-1b", "us-east-1c"]}
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:"
WDL, NF, SMK = "type: wdl, engine: miniwdl", "type: nextflow, engine: nextflow", "type: snakemake, engine: snakemake"
TOIL, CROMWELL = "type: wdl, engine: toil", "type: wdl, engine: cromwell"

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
class Written:
    """What stands in a project file.

    Attributes:
        context: The context `one`.
        top: Further lines at the top of the file.
    """

    context: str
    top: str = ""

    @property
    def project(self) -> Project:
        text = f"name: Edits\nschemaVersion: 1\n{self.top}\ncontexts:\n  one: {self.context}\n"
        return parse_project(text.encode()).project


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


def context(engine: str = WDL, filesystem: str = "{fsType: EFS}", keys: str = "requestSpotInstances: true") -> Written:
    return Written(f"{{{keys}, engines: [{{{engine}, filesystem: {filesystem}}}]}}")


def on(kind: str, configuration: str = "", engine: str = WDL) -> Written:
    return context(engine, f"{{fsType: {kind}, configuration: {{{configuration}}}}}")


def efs(configuration: str) -> Written:
    return on("EFS", configuration)


def plus(keys: str) -> Written:
    return context(keys=f"requestSpotInstances: true, {keys}")


def large(keys: str) -> Written:
    return plus(f"machines: {{large: {{{keys}}}}}")


def _beside(reference: str) -> Written:
    return context(SMK, keys=f"requestSpotInstances: true, references: [{{{reference}}}]")


BASE = context()
_OFS = f"expectedSizeTb: 1, licenseSecretArn: '{SECRET}license-AbCdEf', packageUri: 's3://software/o-{{arch}}.rpm'"
EXISTING = ("fs-0123456789abcdef0", "fsap-0123456789abcdef0", "fsap-11111111111111111", "sg-01234567", "sg-11111111")
"""What exists already: a file system, two access points, two security groups."""
_EXISTING = f"fileSystemId: {EXISTING[0]}"
_OTHER_SYSTEM = f"{_EXISTING}, accessPointId: {EXISTING[1]}, securityGroupId: {EXISTING[3]}"
_POINT = f"{_EXISTING}, accessPointId: {EXISTING[1]}"
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


BASES: Mapping[str, Written] = {
    "miniwdl": on("EFS", engine=WDL),
    "snakemake": on("EFS", engine=SMK),
    "nextflow": on("EFS", engine=NF),
    "cromwell": on("EFS", engine=CROMWELL),
    "toil": on("S3", "ownBucket: true", engine=TOIL),
}
"""Every engine, on a file system that can be lost."""


def edits_of(engine: str) -> dict[str, Written]:
    """Twelve kinds of edits of the context of an engine: what it is made into, by what is edited."""
    language = {"miniwdl": WDL, "snakemake": SMK, "nextflow": NF, "cromwell": CROMWELL, "toil": TOIL}[engine]
    kind, kept = ("S3", "ownBucket: true, ") if engine == "toil" else ("EFS", "")
    base = f"{{{language}, filesystem: {{fsType: {kind}, configuration: {{{kept}}}}}}}"
    spot = "requestSpotInstances: true, "
    own = (
        {
            "throughput": "expirationDays: 30",
            "backup and retention": "removalPolicy: destroy",
            "key": f"kmsKeyArn: '{KEY}'",
        }
        if kind == "S3"
        else {
            "throughput": "throughputMode: elastic",
            "backup and retention": "backup: true, removalPolicy: retain",
            "key": f"kmsKeyArn: '{KEY}'",
            "zone": "availabilityZone: us-east-1b",
            "user": "posixUser: {uid: 5000, gid: 5000}",
        }
    )
    other_engine = SMK if engine != "snakemake" else WDL
    other_default = NF if engine != "nextflow" else WDL
    return {
        **{name: on(kind, kept + text, language) for name, text in own.items()},
        "monitoring": Written(f"{{{spot}monitoring: {{}}, engines: [{base}]}}"),
        "machines": Written(f"{{{spot}maxVCpus: 512, instanceTypes: [m6i], rootVolumeGib: 200, engines: [{base}]}}"),
        "no Spot": Written(f"{{engines: [{base}]}}"),
        "tags": Written(f"{{{spot}tags: {{Lab: '2'}}, engines: [{base}]}}"),
        "another engine, same file system": on(kind, kept, other_engine if kind == "EFS" else SMK),
        "another engine and its file system": Written(f"{{{spot}engines: [{{{other_default}}}]}}"),
        "another file system": context(language, "{fsType: S3}") if engine != "miniwdl" else on("FSxLustre"),
        "public subnets": Written(f"{{{spot}usePublicSubnets: true, engines: [{base}]}}"),
    }


@cache
def synthesize(written: Written, *, name: str = "one", may_lose: bool = False) -> dict[str, Template]:
    """Synthesize one way to write a context, once: the stacks `Edits-core` and `Edits-<name>`."""
    app = cdk.App(context=ZONES)
    env = cdk.Environment(account=ACCOUNT, region=REGION)
    project = written.project
    core = CoreStack(app, "Edits-core", kms_key_arn=project.kms_key_arn, env=env)
    ContextStack(
        app,
        f"Edits-{name}",
        name=name,
        context=project.contexts["one"],
        data=project.data,
        network=core.network,
        outputs=core.location(project.bucket_prefix(name)),
        kms_key_arn=project.kms_key_arn,
        content_tags={**project.tags, **project.contexts["one"].tags},
        allow_data_loss=may_lose,
        env=env,
    )
    return {stack.stack_name: dict(stack.template) for stack in app.synth().stacks}
