"""What CloudFormation checks, refuses and replaces: by resource schemas, and by the services behind it."""

import base64

import pytest
from botocore.exceptions import ClientError

from workflow_stacks.local.cloud import refusals, schemas

POLICY = {"Version": "2012-10-17", "Statement": []}


@pytest.mark.parametrize(
    ("type_name", "properties", "said"),
    [
        ("EC2::SecurityGroup", {"VpcId": "vpc-1"}, "#: required key [GroupDescription] not found"),
        ("EFS::FileSystem", {"ThroughputMod": "elastic"}, "#: extraneous key [ThroughputMod] is not permitted"),
        ("EFS::FileSystem", {"Encrypted": "perhaps"}, "#/Encrypted: expected type: Boolean, found: String"),
        ("EFS::FileSystem", {"BackupPolicy": {"Status": "ON"}}, "#/BackupPolicy/Status: ON is not a valid enum value"),
        ("Batch::JobQueue", {"Priority": 1001, "ComputeEnvironmentOrder": []}, "#/Priority: 1001 is not less or equal"),
        (
            "Logs::LogGroup",
            {"LogGroupName": "a b"},
            "#/LogGroupName: failed validation constraint for keyword [pattern]",
        ),
        ("Logs::LogGroup", {"RetentionInDays": 8}, "#/RetentionInDays: 8 is not a valid enum value"),
        ("EFS::AccessPoint", {"FileSystemId": "fs-1", "Arn": "a"}, "Encountered unsupported property Arn"),
        (
            "IAM::Role",
            {"AssumeRolePolicyDocument": POLICY, "Tags": "x"},
            "#/Tags: expected type: JSONArray, found: String",
        ),
    ],
)
def test_properties_are_checked_with_the_words_of_cloudformation(type_name, properties, said):
    assert [line for line in schemas.mistakes(f"AWS::{type_name}", properties) if line.startswith(said)]


@pytest.mark.parametrize(
    ("type_name", "properties"),
    [
        ("EFS::FileSystem", {"Encrypted": "true"}),
        ("Batch::JobQueue", {"Priority": "5", "ComputeEnvironmentOrder": [{"Order": "1", "ComputeEnvironment": "a"}]}),
        (
            "EC2::SecurityGroup",
            {"GroupDescription": "d", "Tags": [{"Key": "aws:cloudformation:stack-id", "Value": "1"}]},
        ),
        ("Nowhere::Known", {"Anything": 1}),
    ],
)
def test_what_cloudformation_accepts_passes(type_name, properties):
    assert schemas.mistakes(f"AWS::{type_name}", properties) == []


@pytest.mark.parametrize(
    ("type_name", "old", "new", "replaced"),
    [
        ("EFS::FileSystem", {"Encrypted": True}, {"Encrypted": True, "ThroughputMode": "elastic"}, False),
        ("EFS::FileSystem", {"PerformanceMode": "maxIO"}, {"PerformanceMode": "generalPurpose"}, True),
        ("EFS::AccessPoint", {"PosixUser": {"Uid": "0"}}, {"PosixUser": {"Uid": "1000"}}, True),
        ("EC2::SecurityGroup", {"GroupDescription": "a"}, {"GroupDescription": "b"}, True),
        ("EC2::Subnet", {"CidrBlock": "10.0.0.0/20"}, {"CidrBlock": "10.0.16.0/20"}, True),
        ("Logs::LogGroup", {"LogGroupName": "a"}, {"LogGroupName": "b"}, True),
        ("Batch::ComputeEnvironment", {"Tags": {"a": "1"}}, {"Tags": {"a": "2"}}, True),
        ("Batch::ComputeEnvironment", {"State": "ENABLED"}, {"State": "DISABLED"}, False),
        ("Batch::JobQueue", {"Tags": {"a": "1"}}, {"Tags": {"a": "2"}}, True),
    ],
)
def test_a_change_of_a_create_only_property_of_any_type_replaces(type_name, old, new, replaced):
    assert schemas.replaces(f"AWS::{type_name}", old, new) is replaced


def resource(type_name, policy=None, **properties):
    return {"Type": f"AWS::{type_name}", "Properties": properties, **(policy or {})}


def network(subnets=("10.0.0.0/20",)):
    return {
        "Vpc": resource("EC2::VPC", CidrBlock="10.0.0.0/16"),
        **{
            f"Subnet{number}": resource(
                "EC2::Subnet", VpcId={"Ref": "Vpc"}, CidrBlock=cidr, AvailabilityZone="us-east-1a"
            )
            | ({"DependsOn": f"Subnet{number - 1}"} if number else {})
            for number, cidr in enumerate(subnets)
        },
    }


def test_a_mistake_is_found_when_references_are_resolved_and_the_stack_rolls_back(stacks):
    parts = {
        "Group": resource("Logs::LogGroup"),
        "Files": resource("EFS::FileSystem", PerformanceMode={"Ref": "Group"}),
    }

    assert stacks.create("wrong", parts) == "ROLLBACK_COMPLETE"
    assert "Properties validation failed for resource Files with message" in stacks.reasons("wrong")
    stacks.delete("wrong")


def test_a_replaced_file_system_has_a_new_id_and_lost_its_data(stacks, cloud):
    stacks.create("lost", {"Files": resource("EFS::FileSystem", Encrypted=False)})
    old = stacks.id("lost", "Files")
    data = cloud.state_dir / "efs" / old / "work"
    data.mkdir(parents=True)

    assert stacks.update("lost", {"Files": resource("EFS::FileSystem", Encrypted=True)}) == "UPDATE_COMPLETE"

    assert stacks.id("lost", "Files") != old
    assert not data.exists()
    stacks.delete("lost")


def test_a_replaced_file_system_is_kept_where_its_policy_says_retain(stacks, cloud):
    retain = {"UpdateReplacePolicy": "Retain"}
    stacks.create("kept", {"Files": resource("EFS::FileSystem", retain, Encrypted=False)})
    old = stacks.id("kept", "Files")
    (cloud.state_dir / "efs" / old / "work").mkdir(parents=True)

    stacks.update("kept", {"Files": resource("EFS::FileSystem", retain, Encrypted=True)})

    assert stacks.id("kept", "Files") != old
    assert (cloud.state_dir / "efs" / old / "work").exists()
    cloud.client("efs").delete_file_system(FileSystemId=old)  # it is still there
    stacks.delete("kept")


@pytest.mark.parametrize(
    ("subnets", "said"),
    [
        (("10.0.0.0/20", "10.0.8.0/24"), "The CIDR '10.0.8.0/24' conflicts with another subnet"),
        (("192.168.0.0/24",), "The CIDR '192.168.0.0/24' is invalid."),
    ],
)
def test_lif_24_a_subnet_cannot_overlap_another_nor_lie_outside_of_its_vpc(stacks, subnets, said):
    assert stacks.create("cidr", network(subnets)) == "ROLLBACK_COMPLETE"
    assert said in stacks.reasons("cidr")
    stacks.delete("cidr")


def rules(direction, **other):
    key = "SourceSecurityGroupId" if direction == "Ingress" else "DestinationSecurityGroupId"
    to = other or {key: {"Fn::GetAtt": ["Group", "GroupId"]}}
    return resource(
        f"EC2::SecurityGroup{direction}",
        GroupId={"Fn::GetAtt": ["Group", "GroupId"]},
        IpProtocol="tcp",
        FromPort=988,
        ToPort=988,
        **to,
    )


@pytest.mark.parametrize(
    ("in_place", "status"),
    [(("In", "Out"), "CREATE_COMPLETE"), (("In",), "ROLLBACK_COMPLETE"), (("Out",), "ROLLBACK_COMPLETE")],
    ids=["both", "no egress", "no ingress"],
)
def test_aws_4_lustre_is_refused_unless_its_rules_are_in_place(stacks, in_place, status):
    closed = [{"CidrIp": "255.255.255.255/32", "IpProtocol": "icmp", "FromPort": 252, "ToPort": 86}]
    every = {"In": rules("Ingress"), "Out": rules("Egress")}
    parts = {
        **network(),
        "Group": resource("EC2::SecurityGroup", GroupDescription="g", VpcId={"Ref": "Vpc"}, SecurityGroupEgress=closed),
        **{name: every[name] for name in in_place},
        "Lustre": resource(
            "FSx::FileSystem",
            FileSystemType="LUSTRE",
            StorageCapacity=1200,
            SubnetIds=[{"Ref": "Subnet0"}],
            SecurityGroupIds=[{"Fn::GetAtt": ["Group", "GroupId"]}],
            LustreConfiguration={"DeploymentType": "SCRATCH_2"},
        )
        | {"DependsOn": list(in_place)},
    }

    assert stacks.create("lustre-rules", parts) == status
    if status != "CREATE_COMPLETE":
        assert "do not permit Lustre LNET network traffic on port 988" in stacks.reasons("lustre-rules")
    stacks.delete("lustre-rules")


@pytest.mark.parametrize("needed", ["Subnet0", "Group"])
def test_what_a_lustre_file_system_stands_on_is_not_deleted_under_it(stacks, needed):
    group = resource("EC2::SecurityGroup", GroupDescription="g", VpcId={"Ref": "Vpc"})
    stacks.create("below", {**network(), "Group": group, "In": rules("Ingress")})
    lustre = resource(
        "FSx::FileSystem",
        FileSystemType="LUSTRE",
        StorageCapacity=1200,
        SubnetIds=[stacks.id("below", "Subnet0")],
        SecurityGroupIds=[stacks.id("below", "Group")],
        LustreConfiguration={"DeploymentType": "SCRATCH_2"},
    )
    assert stacks.create("above", {"Lustre": lustre}) == "CREATE_COMPLETE"

    assert stacks.delete("below") == "DELETE_FAILED"
    assert needed in stacks.reasons("below")

    assert stacks.delete("above") == "DELETE_COMPLETE"
    assert stacks.delete("below") == "DELETE_COMPLETE"


@pytest.mark.parametrize("size", [16384, 16385])
def test_user_data_of_more_than_16_kib_is_refused_counted_before_base64(size):
    data = {"LaunchTemplateData": {"UserData": base64.b64encode(b"x" * size).decode()}}

    if size > 16384:
        with pytest.raises(ValueError, match="User data is limited to 16384 bytes"):
            refusals.check_user_data(data)
    else:
        refusals.check_user_data(data)


def test_user_data_is_checked_when_a_launch_template_is_made(stacks):
    data = base64.b64encode(b"x" * 16385).decode()

    assert (
        stacks.create("user-data", {"Template": resource("EC2::LaunchTemplate", LaunchTemplateData={"UserData": data})})
        == "ROLLBACK_COMPLETE"
    )
    assert "User data is limited to 16384 bytes" in stacks.reasons("user-data")
    stacks.delete("user-data")


def test_aws_22_what_another_stack_imports_can_neither_be_changed_nor_deleted(stacks):
    def shared(name):
        group = {"Group": resource("Logs::LogGroup", LogGroupName=name)}
        output = {"Name": {"Value": {"Ref": "Group"}, "Export": {"Name": "shared-group"}}}
        return {"Resources": group, "Outputs": output}

    def deploy(call, stack, template):
        import json

        call(StackName=stack, TemplateBody=json.dumps(template))
        return stacks._settled(stack)

    client = stacks.client
    user = {"Parameter": resource("SSM::Parameter", Type="String", Value={"Fn::ImportValue": "shared-group"})}
    deploy(client.create_stack, "exporting", shared("/one"))
    stacks.create("importing", user)

    assert deploy(client.update_stack, "exporting", shared("/two")) == "UPDATE_ROLLBACK_COMPLETE"
    assert "Export shared-group cannot be updated as it is in use by importing" in stacks.reasons("exporting")
    with pytest.raises(ClientError, match="is imported by stack importing"):
        client.delete_stack(StackName="exporting")
    stacks.delete("importing")
    stacks.delete("exporting")


def test_a_stack_with_termination_protection_is_not_deleted(stacks):
    stacks.create("protected", {"Group": resource("Logs::LogGroup")})
    stacks.client.update_termination_protection(StackName="protected", EnableTerminationProtection=True)

    with pytest.raises(ClientError, match="TerminationProtection is enabled"):
        stacks.client.delete_stack(StackName="protected")
    stacks.client.update_termination_protection(StackName="protected", EnableTerminationProtection=False)
    stacks.delete("protected")
