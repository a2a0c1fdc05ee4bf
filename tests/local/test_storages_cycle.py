"""A context on each file system, deployed and destroyed on the local cloud by the real CDK CLI."""

from collections.abc import Iterator

import pytest
from local_runs import cdk_cli, deploy
from remaining_resources import leftovers

from workflow_stacks.local import CdkCli, LocalCloud
from workflow_stacks.local.cloud.resources import deployed_stacks
from workflow_stacks.local.runs.deployment import stopped_at_the_end

pytestmark = pytest.mark.cycle

PROJECT = """\
name: Storages
schemaVersion: 1
contexts:
  s3:
    engines:
      - type: snakemake
        engine: snakemake
        filesystem: {fsType: S3, configuration: {ownBucket: true, expirationDays: 30, removalPolicy: destroy}}
  ofs:
    engines:
      - type: wdl
        engine: miniwdl
        filesystem:
          fsType: OFS
          configuration:
            expectedSizeTb: 5
            licenseSecretArn: arn:aws:secretsmanager:us-east-1:123456789012:secret:objectivefs-AbCdEf
            packageUri: s3://lab-software/objectivefs-7.2-1.{arch}.rpm
  s3files:
    engines: [{type: snakemake, engine: snakemake, filesystem: {fsType: S3Files}}]
  fsx:
    engines:
      - type: wdl
        engine: miniwdl
        filesystem: {fsType: FSxLustre, configuration: {importPath: s3://lab-cohorts}}
"""
CONTEXTS = ("s3", "ofs", "s3files", "fsx")


@pytest.fixture(scope="module")
def cdk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CdkCli]:
    file = tmp_path_factory.mktemp("storages") / "agc-project.yaml"
    file.write_text(PROJECT)
    cloud = LocalCloud.of_project(file)
    with stopped_at_the_end(cloud):
        deploy(cloud, file)
        yield cdk_cli(cloud, file, terminationProtection="false")


def test_every_context_is_deployed_and_then_nothing_differs(cdk: CdkCli) -> None:
    assert set(deployed_stacks(cdk.cloud.client)) == {
        "Storages-core",
        *(f"Storages-{name}" for name in CONTEXTS),
    }
    assert cdk.diff()[0] is False


def test_the_head_job_of_s3_files_mounts_it_by_its_definition(cdk: CdkCli) -> None:
    definitions = cdk.cloud.client("batch").describe_job_definitions(status="ACTIVE")["jobDefinitions"]
    volumes = [volume for one in definitions for volume in one["containerProperties"].get("volumes", [])]
    [volume] = [one["s3filesVolumeConfiguration"] for one in volumes if "s3filesVolumeConfiguration" in one]
    assert ":access-point/fsap-" in volume["accessPointArn"].replace("/access-point", ":access-point")


def test_intermediates_of_one_context_expire_in_a_bucket_of_their_own(cdk: CdkCli) -> None:
    s3 = cdk.cloud.client("s3")
    found = {}
    for bucket in s3.list_buckets()["Buckets"]:
        if "accesslogs" not in bucket["Name"] and not bucket["Name"].startswith("cdk-"):
            rules = s3.get_bucket_lifecycle_configuration(Bucket=bucket["Name"])["Rules"]
            found |= {rule["Filter"]["Prefix"]: rule["Expiration"]["Days"] for rule in rules if "Expiration" in rule}
    assert found == {"work/": 30}


def test_destroy_leaves_the_buckets_of_the_project_and_nothing_else(cdk: CdkCli) -> None:
    cdk.destroy()
    left = leftovers(cdk.cloud)
    assert set(left) == {"buckets"}
    assert all(name.startswith("storages-core-") for name in left["buckets"])
