"""FSx for Lustre as the workflow file system."""

import json
from collections.abc import Iterator

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2, aws_fsx as fsx, aws_kms as kms, aws_s3 as s3
from templates import Templates, only, resources

from workflow_context import FsxLustreFileSystem, Placement, S3Location

PERSISTENT_2, SCRATCH_1 = fsx.LustreDeploymentType.PERSISTENT_2, fsx.LustreDeploymentType.SCRATCH_1


@pytest.fixture(scope="module")
def placement() -> Placement:
    stack = cdk.Stack(cdk.App(), "Stack")
    vpc = ec2.Vpc.from_vpc_attributes(
        stack,
        "Vpc",
        vpc_id="vpc-1",
        availability_zones=["a", "b", "a"],
        private_subnet_ids=["subnet-1", "subnet-2", "subnet-3"],
    )
    return Placement(vpc, vpc.private_subnets)


@pytest.fixture
def scope(placement: Placement, request: pytest.FixtureRequest) -> cdk.Stack:
    return cdk.Stack(
        cdk.Stack.of(placement.vpc), request.node.name.replace("[", "-").translate({ord(c): "-" for c in "_].,:/ "})
    )


def location(scope: cdk.Stack, prefix: str) -> S3Location:
    bucket = scope.node.try_find_child("Data") or s3.Bucket.from_bucket_name(scope, "Data", "data")
    return S3Location(bucket, prefix)


def ports(template: dict, type_: str) -> Iterator[tuple[int, int]]:
    for rule in resources(template, type_).values():
        yield rule["Properties"]["FromPort"], rule["Properties"]["ToPort"]


class TestFileSystem:
    def test_scratch_of_1200_gib_is_the_default(self, storages: Templates) -> None:
        file_system = only(storages["Storages-fsx"], "AWS::FSx::FileSystem")
        assert file_system["StorageCapacity"] == 1200
        assert file_system["LustreConfiguration"] == {"DeploymentType": "SCRATCH_2"}
        assert len(file_system["SubnetIds"]) == 1

    def test_lustre_is_of_a_version_that_links_to_s3(self, storages: Templates) -> None:
        for name in ("fsx", "fsxPersistent", "fsxLinked"):
            assert only(storages[f"Storages-{name}"], "AWS::FSx::FileSystem")["FileSystemTypeVersion"] == "2.15"

    def test_persistent_has_the_throughput_that_was_written(self, storages: Templates) -> None:
        file_system = only(storages["Storages-fsxPersistent"], "AWS::FSx::FileSystem")
        assert file_system["LustreConfiguration"] == {"DeploymentType": "PERSISTENT_2", "PerUnitStorageThroughput": 250}
        assert file_system["StorageCapacity"] == 4800

    def test_persistent_has_the_smallest_throughput_when_none_is_written(
        self, scope: cdk.Stack, placement: Placement
    ) -> None:
        FsxLustreFileSystem(scope, "Storage", placement=placement, deployment_type=PERSISTENT_2)
        template = cdk.assertions.Template.from_stack(scope).to_json()
        assert only(template, "AWS::FSx::FileSystem")["LustreConfiguration"]["PerUnitStorageThroughput"] == 125

    def test_data_goes_with_the_context_unless_it_is_retained_but_stays_when_it_is_replaced(
        self, storages: Templates
    ) -> None:
        for name, policy in {"fsx": "Delete", "fsxPersistent": "Retain"}.items():
            [file_system] = resources(storages[f"Storages-{name}"], "AWS::FSx::FileSystem").values()
            assert (file_system["DeletionPolicy"], file_system["UpdateReplacePolicy"]) == (policy, "Retain")

    def test_its_logical_id_is_this(self, storages: Templates) -> None:
        assert set(resources(storages["Storages-fsx"], "AWS::FSx::FileSystem")) == {"StorageFileSystem61EA7B3D"}


class TestNetwork:
    def test_clients_and_servers_call_each_other_by_the_ports_of_lustre_only(self, storages: Templates) -> None:
        template = storages["Storages-fsx"]
        # Servers among themselves, clients to servers, servers to clients.
        assert sorted(ports(template, "AWS::EC2::SecurityGroupIngress")) == [(988, 988)] * 3 + [(1018, 1023)] * 3
        assert sorted(set(ports(template, "AWS::EC2::SecurityGroupEgress"))) == [(988, 988), (1018, 1023)]

    def test_servers_reach_each_other_both_ways(self, storages: Templates) -> None:
        template = storages["Storages-fsx"]
        [servers] = only(template, "AWS::FSx::FileSystem")["SecurityGroupIds"]
        for kind, other in (("Ingress", "SourceSecurityGroupId"), ("Egress", "DestinationSecurityGroupId")):
            own = [
                rule["Properties"]["FromPort"]
                for rule in resources(template, f"AWS::EC2::SecurityGroup{kind}").values()
                if rule["Properties"]["GroupId"] == rule["Properties"][other] == servers
            ]
            assert sorted(own) == [988, 1018], kind

    def test_the_file_system_waits_for_the_rules_that_it_looks_for(self, storages: Templates) -> None:
        template = storages["Storages-fsx"]
        [file_system] = resources(template, "AWS::FSx::FileSystem").values()
        [servers] = file_system["Properties"]["SecurityGroupIds"]
        rules = {
            name
            for kind in ("Ingress", "Egress")
            for name, rule in resources(template, f"AWS::EC2::SecurityGroup{kind}").items()
            if rule["Properties"]["GroupId"] == servers
        }
        assert rules <= set(file_system["DependsOn"])

    def test_jobs_run_in_the_zone_of_the_servers(self, storages: Templates) -> None:
        template = storages["Storages-fsx"]
        [subnet] = only(template, "AWS::FSx::FileSystem")["SubnetIds"]
        for environment in resources(template, "AWS::Batch::ComputeEnvironment").values():
            assert environment["Properties"]["ComputeResources"]["Subnets"] == [subnet]

    def test_one_zone_has_all_its_subnets(self, placement: Placement) -> None:
        assert [subnet.subnet_id for subnet in placement.in_one_zone().subnets] == ["subnet-1", "subnet-3"]


class TestLinks:
    def links(self, template: dict) -> dict[str, dict]:
        found = resources(template, "AWS::FSx::DataRepositoryAssociation").values()
        return {link["Properties"]["FileSystemPath"]: link["Properties"] for link in found}

    def test_imports_and_exports_have_directories_of_their_own(self, storages: Templates) -> None:
        links = self.links(storages["Storages-fsxPersistent"])
        assert links["/import"]["DataRepositoryPath"] == "s3://public-references/"
        assert set(links["/import"]["S3"]) == {"AutoImportPolicy"}
        assert links["/import"]["BatchImportMetaDataOnCreate"] is True
        assert links["/export"]["DataRepositoryPath"] == "s3://lab-results/cohort/"
        assert set(links["/export"]["S3"]) == {"AutoExportPolicy"}

    def test_the_same_place_twice_is_one_directory_that_goes_both_ways(self, storages: Templates) -> None:
        links = self.links(storages["Storages-fsxLinked"])
        assert set(links) == {"/data"}
        assert set(links["/data"]["S3"]) == {"AutoImportPolicy", "AutoExportPolicy"}

    def test_there_is_none_unless_asked_for(self, storages: Templates) -> None:
        assert self.links(storages["Storages-fsx"]) == {}

    @pytest.mark.parametrize(("source", "target"), [("a", "a/b"), ("a/b", "a"), ("", "a")])
    def test_fails_when_places_overlap(self, scope: cdk.Stack, placement: Placement, source: str, target: str) -> None:
        with pytest.raises(ValueError, match="overlap"):
            FsxLustreFileSystem(
                scope,
                "Storage",
                placement=placement,
                import_from=location(scope, source),
                export_to=location(scope, target),
            )

    def test_places_with_a_common_beginning_do_not_overlap(self, scope: cdk.Stack, placement: Placement) -> None:
        FsxLustreFileSystem(
            scope, "Storage", placement=placement, import_from=location(scope, "a"), export_to=location(scope, "ab")
        )


class TestLimits:
    @pytest.mark.parametrize("gib", [1, 1199, 1201, 2399, 3600, 4801])
    def test_fails_when_aws_does_not_offer_the_capacity(self, scope: cdk.Stack, placement: Placement, gib: int) -> None:
        with pytest.raises(ValueError, match=f"1200 GiB or a multiple of 2400 GiB, got {gib}"):
            FsxLustreFileSystem(scope, "Storage", placement=placement, storage_capacity=cdk.Size.gibibytes(gib))

    @pytest.mark.parametrize("gib", [1200, 2400, 4800, 240000])
    def test_other_capacities_are_taken(self, scope: cdk.Stack, placement: Placement, gib: int) -> None:
        FsxLustreFileSystem(scope, "Storage", placement=placement, storage_capacity=cdk.Size.gibibytes(gib))

    def test_fails_when_the_throughput_is_not_offered(self, scope: cdk.Stack, placement: Placement) -> None:
        with pytest.raises(ValueError, match="125, 250, 500, 1000; got 200"):
            FsxLustreFileSystem(
                scope,
                "Storage",
                placement=placement,
                deployment_type=PERSISTENT_2,
                per_unit_throughput=200,
            )

    def test_fails_when_scratch_is_given_a_throughput(self, scope: cdk.Stack, placement: Placement) -> None:
        with pytest.raises(ValueError, match="its throughput follows the capacity"):
            FsxLustreFileSystem(scope, "Storage", placement=placement, per_unit_throughput=125)

    def test_fails_when_the_deployment_type_is_unknown(self, scope: cdk.Stack, placement: Placement) -> None:
        with pytest.raises(ValueError, match="one of SCRATCH_2, PERSISTENT_2, got SCRATCH_1"):
            FsxLustreFileSystem(scope, "Storage", placement=placement, deployment_type=SCRATCH_1)

    def test_a_key_is_for_persistent_only(self, scope: cdk.Stack, placement: Placement) -> None:
        key = kms.Key.from_key_arn(scope, "Key", "arn:aws:kms:us-east-1:123456789012:key/1-2")
        with pytest.raises(ValueError, match="encryption_key is for PERSISTENT_2"):
            FsxLustreFileSystem(scope, "Scratch", placement=placement, encryption_key=key)
        FsxLustreFileSystem(
            scope,
            "Persistent",
            placement=placement,
            deployment_type=PERSISTENT_2,
            encryption_key=key,
        )


def test_jobs_bind_the_directory_of_the_machine(storages: Templates) -> None:
    for definition in resources(storages["Storages-fsxPersistent"], "AWS::Batch::JobDefinition").values():
        assert definition["Properties"]["ContainerProperties"]["Volumes"] == [
            {"Host": {"SourcePath": "/mnt/fsx"}, "Name": "fsx"}
        ]


def test_the_machine_knows_where_to_mount_from(storages: Templates) -> None:
    user_data = json.dumps(only(storages["Storages-fsx"], "AWS::EC2::LaunchTemplate"))
    assert '["StorageFileSystem61EA7B3D", "DNSName"]' in user_data
    assert '["StorageFileSystem61EA7B3D", "LustreMountName"]' in user_data
