"""ObjectiveFS as the workflow file system."""

import json

import aws_cdk as cdk
import pytest
from aws_cdk import aws_secretsmanager as secrets
from templates import Templates, resources

from workflow_context import ObjectiveFsFileSystem

PACKAGE = "s3://software/objectivefs-7.2-1.{arch}.rpm"


@pytest.fixture(scope="module")
def stack() -> cdk.Stack:
    return cdk.Stack(cdk.App(), "Stack")


def file_system(stack: cdk.Stack, id: str, **options) -> ObjectiveFsFileSystem:
    scope = cdk.Stack(stack, id)
    license_secret = secrets.Secret.from_secret_name_v2(scope, "License", "objectivefs")
    return ObjectiveFsFileSystem(
        scope, "Storage", **{"expected_size_tb": 1, "license_secret": license_secret, "package_uri": PACKAGE, **options}
    )


class TestMemory:
    @pytest.mark.parametrize(
        ("size_tb", "gib"),
        [
            *((0, 2), (1, 2), (2, 3), (10, 3), (11, 4), (20, 4), (21, 5), (30, 5), (31, 6), (40, 6), (41, 7), (50, 7)),
            # Between two rows of the table, the larger one.
            *((0.5, 2), (1.5, 3), (10.1, 4), (20.5, 5), (30.5, 6), (40.01, 7)),
        ],
    )
    def test_each_task_gets_the_memory_of_the_table(self, stack: cdk.Stack, size_tb: float, gib: int) -> None:
        storage = file_system(stack, f"Size{size_tb}".replace(".", "-"), expected_size_tb=size_tb)
        assert storage.task_memory_overhead.to_gibibytes() == gib

    @pytest.mark.parametrize("size_tb", [-1, 50.1, 1000])
    def test_fails_when_the_table_has_no_row(self, stack: cdk.Stack, size_tb: float) -> None:
        with pytest.raises(ValueError, match="0 to 50 TB"):
            file_system(stack, f"Wrong{size_tb}".replace(".", "-"), expected_size_tb=size_tb)

    def test_our_definitions_ask_for_it_heads_included(self, storages: Templates) -> None:
        # Head jobs need 4 GiB for themselves; the chore that deletes old runs, where there is one, 2 GiB.
        for stack, overhead, owns in (("ofs", 2, (4, 2)), ("ofsLarge", 17, (4,))):
            asked = {
                requirement["Value"]
                for definition in resources(storages[f"Storages-{stack}"], "AWS::Batch::JobDefinition").values()
                for requirement in definition["Properties"]["ContainerProperties"]["ResourceRequirements"]
                if requirement["Type"] == "MEMORY"
            }
            assert asked == {str(1024 * (own + overhead)) for own in owns}, stack

    def test_miniwdl_adds_it_to_the_tasks_whose_definitions_it_makes(self, storages: Templates) -> None:
        # What miniwdl-aws takes off for the ECS agent stays: -33 MiB, plus 2 GiB.
        shown = json.dumps(storages["Storages-ofs"]["Outputs"]["ClientConfiguration"])
        assert "export MINIWDL__AWS__MEMORY_DELTA=2015" in shown
        assert "--no-efs --mount /mnt/objectivefs --memory-GiB 6" in shown

    def test_the_cache_is_what_a_task_brings_less_the_index(self, stack: cdk.Stack) -> None:
        [script] = file_system(stack, "SmallCache", expected_size_tb=15).user_data()
        assert "export CACHE_SIZE=3072M\n" in script

    def test_a_larger_cache_makes_tasks_ask_for_more(self, stack: cdk.Stack) -> None:
        storage = file_system(stack, "LargeCache", cache_size=cdk.Size.gibibytes(8))
        assert storage.task_memory_overhead.to_gibibytes() == 9

    def test_a_smaller_cache_leaves_the_table(self, stack: cdk.Stack) -> None:
        storage = file_system(stack, "TinyCache", cache_size=cdk.Size.mebibytes(64))
        assert storage.task_memory_overhead.to_gibibytes() == 2

    def test_fails_when_the_cache_is_too_small(self, stack: cdk.Stack) -> None:
        with pytest.raises(ValueError, match="at least 64 MiB, got 63"):
            file_system(stack, "NoCache", cache_size=cdk.Size.mebibytes(63))


class TestMachines:
    def test_head_jobs_run_on_ec2(self, storages: Templates) -> None:
        types = {
            environment["Properties"]["ComputeResources"]["Type"]
            for environment in resources(storages["Storages-ofs"], "AWS::Batch::ComputeEnvironment").values()
        }
        assert types == {"EC2", "SPOT"}

    def test_jobs_bind_the_directory_of_the_machine(self, storages: Templates) -> None:
        for definition in resources(storages["Storages-ofs"], "AWS::Batch::JobDefinition").values():
            container = definition["Properties"]["ContainerProperties"]
            assert container["Volumes"] == [{"Host": {"SourcePath": "/mnt/objectivefs"}, "Name": "objectivefs"}]
            assert [mount["ContainerPath"] for mount in container["MountPoints"]] == ["/mnt/objectivefs"]

    @pytest.mark.parametrize(
        "package",
        ["https://example.com/objectivefs.rpm", "s3://software/objectivefs.deb", "s3:///a.rpm", "objectivefs"],
    )
    def test_fails_when_the_package_is_no_rpm_in_s3(self, stack: cdk.Stack, package: str) -> None:
        with pytest.raises(ValueError, match="an rpm in S3"):
            file_system(stack, f"Package{abs(hash(package))}", package_uri=package)


class TestRights:
    def test_only_instances_read_the_secrets_and_the_bucket(self, storages: Templates) -> None:
        template = storages["Storages-ofs"]
        [bucket] = [name for name in resources(template, "AWS::S3::Bucket") if "AccessLogs" not in name]
        machines = ("ofsComputeInstanceRoleDefault", "ofsComputeHeadInstanceRoleDefault")
        for policy, resource in resources(template, "AWS::IAM::Policy").items():
            text = json.dumps(resource["Properties"]["PolicyDocument"])
            for secret_thing in ("secretsmanager:GetSecretValue", bucket, "lab-software"):
                assert (secret_thing in text) == policy.startswith(machines), policy

    def test_the_package_is_read_for_both_processors_and_nothing_beside_it(self, storages: Templates) -> None:
        text = json.dumps(resources(storages["Storages-ofs"], "AWS::IAM::Policy"))
        assert "lab-software/objectivefs-7.2-1.x86_64.rpm" in text
        assert "lab-software/objectivefs-7.2-1.aarch64.rpm" in text
        assert "lab-software/*" not in text

    def test_a_miniwdl_task_has_no_right_of_a_head_job(self, storages: Templates) -> None:
        for name, policy in resources(storages["Storages-ofs"], "AWS::IAM::Policy").items():
            if name.startswith("ofsComputeInstanceRole"):
                assert "batch:" not in json.dumps(policy["Properties"]["PolicyDocument"])


class TestSecrets:
    def test_a_passphrase_is_made_up_unless_one_is_given(self, storages: Templates) -> None:
        [secret] = resources(storages["Storages-ofs"], "AWS::SecretsManager::Secret").values()
        assert secret["Properties"]["GenerateSecretString"]["PasswordLength"] == 48
        assert not resources(storages["Storages-ofsLarge"], "AWS::SecretsManager::Secret")

    def test_passphrase_and_data_go_together(self) -> None:
        app = cdk.App()
        for policy in (cdk.RemovalPolicy.DESTROY, cdk.RemovalPolicy.RETAIN):
            file_system(cdk.Stack(app, policy.name), "Inner", removal_policy=policy)
        for stack, kept in {"DESTROY": "Delete", "RETAIN": "Retain"}.items():
            template = next(one.template for one in app.synth().stacks if one.stack_name.startswith(f"{stack}Inner"))
            policies = {
                resource["DeletionPolicy"]
                for type_ in ("AWS::S3::Bucket", "AWS::SecretsManager::Secret")
                for resource in resources(template, type_).values()
            }
            assert policies == {kept}

    def test_neither_text_is_in_the_template(self, storages: Templates) -> None:
        template = storages["Storages-ofs"]
        user_data = json.dumps(resources(template, "AWS::EC2::LaunchTemplate"))
        assert "LICENSE_SECRET='arn:" in user_data or "LICENSE_SECRET=arn:" in user_data
        assert "SecretString" not in json.dumps(resources(template, "AWS::SecretsManager::Secret")).replace(
            "GenerateSecretString", ""
        )


def test_the_bucket_keeps_no_old_versions(storages: Templates) -> None:
    for name, bucket in resources(storages["Storages-ofs"], "AWS::S3::Bucket").items():
        assert "VersioningConfiguration" not in bucket["Properties"], name


def test_what_may_stay_is_an_output(storages: Templates) -> None:
    outputs = storages["Storages-ofsLarge"]["Outputs"]
    assert {"FileSystemBucket", "FileSystemAccessLogBucket", "PassphraseSecret"} <= set(outputs)


def test_the_logical_ids_of_data_and_passphrase_are_these(storages: Templates) -> None:
    template = storages["Storages-ofs"]
    assert set(resources(template, "AWS::S3::Bucket")) == {"StorageBucket1D5574E6", "StorageBucketAccessLogsEC45E26E"}
    assert set(resources(template, "AWS::SecretsManager::Secret")) == {"StoragePassphrase3998B816"}
