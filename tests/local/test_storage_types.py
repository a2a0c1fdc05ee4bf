"""S3 Files and FSx for Lustre on the local cloud do what AWS does. Speaks boto3 only."""

import pytest
from stack_parts import NETWORK, att, ref, resource, subnet


def s3_files(*, versioned=True, days=7, **more):
    versioning = {"VersioningConfiguration": {"Status": "Enabled"}} if versioned else {}
    return {
        **NETWORK,
        "Bucket": resource("S3::Bucket", **versioning),
        "Files": resource(
            "S3Files::FileSystem",
            Bucket=att("Bucket", "Arn"),
            Prefix="dev/work/",
            RoleArn="arn:aws:iam::000000000000:role/service",
            SynchronizationConfiguration={
                "ExpirationDataRules": [{"DaysAfterLastAccess": days}],
                "ImportDataRules": [{"Prefix": "", "Trigger": "ON_FILE_ACCESS", "SizeLessThan": 131072}],
            },
        ),
        "Target": resource(
            "S3Files::MountTarget",
            FileSystemId=att("Files", "FileSystemId"),
            SubnetId=ref("Subnet"),
            SecurityGroups=[ref("Group")],
        ),
        "Point": resource(
            "S3Files::AccessPoint",
            FileSystemId=att("Files", "FileSystemId"),
            PosixUser={"Uid": "1000", "Gid": "1000"},
            RootDirectory={"Path": "/workflow"},
        ),
        "Policy": resource(
            "S3Files::FileSystemPolicy",
            FileSystemId=att("Files", "FileSystemId"),
            Policy={"Version": "2012-10-17", "Statement": []},
        ),
        **more,
    }


def lustre(capacity=1200, subnets=("Subnet",), **configuration):
    return {
        **NETWORK,
        "SubnetB": subnet("10.0.16.0/20", "b"),
        "Rule": resource(
            "EC2::SecurityGroupIngress",
            GroupId=att("Group", "GroupId"),
            SourceSecurityGroupId=att("Group", "GroupId"),
            IpProtocol="tcp",
            FromPort=988,
            ToPort=988,
        ),
        "Lustre": resource(
            "FSx::FileSystem",
            ["Rule"],
            FileSystemType="LUSTRE",
            StorageCapacity=capacity,
            SubnetIds=[ref(name) for name in subnets],
            SecurityGroupIds=[ref("Group")],
            LustreConfiguration={"DeploymentType": "SCRATCH_2", **configuration},
        ),
        "Link": resource(
            "FSx::DataRepositoryAssociation",
            FileSystemId=ref("Lustre"),
            FileSystemPath="/import",
            DataRepositoryPath="s3://data/",
        ),
    }


class TestS3Files:
    def test_a_file_system_with_all_that_belongs_to_it_is_made_and_found_by_its_api(self, stacks, cloud, name):
        assert stacks.create(name, s3_files()) == "CREATE_COMPLETE"
        client = cloud.client("s3files")
        arn = stacks.id(name, "Files")
        found = client.get_file_system(fileSystemId=arn.rpartition("/")[2])
        assert found["prefix"] == "dev/work/"
        [target] = client.list_mount_targets(fileSystemId=found["fileSystemId"])["mountTargets"]
        assert target["subnetId"] == stacks.id(name, "Subnet")

    def test_what_other_resources_need_of_it_can_be_referred_to(self, stacks, name):
        outputs = {"Id": att("Files", "FileSystemId"), "Point": att("Point", "AccessPointArn")}
        assert stacks.create(name, s3_files(), outputs) == "CREATE_COMPLETE"
        [stack] = stacks.client.describe_stacks(StackName=name)["Stacks"]
        values = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
        assert values["Id"].startswith("fs-")
        assert f":file-system/{values['Id']}/access-point/fsap-" in values["Point"]

    def test_the_expiration_is_changed_in_place(self, stacks, cloud, name):
        stacks.create(name, s3_files())
        before = stacks.id(name, "Files")
        assert stacks.update(name, s3_files(days=30)) == "UPDATE_COMPLETE"
        assert stacks.id(name, "Files") == before
        rules = cloud.client("s3files").get_synchronization_configuration(fileSystemId=before.rpartition("/")[2])
        assert rules["expirationDataRules"] == [{"daysAfterLastAccess": 30}]

    def test_fails_when_the_bucket_is_not_versioned(self, stacks, name):
        assert stacks.create(name, s3_files(versioned=False)) == "ROLLBACK_COMPLETE"
        assert "does not have versioning enabled" in stacks.reasons(name)

    def test_fails_when_a_zone_gets_a_second_mount_target(self, stacks, name):
        second = {
            "SubnetC": subnet("10.0.32.0/20", "a"),
            "Second": resource(
                "S3Files::MountTarget",
                depends_on=["Target"],
                FileSystemId=att("Files", "FileSystemId"),
                SubnetId=ref("SubnetC"),
            ),
        }
        assert stacks.create(name, s3_files(**second)) == "ROLLBACK_COMPLETE"
        assert "mount target already exists in this AZ" in stacks.reasons(name)


class TestLustre:
    def test_a_file_system_has_a_name_to_mount_it_by(self, stacks, name):
        outputs = {"Dns": att("Lustre", "DNSName"), "Mount": att("Lustre", "LustreMountName")}
        assert stacks.create(name, lustre(), outputs) == "CREATE_COMPLETE"
        [stack] = stacks.client.describe_stacks(StackName=name)["Stacks"]
        values = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
        assert values["Dns"] == f"{stacks.id(name, 'Lustre')}.fsx.us-east-1.amazonaws.com"
        assert len(values["Mount"]) == 8

    def test_it_grows_in_place_and_never_shrinks(self, stacks, name):
        stacks.create(name, lustre(2400))
        before = stacks.id(name, "Lustre")
        assert stacks.update(name, lustre(4800)) == "UPDATE_COMPLETE"
        assert stacks.id(name, "Lustre") == before
        assert stacks.update(name, lustre(2400)) == "UPDATE_ROLLBACK_COMPLETE"
        assert "cannot be decreased" in stacks.reasons(name)

    def test_another_deployment_type_is_another_file_system(self, stacks, name):
        stacks.create(name, lustre())
        before = stacks.id(name, "Lustre")
        changed = lustre(DeploymentType="PERSISTENT_2", PerUnitStorageThroughput=250)
        assert stacks.update(name, changed) == "UPDATE_COMPLETE"
        assert stacks.id(name, "Lustre") != before

    @pytest.mark.parametrize(
        ("wrong", "reason"),
        [
            (lustre(1300), "Invalid storage capacity"),
            (lustre(subnets=("Subnet", "SubnetB")), "exactly one subnet"),
            (lustre(PerUnitStorageThroughput=125), "does not go with SCRATCH_2"),
            (lustre(DeploymentType="PERSISTENT_2"), "does not go with PERSISTENT_2"),
            (lustre(DeploymentType="PERSISTENT_2", PerUnitStorageThroughput=100), "Invalid PerUnitStorageThroughput"),
        ],
    )
    def test_fails_when_aws_would_refuse(self, stacks, name, wrong, reason):
        assert stacks.create(name, wrong) == "ROLLBACK_COMPLETE"
        assert reason in stacks.reasons(name)
