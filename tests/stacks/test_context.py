"""What each variant of a context becomes, property by property."""

import json
import re

from templates import Templates, only, resources


def environments(template: dict) -> dict:
    return {
        name.partition("Compute")[2][:-8]: one["Properties"]["ComputeResources"]
        for name, one in resources(template, "AWS::Batch::ComputeEnvironment").items()
    }


class TestFileSystem:
    def test_bursting_is_the_default_and_can_be_written(self, variants: Templates) -> None:
        for name in ("onDemand", "bursting"):
            file_system = only(variants[f"Variants-{name}"], "AWS::EFS::FileSystem")
            assert file_system["ThroughputMode"] == "bursting"
            assert "ProvisionedThroughputInMibps" not in file_system

    def test_provisioned_throughput_is_in_mibps(self, variants: Templates) -> None:
        for mibps in (1, 1024, 3414):
            file_system = only(variants[f"Variants-provisioned{mibps}"], "AWS::EFS::FileSystem")
            assert file_system["ThroughputMode"] == "provisioned"
            assert file_system["ProvisionedThroughputInMibps"] == mibps

    def test_elastic_comes_with_the_lifecycle_backup_and_removal_policy_that_were_written(
        self, variants: Templates
    ) -> None:
        template = variants["Variants-elastic"]
        file_system = only(template, "AWS::EFS::FileSystem")
        assert file_system["ThroughputMode"] == "elastic"
        assert file_system["LifecyclePolicies"] == [
            {"TransitionToIA": "AFTER_30_DAYS"},
            {"TransitionToPrimaryStorageClass": "AFTER_1_ACCESS"},
            {"TransitionToArchive": "AFTER_90_DAYS"},
        ]
        assert file_system["BackupPolicy"] == {"Status": "ENABLED"}
        [resource] = resources(template, "AWS::EFS::FileSystem").values()
        assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"

    def test_data_goes_with_the_context_but_stays_when_it_is_replaced(self, variants: Templates) -> None:
        [resource] = resources(variants["Variants-onDemand"], "AWS::EFS::FileSystem").values()
        assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Delete", "Retain")

    def test_a_regional_file_system_has_a_mount_target_in_each_zone(self, variants: Templates) -> None:
        assert len(resources(variants["Variants-onDemand"], "AWS::EFS::MountTarget")) == 2
        assert len(resources(variants["OneZone-regional-in-account"], "AWS::EFS::MountTarget")) == 3

    def test_one_zone_puts_the_file_system_its_mount_target_and_the_jobs_into_the_zone(
        self, variants: Templates
    ) -> None:
        template = variants["OneZone-oneZone-in-account"]
        assert only(template, "AWS::EFS::FileSystem")["AvailabilityZoneName"] == "us-east-1b"
        target = only(template, "AWS::EFS::MountTarget")
        for name, computing in environments(template).items():
            assert computing["Subnets"] == [target["SubnetId"]], name

    def test_an_imported_file_system_is_let_in_to_and_gets_no_mount_target(self, variants: Templates) -> None:
        template = variants["Variants-imported"]
        for type_ in ("FileSystem", "MountTarget", "AccessPoint"):
            assert not resources(template, f"AWS::EFS::{type_}")
        rule = only(template, "AWS::EC2::SecurityGroupIngress")
        assert rule["GroupId"] == "sg-0123456789abcdef0"
        definition = only(template, "AWS::Batch::JobDefinition")
        [volume] = definition["ContainerProperties"]["Volumes"]
        assert volume["EfsVolumeConfiguration"]["FileSystemId"] == "fs-0123456789abcdef0"
        assert volume["EfsVolumeConfiguration"]["AuthorizationConfig"]["AccessPointId"] == "fsap-0123456789abcdef0"

    def test_a_key_of_the_user_encrypts_the_file_system(self, variants: Templates) -> None:
        assert "11111111-2222" in only(variants["Variants-ownKey"], "AWS::EFS::FileSystem")["KmsKeyId"]

    def test_jobs_act_as_root_unless_another_user_is_written(self, variants: Templates) -> None:
        users = {
            name: only(variants[f"Variants-{name}"], "AWS::EFS::AccessPoint")["PosixUser"]
            for name in ("onDemand", "posixUser", "rootUser")
        }
        assert users == {
            "onDemand": {"Uid": "0", "Gid": "0"},
            "posixUser": {"Uid": "2000", "Gid": "3000"},
            "rootUser": {"Uid": "0", "Gid": "0"},
        }


class TestQueues:
    def test_spot_tasks_have_an_on_demand_queue_to_fall_back_to(self, variants: Templates) -> None:
        types = {name: one["Type"] for name, one in environments(variants["Variants-spot"]).items()}
        assert types == {"TaskEnvironment": "SPOT", "FallbackEnvironment": "EC2", "HeadEnvironment": "FARGATE"}

    def test_spot_without_a_fallback_has_two_queues(self, variants: Templates) -> None:
        types = {name: one["Type"] for name, one in environments(variants["Variants-spotAlone"]).items()}
        assert types == {"TaskEnvironment": "SPOT", "HeadEnvironment": "FARGATE"}

    def test_on_demand_has_no_fallback(self, variants: Templates) -> None:
        types = {name: one["Type"] for name, one in environments(variants["Variants-onDemand"]).items()}
        assert types == {"TaskEnvironment": "EC2", "HeadEnvironment": "FARGATE"}

    def test_machines_follow_architecture_and_gpu(self, variants: Templates) -> None:
        tasks = {
            name: environments(variants[f"Variants-{name}"])["TaskEnvironment"]
            for name in ("onDemand", "arm", "gpu", "chosenTypes")
        }
        assert {name: one["InstanceTypes"] for name, one in tasks.items()} == {
            "onDemand": ["default_x86_64"],
            "arm": ["default_arm64"],
            "gpu": ["g4dn", "g5", "g6"],
            "chosenTypes": ["m6i", "r6i.4xlarge"],
        }
        assert tasks["gpu"]["Ec2Configuration"] == [{"ImageType": "ECS_AL2023_NVIDIA"}]
        assert tasks["chosenTypes"]["MaxvCpus"] == 64
        launch_template = only(variants["Variants-chosenTypes"], "AWS::EC2::LaunchTemplate")
        [root] = launch_template["LaunchTemplateData"]["BlockDeviceMappings"]
        assert root["Ebs"]["VolumeSize"] == 500

    def test_public_subnets_give_every_job_an_address(self, variants: Templates) -> None:
        template = variants["Variants-publicSubnets"]
        definition = only(template, "AWS::Batch::JobDefinition")
        assert definition["ContainerProperties"]["NetworkConfiguration"] == {"AssignPublicIp": "ENABLED"}
        private = only(variants["Variants-onDemand"], "AWS::Batch::JobDefinition")
        assert private["ContainerProperties"]["NetworkConfiguration"] == {"AssignPublicIp": "DISABLED"}
        for computing in environments(template).values():
            assert all("PublicSubnet" in json.dumps(subnet) for subnet in computing["Subnets"])


class TestNamesAndTags:
    def test_tags_reach_resources_instances_volumes_and_jobs(self, variants: Templates) -> None:
        template = variants["Variants-chosenTypes"]
        wanted = {"CostCenter": "4711", "Owner": "genomics"}
        for type_ in ("AWS::Batch::JobQueue", "AWS::Batch::ComputeEnvironment"):  # a changed tag would replace them
            for one in resources(template, type_).values():
                assert not wanted.keys() & one["Properties"].get("Tags", {}).keys()
        [launch_template] = resources(template, "AWS::EC2::LaunchTemplate").values()
        for specification in launch_template["Properties"]["LaunchTemplateData"]["TagSpecifications"]:
            assert wanted.items() <= {tag["Key"]: tag["Value"] for tag in specification["Tags"]}.items()
        for definition in resources(template, "AWS::Batch::JobDefinition").values():
            assert definition["Properties"]["PropagateTags"] is True

    def test_every_role_has_the_permissions_boundary(self, variants: Templates) -> None:
        for role in resources(variants["Variants-chosenTypes"], "AWS::IAM::Role").values():
            assert role["Properties"]["PermissionsBoundary"] == "arn:aws:iam::123456789012:policy/Boundary"

    def test_logical_ids_of_what_holds_data_never_change(self, variants: Templates) -> None:
        """Changing one of these replaces a file system or a bucket, and its data is gone."""
        held = {
            stack: sorted(
                name
                for name, one in variants[stack]["Resources"].items()
                if one["Type"] in ("AWS::EFS::FileSystem", "AWS::EFS::AccessPoint", "AWS::S3::Bucket")
            )
            for stack in ("Variants-core", "Variants-onDemand", "Variants-snakemake")
        }
        assert held == {
            "Variants-core": ["BucketAccessLogs0AA7ED48", "BucketD7FEB781"],
            "Variants-onDemand": ["StorageFileSystemAccessPointF5BF1E1D", "StorageFileSystemFFD87EE1"],
            "Variants-snakemake": ["StorageFileSystemAccessPointF5BF1E1D", "StorageFileSystemFFD87EE1"],
        }

    def test_outputs_have_names_that_people_and_programs_can_rely_on(self, variants: Templates) -> None:
        common = {"HeadQueue", "TaskQueue", "HeadJobDefinition", "HeadRole", "MountPath", "Outputs"}
        common |= {"ClientConfiguration", "FileSystemId", "AccessPointId", "Check"}
        assert set(variants["Variants-onDemand"]["Outputs"]) == common
        assert set(variants["Variants-snakemake"]["Outputs"]) == common | {
            "FallbackQueue",
            "TaskJobDefinition",
            "TaskRole",
        }
        assert not [name for name in variants["Variants-snakemake"]["Outputs"] if not re.fullmatch("[A-Za-z]+", name)]
