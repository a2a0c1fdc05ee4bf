"""What a template costs while nothing runs."""

import pytest

from workflow_context.models.costs import Stored, idle_cost
from workflow_context.models.prices import Price, default_prices

PRICES = default_prices()


def cost(stored: Stored | None = None, **resources):
    return idle_cost({"Resources": resources}, PRICES, stored)


def efs(**properties):
    return {"Type": "AWS::EFS::FileSystem", "Properties": properties}


def provisioned(mibps: float, usd_per_mibps: float = 6.0) -> float:
    price = PRICES["efs_provisioned_throughput"].model_copy(update={"value": usd_per_mibps})
    file_system = efs(ThroughputMode="provisioned", ProvisionedThroughputInMibps=mibps)
    book = PRICES.with_prices({"efs_provisioned_throughput": price})
    return idle_cost({"Resources": {"Fs": file_system}}, book, Stored(file_system_gib=0)).usd


def test_1024_provisioned_mibps_cost_about_6000_usd_a_month_by_the_list_price():
    # aws/amazon-genomics-cli#590 says "near $7K / mo" and "$660 / mo" for 100 MiB/s.
    assert provisioned(1024) == pytest.approx(6144)
    assert provisioned(1024) == pytest.approx(7000, rel=0.13)
    assert provisioned(100) == pytest.approx(600)
    assert provisioned(100) == pytest.approx(660, rel=0.1)


def test_the_figures_of_the_issue_are_those_of_a_rate_of_6_60_usd():
    # aws/amazon-genomics-cli#590: one rate explains both of its figures.
    assert provisioned(100, 6.60) == pytest.approx(660)
    assert provisioned(1024, 6.60) == pytest.approx(7000, rel=0.04)


def test_provisioned_throughput_is_paid_above_what_the_stored_data_includes():
    # 1 TiB includes 50 MiB/s.
    file_system = efs(ThroughputMode="provisioned", ProvisionedThroughputInMibps=100)
    lines = cost(Stored(file_system_gib=1024), Fs=file_system).lines
    assert [line.quantity for line in lines if line.kind == "throughput"] == [pytest.approx(50)]
    nothing = cost(Stored(file_system_gib=4096), Fs=file_system).lines
    assert [line.usd for line in nothing if line.kind == "throughput"] == [0]


def test_a_nat_gateway_with_its_address_costs_36_50_usd():
    estimate = cost(Nat={"Type": "AWS::EC2::NatGateway", "Properties": {}}, Ip={"Type": "AWS::EC2::EIP"})
    assert estimate.usd == pytest.approx(36.50)


def test_an_interface_endpoint_costs_for_each_zone_and_a_gateway_endpoint_nothing():
    interface = {
        "Type": "AWS::EC2::VPCEndpoint",
        "Properties": {"VpcEndpointType": "Interface", "SubnetIds": [{"Ref": "A"}, {"Ref": "B"}, {"Ref": "C"}]},
    }
    gateway = {"Type": "AWS::EC2::VPCEndpoint", "Properties": {"VpcEndpointType": "Gateway"}}
    assert cost(I=interface).usd == pytest.approx(3 * 7.30)
    assert cost(G=gateway).usd == 0
    assert cost(G=gateway).unpriced == ()


def test_keys_secrets_alarms_and_dashboards_have_their_monthly_price():
    metric = {"MetricStat": {"Metric": {}, "Period": 300, "Stat": "Sum"}}
    estimate = cost(
        Key={"Type": "AWS::KMS::Key"},
        Secret={"Type": "AWS::SecretsManager::Secret"},
        Dashboard={"Type": "AWS::CloudWatch::Dashboard"},
        Alarm={"Type": "AWS::CloudWatch::Alarm", "Properties": {"Period": 60}},
        Fine={"Type": "AWS::CloudWatch::Alarm", "Properties": {"Period": 10}},
        Math={"Type": "AWS::CloudWatch::Alarm", "Properties": {"Metrics": [metric, metric, {"Expression": "a/b"}]}},
    )
    usd = {line.resource: line.usd for line in estimate.lines}
    expected = {"Key": 1.0, "Secret": 0.4, "Dashboard": 3.0, "Alarm": 0.1, "Fine": 0.3, "Math": 0.2}
    assert usd == pytest.approx(expected)


def test_efs_storage_is_priced_by_type_class_and_backup():
    stored = Stored(file_system_gib=100, infrequent_gib=50)
    assert cost(stored, Fs=efs()).usd == pytest.approx(100 * 0.30 + 50 * 0.025)
    assert cost(stored, Fs=efs(ThroughputMode="elastic")).usd == pytest.approx(100 * 0.30 + 50 * 0.016)
    zone = efs(AvailabilityZoneName="us-east-1a", BackupPolicy={"Status": "DISABLED"})
    assert cost(stored, Fs=zone).usd == pytest.approx(100 * 0.16 + 50 * 0.0133)
    backup = efs(BackupPolicy={"Status": "ENABLED"})
    assert cost(Stored(file_system_gib=100), Fs=backup).usd == pytest.approx(100 * 0.35)


def test_one_zone_is_backed_up_unless_the_template_says_otherwise():
    assert cost(Stored(file_system_gib=100), Fs=efs(AvailabilityZoneName="us-east-1a")).usd == pytest.approx(21)


def test_lustre_costs_its_whole_capacity():
    lustre = {
        "FileSystemType": "LUSTRE",
        "StorageCapacity": 1200,
        "LustreConfiguration": {"DeploymentType": "SCRATCH_2"},
    }
    assert cost(F={"Type": "AWS::FSx::FileSystem", "Properties": lustre}).usd == pytest.approx(168)


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        ({"Type": "AWS::RDS::DBInstance"}, "no price table"),
        ({"Type": "AWS::EC2::Instance", "Properties": {"InstanceType": "x9.huge"}}, "x9.huge"),
        (
            {"Type": "AWS::Batch::ComputeEnvironment", "Properties": {"ComputeResources": {"MinvCpus": 8}}},
            "keeps 8 vCPUs running",
        ),
        (
            {"Type": "AWS::FSx::FileSystem", "Properties": {"FileSystemType": "LUSTRE", "StorageCapacity": 1200}},
            "SCRATCH_1",
        ),
        (efs(ThroughputMode="provisioned", ProvisionedThroughputInMibps={"Ref": "X"}), "not in the template"),
        (
            {
                "Type": "AWS::EC2::VPCEndpoint",
                "Properties": {"VpcEndpointType": "Interface", "SubnetIds": {"Ref": "X"}},
            },
            "7.30 USD",
        ),
    ],
)
def test_what_may_cost_and_has_no_price_is_reported_and_never_silently_zero(resource, reason):
    (item,) = cost(Thing=resource).unpriced
    assert reason in item.reason
    assert item.resource == "Thing"


def test_a_parameter_counts_with_its_default():
    template = {
        "Parameters": {"Mibps": {"Type": "Number", "Default": 10}},
        "Resources": {"Fs": efs(ThroughputMode="provisioned", ProvisionedThroughputInMibps={"Ref": "Mibps"})},
    }
    assert idle_cost(template, PRICES, Stored(file_system_gib=0)).usd == pytest.approx(60)


def test_roles_queues_and_security_groups_are_free():
    free = ("AWS::IAM::Role", "AWS::Batch::JobQueue", "AWS::EC2::SecurityGroup", "Custom::Anything")
    estimate = cost(**{f"R{index}": {"Type": kind} for index, kind in enumerate(free)})
    assert (estimate.usd, estimate.unpriced) == (0, ())


def test_every_line_tells_the_date_and_the_confidence_of_its_price():
    for line in cost(Fs=efs(), Key={"Type": "AWS::KMS::Key"}).as_dict()["lines"]:
        assert line["priceAsOf"]
        assert line["priceConfidence"]
        assert line["priceSource"]


def test_a_price_cannot_be_negative():
    with pytest.raises(ValueError, match="greater than or equal"):
        Price(value=-1, unit="USD", source="s", as_of="d", confidence="c")
