"""What tests share that run real workflows on the local cloud."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from workflow_stacks.local import LocalCloud
from workflow_stacks.local.sandboxes import CannotRunError, find_sandbox

SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:objectivefs-AbCdEf"
MOUNTED_BY_MACHINES: dict[str, dict[str, Any]] = {
    "OFS": {"expectedSizeTb": 1, "licenseSecretArn": SECRET, "packageUri": "s3://lab-software/objectivefs-7.2-1.rpm"},
    "FSxLustre": {},
    "S3Files": {},
}
"""Configurations of the file systems that machines mount at boot."""


def needs_sandbox() -> None:
    """Skip the test on a machine that cannot run jobs, and say why."""
    try:
        find_sandbox()
    except CannotRunError as error:
        pytest.skip(str(error))


def project_on(file_systems: Iterable[str], *, engine: str, language: str) -> str:
    """A project file with a context of an engine on each file system, which gives the context its name."""
    contexts = {
        name: {
            "requestSpotInstances": True,
            "engines": [
                {
                    "type": language,
                    "engine": engine,
                    "filesystem": {"fsType": name, **_configured(MOUNTED_BY_MACHINES.get(name, {}))},
                }
            ],
        }
        for name in file_systems
    }
    return json.dumps({"name": "Mounts", "schemaVersion": 1, "contexts": contexts})


def _configured(configuration: dict[str, Any]) -> dict[str, Any]:
    return {"configuration": configuration} if configuration else {}


def denied_calls(project_file: Path) -> list[tuple[str, str, str]]:
    """Role, action and resource of the calls that IAM denied on the local cloud of a project since it started."""
    cloud = LocalCloud.of_project(project_file)
    if cloud.status() is None:
        pytest.skip("nothing ran before")
    report = cloud.iam_report()
    assert report, "no role made a call"
    return [
        (one["role"], call["action"], call["resource"]) for one in report for call in one["calls"] if call["denied"]
    ]
