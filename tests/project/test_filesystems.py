"""The file systems of a project file: their defaults, and what is said of them to people."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from workflow_stacks.project import Project, load_project

LICENSE = "arn:aws:secretsmanager:us-east-1:123456789012:secret:license-AbCdEf"
OFS = {"expectedSizeTb": 12, "licenseSecretArn": LICENSE, "packageUri": "s3://software/objectivefs-{arch}.rpm"}


def context(fs_type: str, configuration: dict[str, Any] | None = None, **engine: str) -> Any:
    filesystem = {"fsType": fs_type, **({"configuration": configuration} if configuration is not None else {})}
    chosen = {"type": "snakemake", "engine": "snakemake", **engine}
    project = {"name": "P", "schemaVersion": 1, "contexts": {"c": {"engines": [{**chosen, "filesystem": filesystem}]}}}
    return Project.model_validate(project, by_alias=True, by_name=False).contexts["c"]


class TestDefaults:
    def test_s3_keeps_intermediates_in_the_bucket_of_the_project_for_good(self) -> None:
        configuration = context("S3").filesystem.configuration
        assert not configuration.own_bucket
        assert configuration.expiration_days is None
        assert configuration.removal_policy == "retain"

    def test_s3_files_drops_data_after_7_days_and_keeps_the_objects(self) -> None:
        configuration = context("S3Files").filesystem.configuration
        assert (configuration.prefix, configuration.expiration_days) == ("work", 7)
        assert configuration.removal_policy == "retain"

    def test_objectivefs_keeps_runs_and_goes_with_the_context(self) -> None:
        configuration = context("OFS", OFS).filesystem.configuration
        assert configuration.expiration_hours is None
        assert configuration.removal_policy == "destroy"
        assert configuration.passphrase_secret_arn is None

    def test_lustre_is_a_scratch_of_1200_gib_that_goes_with_the_context(self) -> None:
        configuration = context("FSxLustre").filesystem.configuration
        assert (configuration.deployment_type, configuration.storage_capacity_gib) == ("SCRATCH_2", 1200)
        assert configuration.removal_policy == "destroy"


@pytest.mark.parametrize(
    ("kind", "configuration"),
    [
        ("S3", {"removalPolicy": "destroy"}),
        ("S3", {"kmsKeyArn": "arn:aws:kms:eu-west-1:123456789012:key/1-2"}),
        ("S3", {"expirationDays": 30}),
        ("S3Files", {"removalPolicy": "destroy"}),
    ],
)
def test_what_the_shared_bucket_cannot_give_needs_a_bucket_of_its_own(kind: str, configuration: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="is for a bucket of the context's own"):
        context(kind, configuration)
    assert context(kind, {"ownBucket": True, **configuration}).filesystem.configuration.own_bucket


@pytest.mark.parametrize("kind", ["S3", "S3Files"])
def test_how_long_a_bucket_lives_does_not_decide_whose_it_is(kind: str) -> None:
    kept, destroyed = (
        context(kind, {"ownBucket": True, "removalPolicy": policy}).filesystem.configuration.own_bucket
        for policy in ("retain", "destroy")
    )
    assert kept
    assert destroyed


@pytest.mark.parametrize(
    ("configuration", "throughput"),
    [
        ({}, "240 MB/s"),  # to AWS, 1200 GiB are 1.2 TiB
        ({"storageCapacityGib": 4800}, "960 MB/s"),
        ({"deploymentType": "PERSISTENT_2"}, "150 MB/s"),
        ({"deploymentType": "PERSISTENT_2", "storageCapacityGib": 2400, "perUnitThroughput": 1000}, "2400 MB/s"),
    ],
)
def test_the_throughput_of_lustre_follows_size_and_kind(configuration: dict[str, Any], throughput: str) -> None:
    assert context("FSxLustre", configuration).filesystem.throughput == throughput


def test_where_heads_run_is_said_as_it_is() -> None:
    heads = {
        (engine, kind): dict(context(kind, OFS if kind == "OFS" else None, engine=engine, type=language).queues)["head"]
        for engine, language in (("miniwdl", "wdl"), ("snakemake", "snakemake"))
        for kind in ("EFS", "S3Files", "OFS", "FSxLustre")
    }
    assert [key for key, machines in heads.items() if machines == "Fargate"] == [
        ("miniwdl", "EFS"),
        ("snakemake", "EFS"),
        ("snakemake", "S3Files"),
    ]


def test_every_kind_can_be_described_to_people(projects: Path) -> None:
    for context_ in load_project(projects / "storages.yaml").contexts.values():
        facts = dict(context_.filesystem.facts())
        assert facts["throughput"] == context_.filesystem.throughput
        assert all(isinstance(value, str) and value for value in facts.values())


def test_the_memory_that_objectivefs_takes_is_said() -> None:
    assert dict(context("OFS", OFS).filesystem.facts())["memory added to each task"] == "4 GiB"
