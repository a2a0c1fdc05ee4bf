"""CloudFormation on the local cloud does what AWS does, type by type. Speaks boto3 only."""

import json

import pytest
from stack_parts import FILES, NETWORK, att, ref, resource


def test_an_unknown_type_is_refused_before_anything_is_made(stacks):
    with pytest.raises(stacks.client.exceptions.ClientError, match="AWS::Nowhere::Thing"):
        stacks.create("unknown", {"Thing": resource("Nowhere::Thing")})


# --- Amazon EC2


def test_a_nat_gateway_stands_on_its_elastic_address(stacks, cloud, name):
    parts = {
        **NETWORK,
        "Address": resource("EC2::EIP", Domain="vpc", Tags=[{"Key": "Name", "Value": "nat"}]),
        "Gateway": resource("EC2::NatGateway", SubnetId=ref("Subnet"), AllocationId=att("Address", "AllocationId")),
    }
    stacks.create(name, parts, {"Address": ref("Address")})

    ec2 = cloud.client("ec2")
    [gateway] = ec2.describe_nat_gateways(NatGatewayIds=[stacks.id(name, "Gateway")])["NatGateways"]
    assert gateway["State"] == "available"
    [address] = ec2.describe_addresses(PublicIps=[stacks.id(name, "Address")])["Addresses"]
    assert address["Tags"] == [{"Key": "Name", "Value": "nat"}]
    stacks.delete(name)
    assert ec2.describe_addresses()["Addresses"] == []
    assert ec2.describe_nat_gateways()["NatGateways"] == []


def test_rules_between_two_groups_are_kept_and_go_with_their_resource(stacks, cloud, name):
    port = {"IpProtocol": "tcp", "FromPort": 2049, "ToPort": 2049}
    rules = {
        "In": resource("EC2::SecurityGroupIngress", GroupId=ref("Group"), SourceSecurityGroupId=ref("Clients"), **port),
        "Out": resource(
            "EC2::SecurityGroupEgress", GroupId=ref("Clients"), DestinationSecurityGroupId=ref("Group"), **port
        ),
    }
    stacks.create(name, {**NETWORK, **rules})
    ec2, group, clients = cloud.client("ec2"), stacks.id(name, "Group"), stacks.id(name, "Clients")

    [found] = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    [rule] = found["IpPermissions"]
    assert (rule["FromPort"], rule["UserIdGroupPairs"][0]["GroupId"]) == (2049, clients)
    [found] = ec2.describe_security_groups(GroupIds=[clients])["SecurityGroups"]
    assert group in json.dumps(found["IpPermissionsEgress"])

    stacks.update(name, NETWORK)
    [found] = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    assert found["IpPermissions"] == []


def test_a_rule_for_a_group_that_is_not_there_fails(stacks, name):
    rule = resource(
        "EC2::SecurityGroupIngress", GroupId=ref("Group"), SourceSecurityGroupId="sg-missing", IpProtocol="-1"
    )

    assert stacks.create(name, {**NETWORK, "In": rule}) == "ROLLBACK_COMPLETE"
    assert "The security group 'sg-missing' does not exist" in stacks.reasons(name)


def test_a_security_group_in_use_cannot_be_deleted(stacks, name):
    stacks.create(name, FILES)
    group = stacks.id(name, "Group")
    other = resource("EC2::SecurityGroup", VpcId=ref("Vpc"), GroupDescription="another one")
    user = resource("EC2::SecurityGroupIngress", GroupId=ref("Other"), SourceSecurityGroupId=group, IpProtocol="-1")

    assert stacks.create(f"{name}-user", {"Vpc": NETWORK["Vpc"], "Other": other, "In": user}) == "CREATE_COMPLETE"
    assert stacks.delete(name) == "DELETE_FAILED"
    assert f"resource {group} has a dependent object" in stacks.reasons(name)
    assert stacks.delete(f"{name}-user") == "DELETE_COMPLETE"


def test_a_flow_log_is_there_and_goes(stacks, cloud, name):
    log = resource("EC2::FlowLog", ResourceId=ref("Vpc"), ResourceType="VPC", TrafficType="ALL", LogGroupName="flow")
    stacks.create(name, {**NETWORK, "Log": log})
    ec2 = cloud.client("ec2")

    [found] = ec2.describe_flow_logs()["FlowLogs"]
    assert (found["FlowLogId"], found["TrafficType"]) == (stacks.id(name, "Log"), "ALL")
    stacks.delete(name)
    assert ec2.describe_flow_logs()["FlowLogs"] == []


# --- Amazon EFS


def test_throughput_lifecycle_backup_and_policy_of_a_file_system_change_in_place(stacks, cloud, name):
    def files(**properties):
        return {"Files": resource("EFS::FileSystem", Encrypted=True, **properties)}

    mount = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "elasticfilesystem:ClientMount"}
    policy = {"Version": "2012-10-17", "Statement": [mount]}
    stacks.create(name, files(ThroughputMode="provisioned", ProvisionedThroughputInMibps=128))
    made, efs = stacks.id(name, "Files"), cloud.client("efs")

    lifecycle = [{"TransitionToIA": "AFTER_30_DAYS"}]
    changed = files(
        ThroughputMode="elastic",
        LifecyclePolicies=lifecycle,
        BackupPolicy={"Status": "ENABLED"},
        FileSystemPolicy=policy,
    )

    assert stacks.update(name, changed) == "UPDATE_COMPLETE"
    [found] = efs.describe_file_systems(FileSystemId=made)["FileSystems"]
    assert (found["FileSystemId"], found["ThroughputMode"]) == (made, "elastic")
    assert "ProvisionedThroughputInMibps" not in found, "only a provisioned file system has it"
    assert efs.describe_lifecycle_configuration(FileSystemId=made)["LifecyclePolicies"] == lifecycle
    assert efs.describe_backup_policy(FileSystemId=made)["BackupPolicy"]["Status"] in ("ENABLED", "ENABLING")
    [statement] = json.loads(efs.describe_file_system_policy(FileSystemId=made)["Policy"])["Statement"]
    assert statement["Action"] == mount["Action"]


def test_a_file_system_is_replaced_when_its_key_changes(stacks, cloud, name):
    key = {"Key": resource("KMS::Key", KeyPolicy={"Version": "2012-10-17", "Statement": []})}
    stacks.create(name, {**key, "Files": resource("EFS::FileSystem", Encrypted=True)})
    before = stacks.id(name, "Files")
    efs = cloud.client("efs")
    count = len(efs.describe_file_systems()["FileSystems"])

    stacks.update(name, {**key, "Files": resource("EFS::FileSystem", Encrypted=True, KmsKeyId=att("Key", "Arn"))})

    assert stacks.id(name, "Files") != before
    assert len(efs.describe_file_systems()["FileSystems"]) == count
    with pytest.raises(efs.exceptions.FileSystemNotFound):
        efs.describe_file_systems(FileSystemId=before)


def test_a_file_system_with_mount_targets_cannot_be_deleted(stacks, cloud, name):
    stacks.create(name, FILES)
    efs = cloud.client("efs")

    with pytest.raises(efs.exceptions.FileSystemInUse):
        efs.delete_file_system(FileSystemId=stacks.id(name, "Files"))


def test_aws_21_a_second_mount_target_in_a_zone_is_refused(stacks, name):
    second = {**FILES["Target"], "DependsOn": "Target"}

    assert stacks.create(name, {**FILES, "Second": second}) == "ROLLBACK_COMPLETE"


# --- Amazon S3


def test_a_bucket_has_the_encryption_lifecycle_log_and_ownership_of_its_template(stacks, cloud, name):
    rules = [
        {
            "Id": "old",
            "Status": "Enabled",
            "Prefix": "runs/",
            "ExpirationInDays": 30,
            "NoncurrentVersionExpiration": {"NoncurrentDays": 7},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 5},
        }
    ]
    encryption = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "key-1"}
    bucket = resource(
        "S3::Bucket",
        BucketEncryption={
            "ServerSideEncryptionConfiguration": [
                {"ServerSideEncryptionByDefault": encryption, "BucketKeyEnabled": True}
            ]
        },
        LifecycleConfiguration={"Rules": rules},
        LoggingConfiguration={"DestinationBucketName": ref("Logs"), "LogFilePrefix": "log/"},
        OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
    )
    stacks.create(name, {"Logs": resource("S3::Bucket"), "Bucket": bucket})
    s3, made = cloud.client("s3"), stacks.id(name, "Bucket")

    [rule] = s3.get_bucket_encryption(Bucket=made)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule == {"ApplyServerSideEncryptionByDefault": encryption, "BucketKeyEnabled": True}
    [rule] = s3.get_bucket_lifecycle_configuration(Bucket=made)["Rules"]
    assert rule["Filter"] == {"Prefix": "runs/"}
    assert rule["Expiration"] == {"Days": 30}
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 7}
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 5}
    assert s3.get_bucket_logging(Bucket=made)["LoggingEnabled"]["TargetPrefix"] == "log/"
    [rule] = s3.get_bucket_ownership_controls(Bucket=made)["OwnershipControls"]["Rules"]
    assert rule == {"ObjectOwnership": "BucketOwnerEnforced"}


def test_a_bucket_that_holds_objects_is_not_deleted(stacks, cloud, name):
    stacks.create(name, {"Bucket": resource("S3::Bucket")})
    bucket, s3 = stacks.id(name, "Bucket"), cloud.client("s3")
    s3.put_object(Bucket=bucket, Key="result", Body=b"1")

    assert stacks.delete(name) == "DELETE_FAILED"
    assert "not empty" in stacks.reasons(name)
    s3.delete_object(Bucket=bucket, Key="result")


def test_an_object_encrypted_by_kms_without_a_key_takes_the_key_of_the_account(stacks, cloud, name):
    stacks.create(name, {"Bucket": resource("S3::Bucket")})
    bucket, s3 = stacks.id(name, "Bucket"), cloud.client("s3")

    answer = s3.put_object(Bucket=bucket, Key="template", Body=b"1", ServerSideEncryption="aws:kms")

    assert answer["SSEKMSKeyId"].endswith("alias/aws/s3")
    s3.delete_object(Bucket=bucket, Key="template")


def alarm(*metrics, **properties):
    wanted = {"ComparisonOperator": "LessThanThreshold", "Threshold": 0, "EvaluationPeriods": 1}
    return resource("CloudWatch::Alarm", **wanted, Metrics=list(metrics), **properties)


METRIC = {
    "Id": "credits",
    "MetricStat": {
        "Metric": {"Namespace": "AWS/EFS", "MetricName": "BurstCreditBalance"},
        "Period": 300,
        "Stat": "Average",
    },
}


def test_an_alarm_may_be_over_an_expression_and_changed(stacks, cloud, name):
    rate = {"Id": "rate", "Expression": "RATE(credits)", "ReturnData": True}
    hidden = {**METRIC, "ReturnData": False}
    stacks.create(name, {"Alarm": alarm(hidden, rate)})
    [made] = cloud.client("cloudwatch").describe_alarms(AlarmNames=[stacks.id(name, "Alarm")])["MetricAlarms"]
    assert made["StateValue"] == "INSUFFICIENT_DATA"
    assert stacks.id(name, "Alarm")


@pytest.mark.parametrize(
    ("resource_of", "why"),
    [
        (lambda: alarm(METRIC, {"Id": "rate", "Expression": "RATE(credits)"}), "Exactly one element"),
        (
            lambda: alarm(METRIC, MetricName="BurstCreditBalance", Namespace="AWS/EFS"),
            "exactly one of the keys Metrics or MetricName",
        ),
    ],
)
def test_an_alarm_that_aws_refuses_is_refused(stacks, name, resource_of, why):
    assert stacks.create(name, {"Alarm": resource_of()}).startswith("ROLLBACK")
    assert why in stacks.reasons(name)
