"""One project with what the acknowledgements differ by, reviewed once."""

import json
from pathlib import Path

import pytest

from workflow_stacks.review import Review, review
from workflow_stacks.security_packs import PACKS

KEY = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:license-AbCdEf"


def context(engine: str, language: str, kind: str, **configuration: object) -> dict[str, object]:
    filesystem = {"fsType": kind, "configuration": configuration}
    return {"engines": [{"type": language, "engine": engine, "filesystem": filesystem}]}


CONTEXTS = {
    "wdl": context("miniwdl", "wdl", "EFS"),
    "backedUp": context("miniwdl", "wdl", "EFS", backup=True),
    "cromwell": context("cromwell", "wdl", "S3"),
    "snakemake": context("snakemake", "snakemake", "S3"),
    "nextflow": context("nextflow", "nextflow", "S3"),
    "ownBucket": context("nextflow", "nextflow", "S3", ownBucket=True),
    "ownKey": context("nextflow", "nextflow", "S3", ownBucket=True, kmsKeyArn=KEY),
    "ofs": context(
        "miniwdl",
        "wdl",
        "OFS",
        expectedSizeTb=1,
        licenseSecretArn=SECRET,
        packageUri="s3://lab-software/objectivefs-7.2-1.{arch}.rpm",
    ),
    "toil": context("toil", "cwl", "S3"),
    "sharing": {**context("nextflow", "nextflow", "EFS"), "useSharedQueues": True},
    "extras": {
        **context("miniwdl", "wdl", "EFS", expirationHours=100),
        "monitoring": {"alarmEmail": "lab@example.org"},
        "wes": True,
        "debugInstance": True,
        "storageDispatcher": True,
        "ioMibps": 200,
    },
}
PROJECT = {"name": "Reviewed", "schemaVersion": 1, "sharedQueues": {}, "contexts": CONTEXTS}


@pytest.fixture(scope="session")
def reviewed_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("review") / "agc-project.yaml"
    file.write_text(json.dumps(PROJECT))
    return file


@pytest.fixture(scope="session")
def reviewed(reviewed_project: Path) -> Review:
    return review(reviewed_project, [], PACKS)
