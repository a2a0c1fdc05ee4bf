"""S3 Files as the workflow file system."""

import json

import aws_cdk as cdk
import pytest
from aws_cdk import aws_batch as batch, aws_ec2 as ec2, aws_ecs as ecs, aws_s3 as s3
from templates import Templates, only, resources

from workflow_context import Placement, S3FilesFileSystem, S3Location


@pytest.fixture
def stack() -> cdk.Stack:
    return cdk.Stack(cdk.App(), "Stack")


@pytest.fixture
def placement(stack: cdk.Stack) -> Placement:
    vpc = ec2.Vpc.from_vpc_attributes(
        stack,
        "Vpc",
        vpc_id="vpc-1",
        availability_zones=["a", "b", "a"],
        private_subnet_ids=["subnet-1", "subnet-2", "subnet-3"],
    )
    return Placement(vpc, vpc.private_subnets)


def file_system(stack: cdk.Stack, placement: Placement, *, prefix: str = "work", **options) -> S3FilesFileSystem:
    location = S3Location(s3.Bucket.from_bucket_name(stack, "Bucket", "bucket"), prefix)
    return S3FilesFileSystem(stack, "Storage", **{"placement": placement, "location": location, **options})


def template_of(stack: cdk.Stack) -> dict:
    template: dict = cdk.assertions.Template.from_stack(stack).to_json()
    return template


class TestFileSystem:
    def test_it_is_a_prefix_of_the_context_in_the_project_bucket(self, storages: Templates) -> None:
        properties = only(storages["Storages-s3files"], "AWS::S3Files::FileSystem")
        assert properties["Prefix"] == "contexts/s3files/work/"
        assert "Storages-core" in json.dumps(properties["Bucket"])

    def test_data_leaves_it_after_7_days_without_a_read(self, storages: Templates) -> None:
        for name, days in {"s3files": 7, "s3filesOwn": 365}.items():
            configuration = only(storages[f"Storages-{name}"], "AWS::S3Files::FileSystem")[
                "SynchronizationConfiguration"
            ]
            assert configuration["ExpirationDataRules"] == [{"DaysAfterLastAccess": days}]
            assert len(configuration["ImportDataRules"]) == 1  # CloudFormation wants both lists

    def test_objects_that_go_with_the_context_have_a_versioned_bucket_of_their_own(self, storages: Templates) -> None:
        template = storages["Storages-s3filesOwn"]
        assert only(template, "AWS::S3Files::FileSystem")["Prefix"] == "runs/2026/"
        bucket = next(one for name, one in resources(template, "AWS::S3::Bucket").items() if "AccessLogs" not in name)
        assert bucket["DeletionPolicy"] == "Delete"
        assert bucket["Properties"]["VersioningConfiguration"] == {"Status": "Enabled"}
        rules = bucket["Properties"]["LifecycleConfiguration"]["Rules"]
        assert {"NoncurrentDays": 7} in [rule.get("NoncurrentVersionExpiration") for rule in rules]

    def test_the_bucket_of_the_project_is_versioned_and_old_versions_expire(self, storages: Templates) -> None:
        buckets = resources(storages["Storages-core"], "AWS::S3::Bucket")
        [bucket] = [one["Properties"] for name, one in buckets.items() if "AccessLogs" not in name]
        assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
        assert {"NoncurrentDays": 7} in [
            rule.get("NoncurrentVersionExpiration") for rule in bucket["LifecycleConfiguration"]["Rules"]
        ]

    def test_its_logical_ids_are_these(self, storages: Templates) -> None:
        template = storages["Storages-s3files"]
        assert set(resources(template, "AWS::S3Files::FileSystem")) == {"StorageFileSystem61EA7B3D"}
        assert set(resources(template, "AWS::S3Files::AccessPoint")) == {"StorageAccessPointA59A90F7"}

    @pytest.mark.parametrize("days", [0, 366])
    def test_fails_when_the_expiration_is_out_of_range(self, stack: cdk.Stack, placement: Placement, days: int) -> None:
        with pytest.raises(ValueError, match=f"1 to 365 days, got {days}"):
            file_system(stack, placement, expiration=cdk.Duration.days(days))

    def test_fails_when_it_would_be_the_whole_bucket(self, stack: cdk.Stack, placement: Placement) -> None:
        with pytest.raises(ValueError, match="must have a prefix"):
            file_system(stack, placement, prefix="")


class TestServiceRole:
    def statements(self, template: dict) -> dict[str, dict]:
        [policy] = [one for name, one in resources(template, "AWS::IAM::Policy").items() if "ServiceRole" in name]
        return {one["Sid"]: one for one in policy["Properties"]["PolicyDocument"]["Statement"]}

    def test_only_the_service_may_take_it_and_only_for_file_systems_of_the_account(self, storages: Templates) -> None:
        roles = resources(storages["Storages-s3files"], "AWS::IAM::Role")
        [role] = [one for name, one in roles.items() if "ServiceRole" in name]
        [trust] = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Principal"] == {"Service": "elasticfilesystem.amazonaws.com"}
        assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
        assert ":file-system/*" in json.dumps(trust["Condition"]["ArnLike"]["aws:SourceArn"])

    def test_it_ends_at_the_prefix(self, storages: Templates) -> None:
        synchronize = self.statements(storages["Storages-s3files"])["Synchronize"]
        assert json.dumps(synchronize["Resource"]).endswith('"/contexts/s3files/work/*"]]}')
        assert not [action for action in synchronize["Action"] if "*" in action]

    def test_it_manages_the_rules_of_the_service_only(self, storages: Templates) -> None:
        watch = self.statements(storages["Storages-s3files"])["WatchBucket"]
        assert "rule/DO-NOT-DELETE-S3-Files*" in json.dumps(watch["Resource"])
        assert watch["Condition"] == {"StringEquals": {"events:ManagedBy": "elasticfilesystem.amazonaws.com"}}

    def test_it_has_its_rights_before_the_file_system_is_made(self, storages: Templates) -> None:
        [resource] = resources(storages["Storages-s3files"], "AWS::S3Files::FileSystem").values()
        assert [name for name in resource["DependsOn"] if "ServiceRoleDefaultPolicy" in name]


class TestAccess:
    def test_a_client_without_the_access_point_is_refused(self, storages: Templates) -> None:
        [deny] = only(storages["Storages-s3files"], "AWS::S3Files::FileSystemPolicy")["Policy"]["Statement"]
        assert deny["Effect"] == "Deny"
        assert set(deny["Action"]) == {"s3files:ClientMount", "s3files:ClientWrite", "s3files:ClientRootAccess"}
        assert list(deny["Condition"]) == ["ArnNotEquals"]  # which is true where no access point is used at all

    def test_the_access_point_has_a_directory_and_a_user_of_its_own(self, storages: Templates) -> None:
        access_point = only(storages["Storages-s3files"], "AWS::S3Files::AccessPoint")
        assert access_point["PosixUser"] == {"Uid": "0", "Gid": "0"}
        assert access_point["RootDirectory"]["Path"] == "/workflow"
        assert access_point["RootDirectory"]["CreationPermissions"]["OwnerUid"] == "0"

    def test_another_user_has_a_directory_of_its_own_and_no_root_access(
        self, stack: cdk.Stack, placement: Placement
    ) -> None:
        storage = file_system(stack, placement, uid=1000, gid=1001)
        role = cdk.aws_iam.Role(stack, "Role", assumed_by=cdk.aws_iam.ServicePrincipal("ecs-tasks.amazonaws.com"))
        storage.grant_read_write(role)
        template = template_of(stack)
        assert "s3files:ClientRootAccess" not in json.dumps(resources(template, "AWS::IAM::Policy"))
        directory = only(template, "AWS::S3Files::AccessPoint")["RootDirectory"]
        assert directory["Path"] == "/workflow-1000-1001"

    def test_jobs_and_machines_may_mount_and_read_from_s3_directly(self, storages: Templates) -> None:
        template = storages["Storages-s3filesNative"]
        allowed = {
            name: json.dumps(policy["Properties"]["PolicyDocument"])
            for name, policy in resources(template, "AWS::IAM::Policy").items()
            if "ClientMount" in json.dumps(policy)
        }
        assert len(allowed) >= 3  # instances, head jobs, tasks
        for name, text in allowed.items():
            assert "s3files:ClientRootAccess" in text, name
            assert '"ArnEquals": {"s3files:AccessPointArn"' in text, name
            assert "s3:GetObjectVersion" in text, name
            assert "/s3filesNative/work/*" in text or "/s3filesNative/*" in text, name

    def test_there_is_one_mount_target_in_a_zone(self, stack: cdk.Stack, placement: Placement) -> None:
        file_system(stack, placement)
        targets = resources(template_of(stack), "AWS::S3Files::MountTarget").values()
        assert [target["Properties"]["SubnetId"] for target in targets] == ["subnet-1", "subnet-2"]


class TestJobs:
    def definitions(self, template: dict) -> dict[tuple[str, ...], dict]:
        return {
            tuple(one["Properties"]["PlatformCapabilities"]): one["Properties"]["ContainerProperties"]
            for one in resources(template, "AWS::Batch::JobDefinition").values()
        }

    def test_fargate_mounts_it_by_the_definition(self, storages: Templates) -> None:
        container = self.definitions(storages["Storages-s3filesNative"])[("FARGATE",)]
        [volume] = container["Volumes"]
        assert set(volume["S3FilesVolumeConfiguration"]) == {"FileSystemArn", "AccessPointArn"}  # no root directory
        [mount] = container["MountPoints"]
        assert (mount["ContainerPath"], mount["SourceVolume"]) == ("/mnt/s3files", volume["Name"])

    def test_ec2_binds_the_directory_of_the_machine_as_batch_refuses_the_volume(self, storages: Templates) -> None:
        for name in ("s3files", "s3filesNative"):
            container = self.definitions(storages[f"Storages-{name}"])[("EC2",)]
            assert container["Volumes"] == [{"Host": {"SourcePath": "/mnt/s3files"}, "Name": "s3files"}]

    def test_heads_of_miniwdl_run_on_ec2_where_its_client_sends_them(self, storages: Templates) -> None:
        environments = resources(storages["Storages-s3files"], "AWS::Batch::ComputeEnvironment").values()
        assert "FARGATE" not in {one["Properties"]["ComputeResources"]["Type"] for one in environments}
        shown = json.dumps(storages["Storages-s3files"]["Outputs"]["ClientConfiguration"])
        assert "--no-efs --mount /mnt/s3files --memory-GiB 4" in shown

    def test_a_definition_of_yours_gets_the_volume_too(self, stack: cdk.Stack, placement: Placement) -> None:
        storage = file_system(stack, placement)
        container = batch.EcsFargateContainerDefinition(
            stack, "Container", image=ecs.ContainerImage.from_registry("busybox:1"), cpu=1, memory=cdk.Size.gibibytes(2)
        )
        storage.complete(batch.EcsJobDefinition(stack, "Definition", container=container))
        assert "S3FilesVolumeConfiguration" in json.dumps(only(template_of(stack), "AWS::Batch::JobDefinition"))
