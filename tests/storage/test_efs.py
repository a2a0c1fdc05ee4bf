"""EfsFileSystem: what the template says of the data, of who reaches it, and of when somebody is warned."""

import json
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2, aws_efs as efs, aws_iam as iam, aws_kms as kms
from templates import Template, resources

from workflow_context import EfsFileSystem, Network

KEY = "arn:aws:kms:us-east-1:123456789012:key/1"
BURSTING, ELASTIC, PROVISIONED = efs.ThroughputMode.BURSTING, efs.ThroughputMode.ELASTIC, efs.ThroughputMode.PROVISIONED


@pytest.fixture(scope="module")
def stack() -> cdk.Stack:
    return cdk.Stack(cdk.App(), "Stack")


@pytest.fixture(scope="module")
def network(stack: cdk.Stack) -> Network:
    return Network(stack, "Network")


@pytest.fixture(scope="module")
def template(stack: cdk.Stack, network: Network) -> Template:
    """Three file systems: one with defaults, one with everything written, one of a user who is not root."""
    placement = network.placement()
    plain = EfsFileSystem(stack, "Plain", placement=placement)
    written = EfsFileSystem(
        stack,
        "Written",
        placement=placement,
        throughput_mode=PROVISIONED,
        provisioned_throughput=cdk.Size.mebibytes(3414),
        transition_to_ia=efs.LifecyclePolicy.AFTER_30_DAYS,
        backup=True,
        encryption_key=kms.Key.from_key_arn(stack, "Key", KEY),
        removal_policy=cdk.RemovalPolicy.RETAIN,
    )
    user = EfsFileSystem(stack, "User", placement=placement, throughput_mode=ELASTIC, uid=1000, gid=100)
    user.allow_mounts_without_iam()
    user.allow_mounts_without_iam()
    for name, storage in (("Plain", plain), ("Written", written), ("User", user)):
        storage.alarms(cdk.aws_cloudwatch.Dashboard(stack, f"{name}Monitoring"), credit_hours=6)
    principal = iam.ServicePrincipal("ec2.amazonaws.com")
    plain.grant_read_write(iam.Role(stack, "Writer", assumed_by=principal))
    plain.grant_read(iam.Role(stack, "Reader", assumed_by=principal))
    user.grant_read_write(iam.Role(stack, "Member", assumed_by=principal))
    found: Template = cdk.assertions.Template.from_stack(stack).to_json()
    return found


def of(template: Template, name: str, type_: str) -> dict[str, Any]:
    [found] = [one for key, one in resources(template, type_).items() if key.startswith(name)]
    return dict(found)


def file_system(template: Template, name: str) -> dict[str, Any]:
    properties: dict[str, Any] = of(template, name, "AWS::EFS::FileSystem")["Properties"]
    return properties


class TestData:
    @pytest.mark.parametrize("name", ["Plain", "Written", "User"])
    def test_is_encrypted(self, template: Template, name: str) -> None:
        assert file_system(template, name)["Encrypted"] is True

    def test_is_encrypted_with_the_key_that_is_given(self, template: Template) -> None:
        assert "KmsKeyId" not in file_system(template, "Plain")
        assert file_system(template, "Written")["KmsKeyId"] == KEY

    def test_is_backed_up_only_when_asked(self, template: Template) -> None:
        assert file_system(template, "Plain")["BackupPolicy"] == {"Status": "DISABLED"}
        assert file_system(template, "Written")["BackupPolicy"] == {"Status": "ENABLED"}

    def test_moves_to_cheaper_storage_only_when_asked(self, template: Template) -> None:
        assert not file_system(template, "Plain").get("LifecyclePolicies")
        assert file_system(template, "Written")["LifecyclePolicies"] == [{"TransitionToIA": "AFTER_30_DAYS"}]

    @pytest.mark.parametrize(("name", "deletion"), [("Plain", "Delete"), ("Written", "Retain")])
    def test_goes_with_its_stack_unless_retained_and_stays_when_replaced(
        self, template: Template, name: str, deletion: str
    ) -> None:
        found = of(template, name, "AWS::EFS::FileSystem")
        assert (found["DeletionPolicy"], found["UpdateReplacePolicy"]) == (deletion, "Retain")


class TestThroughput:
    def test_is_bursting_unless_written(self, template: Template) -> None:
        modes = {name: file_system(template, name)["ThroughputMode"] for name in ("Plain", "Written", "User")}
        assert modes == {"Plain": "bursting", "Written": "provisioned", "User": "elastic"}

    def test_is_provisioned_at_the_rate_that_is_written_and_at_none_else(self, template: Template) -> None:
        assert file_system(template, "Written")["ProvisionedThroughputInMibps"] == 3414
        assert "ProvisionedThroughputInMibps" not in file_system(template, "Plain")

    @pytest.mark.parametrize(
        ("mode", "mebibytes", "message"),
        [
            (PROVISIONED, None, "needs provisioned_throughput"),
            (ELASTIC, 1, "throughput_mode is ELASTIC; make it PROVISIONED"),
            (BURSTING, 1, "throughput_mode is BURSTING; make it PROVISIONED"),
            (PROVISIONED, 3415, "must be 1 to 3414 MiB per second, got 3415"),
            (PROVISIONED, 0, "must be 1 to 3414 MiB per second, got 0"),
        ],
    )
    def test_fails_when_mode_and_rate_do_not_go_together(
        self, network: Network, mode: efs.ThroughputMode, mebibytes: int | None, message: str
    ) -> None:
        stack = cdk.Stack(cdk.App(), "Wrong")
        rate = None if mebibytes is None else cdk.Size.mebibytes(mebibytes)
        with pytest.raises(ValueError, match=message):
            EfsFileSystem(
                stack,
                "Storage",
                placement=network.placement(),
                throughput_mode=mode,
                provisioned_throughput=rate,
            )


class TestMountTargets:
    def test_there_is_one_in_each_private_subnet(self, template: Template, network: Network) -> None:
        targets = [
            one["Properties"]["SubnetId"]["Ref"]
            for key, one in resources(template, "AWS::EFS::MountTarget").items()
            if key.startswith("Plain")
        ]
        private = [name for name in resources(template, "AWS::EC2::Subnet") if "Private" in name]
        assert sorted(targets) == sorted(private)
        assert len(targets) == len(network.vpc.private_subnets) == 2

    def test_they_are_named_after_their_subnets(self, template: Template) -> None:
        [name] = [key for key in resources(template, "AWS::EFS::FileSystem") if key.startswith("Plain")]
        targets = {key for key in resources(template, "AWS::EFS::MountTarget") if key.startswith("Plain")}
        assert targets == {f"{name}MountTargetPrivateSubnet{number}" for number in (1, 2)}

    def test_nobody_is_let_in_who_is_not_allowed_to(self, template: Template) -> None:
        group = of(template, "Plain", "AWS::EC2::SecurityGroup")["Properties"]
        assert "SecurityGroupIngress" not in group
        assert not resources(template, "AWS::EC2::SecurityGroupIngress")

    def test_only_nfs_is_let_in(self) -> None:
        stack = cdk.Stack(cdk.App(), "Stack")
        vpc = ec2.Vpc.from_vpc_attributes(stack, "Vpc", vpc_id="vpc-1", availability_zones=["us-east-1a"])
        [subnet] = [ec2.Subnet.from_subnet_attributes(stack, "S", subnet_id="s-1", availability_zone="us-east-1a")]
        placement = Network(stack, "Network", vpc=vpc, subnets=[subnet]).placement()
        storage = EfsFileSystem(stack, "Storage", placement=placement)
        storage.allow_mount_from(ec2.SecurityGroup(stack, "Client", vpc=vpc))
        found = cdk.assertions.Template.from_stack(stack).to_json()
        [rule] = resources(found, "AWS::EC2::SecurityGroupIngress").values()
        ports = {name: rule["Properties"][name] for name in ("IpProtocol", "FromPort", "ToPort")}
        assert ports == {"IpProtocol": "tcp", "FromPort": 2049, "ToPort": 2049}
        assert rule["Properties"]["SourceSecurityGroupId"]["Fn::GetAtt"][0].startswith("Client")


class TestAccessPoint:
    @pytest.mark.parametrize(
        ("name", "uid", "gid", "path"),
        [("Plain", "0", "0", "/workflow"), ("User", "1000", "100", "/workflow-1000-100")],
    )
    def test_its_directory_is_of_its_user_and_closed_to_others(
        self, template: Template, name: str, uid: str, gid: str, path: str
    ) -> None:
        found = of(template, name, "AWS::EFS::AccessPoint")["Properties"]
        assert found["PosixUser"] == {"Uid": uid, "Gid": gid}
        assert found["RootDirectory"] == {
            "Path": path,
            "CreationInfo": {"OwnerUid": uid, "OwnerGid": gid, "Permissions": "750"},
        }

    @pytest.mark.parametrize("ids", [{"uid": -1}, {"gid": 2**32}])
    def test_fails_when_an_id_is_out_of_range(self, network: Network, ids: dict[str, int]) -> None:
        with pytest.raises(ValueError, match=f"{next(iter(ids))} must be 0 to 4294967295, got"):
            EfsFileSystem(cdk.Stack(cdk.App(), "Wrong"), "Storage", placement=network.placement(), **ids)


class TestPolicies:
    def test_clients_without_tls_are_denied(self, template: Template) -> None:
        for name in ("Plain", "Written", "User"):
            deny, *_ = file_system(template, name)["FileSystemPolicy"]["Statement"]
            assert (deny["Effect"], deny["Principal"]) == ("Deny", {"AWS": "*"})
            assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}

    def test_clients_without_a_role_are_admitted_only_where_that_is_asked_and_once(self, template: Template) -> None:
        allowing = {
            name: [
                one for one in file_system(template, name)["FileSystemPolicy"]["Statement"] if one["Effect"] == "Allow"
            ]
            for name in ("Plain", "Written", "User")
        }
        assert [len(allowing[name]) for name in ("Plain", "Written", "User")] == [0, 0, 1]
        [allow] = allowing["User"]
        assert allow["Condition"]["Bool"] == {"elasticfilesystem:AccessedViaMountTarget": "true"}

    @pytest.mark.parametrize(
        ("role", "actions"),
        [
            ("Writer", {"ClientMount", "ClientWrite", "ClientRootAccess"}),
            ("Reader", {"ClientMount", "ClientRootAccess"}),
            ("Member", {"ClientMount", "ClientWrite"}),
        ],
    )
    def test_roles_mount_by_the_access_point_and_only_writers_write(
        self, template: Template, role: str, actions: set[str]
    ) -> None:
        [statement] = of(template, role, "AWS::IAM::Policy")["Properties"]["PolicyDocument"]["Statement"]
        assert set(statement["Action"]) == {f"elasticfilesystem:{action}" for action in actions}
        storage = "User" if role == "Member" else "Plain"
        [point] = [name for name in resources(template, "AWS::EFS::AccessPoint") if name.startswith(storage)]
        assert set(statement["Condition"]) == {"ArnEquals"}
        assert f'{{"Ref": "{point}"}}' in json.dumps(statement["Condition"])


class TestAlarms:
    def test_bursting_file_systems_alone_are_watched_for_their_credits(self, template: Template) -> None:
        alarms = set(resources(template, "AWS::CloudWatch::Alarm"))
        watched = [next(one for one in ("Plain", "Written", "User") if key.startswith(one)) for key in alarms]
        assert sorted(watched) == ["Plain", "Plain", "User", "Written"]

    def test_credits_that_end_within_the_hours_that_are_written_warn_after_half_an_hour(
        self, template: Template
    ) -> None:
        alarm = of(template, "PlainMonitoringBurstCredits", "AWS::CloudWatch::Alarm")["Properties"]
        assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 6)
        assert alarm["EvaluationPeriods"] == 2
        [balance] = [one["MetricStat"] for one in alarm["Metrics"] if "MetricStat" in one]
        assert (balance["Metric"]["MetricName"], balance["Stat"]) == ("BurstCreditBalance", "Minimum")
        assert alarm["EvaluationPeriods"] * balance["Period"] == 30 * 60

    @pytest.mark.parametrize("name", ["Plain", "Written", "User"])
    def test_a_quarter_of_an_hour_at_95_percent_of_the_operations_warns(self, template: Template, name: str) -> None:
        alarm = of(template, f"{name}MonitoringIoLimit", "AWS::CloudWatch::Alarm")["Properties"]
        assert (alarm["MetricName"], alarm["Statistic"]) == ("PercentIOLimit", "Maximum")
        assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanOrEqualToThreshold", 95)
        assert alarm["EvaluationPeriods"] * alarm["Period"] == 15 * 60

    def test_a_file_system_that_nobody_uses_does_not_warn(self, template: Template) -> None:
        alarms = resources(template, "AWS::CloudWatch::Alarm").values()
        assert {one["Properties"]["TreatMissingData"] for one in alarms} == {"notBreaching"}
