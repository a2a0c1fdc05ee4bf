"""Network and Placement: subnets, ways out, and where mount targets and jobs are put."""

import json

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from templates import Template, only, resources

from workflow_context import Network, Placement


@pytest.fixture(scope="module")
def stack() -> cdk.Stack:
    return cdk.Stack(cdk.App(), "Stack")


@pytest.fixture(scope="module")
def network(stack: cdk.Stack) -> Network:
    return Network(stack, "Network")


@pytest.fixture(scope="module")
def template(stack: cdk.Stack, network: Network) -> Template:
    assert network.vpc
    found: Template = cdk.assertions.Template.from_stack(stack).to_json()
    return found


@pytest.fixture(scope="module")
def elsewhere() -> cdk.Stack:
    return cdk.Stack(cdk.App(), "Elsewhere")


def imported(stack: cdk.Stack, id: str, zones: list[str | None], vpc_id: str = "vpc-1") -> Network:
    """The network of somebody else's subnets, one for each zone; of None the zone is not known."""
    vpc = ec2.Vpc.from_vpc_attributes(stack, f"{id}Vpc", vpc_id=vpc_id, availability_zones=["us-east-1a"])
    subnets = [
        ec2.Subnet.from_subnet_attributes(stack, f"{id}{number}", subnet_id=f"subnet-{number}", availability_zone=zone)
        if zone
        else ec2.Subnet.from_subnet_id(stack, f"{id}{number}", f"subnet-{number}")
        for number, zone in enumerate(zones)
    ]
    return Network(stack, id, vpc=vpc, subnets=subnets)


def ids(subnets: list[ec2.ISubnet]) -> list[str]:
    return [subnet.subnet_id for subnet in subnets]


class TestNewVpc:
    def test_file_systems_can_be_mounted_by_name(self, template: Template) -> None:
        vpc = only(template, "AWS::EC2::VPC")
        assert (vpc["EnableDnsHostnames"], vpc["EnableDnsSupport"]) == (True, True)

    def test_traffic_to_s3_passes_no_nat_gateway(self, template: Template) -> None:
        endpoint = only(template, "AWS::EC2::VPCEndpoint")
        assert endpoint["VpcEndpointType"] == "Gateway"
        assert json.dumps(endpoint["ServiceName"]).endswith('".s3"]]}')
        routed = {one["Ref"] for one in endpoint["RouteTableIds"]}
        assert routed == set(resources(template, "AWS::EC2::RouteTable"))

    def test_one_nat_gateway_is_the_way_out_of_every_private_subnet(self, template: Template) -> None:
        [gateway] = resources(template, "AWS::EC2::NatGateway")
        routes = [
            one["Properties"]
            for name, one in resources(template, "AWS::EC2::Route").items()
            if "NatGatewayId" in one["Properties"]
        ]
        assert [one["NatGatewayId"]["Ref"] for one in routes] == [gateway] * 2

    def test_private_subnets_have_8192_addresses_and_public_ones_1024(self, template: Template) -> None:
        masks = {
            ("Private" if "Private" in name else "Public", one["Properties"]["CidrBlock"].split("/")[1])
            for name, one in resources(template, "AWS::EC2::Subnet").items()
        }
        assert masks == {("Private", "19"), ("Public", "22")}

    def test_refused_traffic_is_noted_for_a_month(self, template: Template) -> None:
        assert only(template, "AWS::EC2::FlowLog")["TrafficType"] == "REJECT"
        assert only(template, "AWS::Logs::LogGroup")["RetentionInDays"] == 30

    def test_nothing_is_let_in(self, template: Template) -> None:
        for type_ in ("AWS::EC2::SecurityGroup", "AWS::EC2::SecurityGroupIngress", "AWS::EC2::NetworkAclEntry"):
            assert not resources(template, type_)


class TestPlacement:
    def test_jobs_are_private_unless_asked_otherwise(self, network: Network) -> None:
        private, public = network.placement(), network.placement(public=True)
        assert ids(private.subnets) == ids(network.vpc.private_subnets)
        assert not private.assign_public_ip
        assert ids(public.subnets) == ids(network.vpc.public_subnets)
        assert public.assign_public_ip

    def test_mount_targets_are_the_same_for_private_and_public_jobs(self, network: Network) -> None:
        private, public = network.placement(), network.placement(public=True)
        assert ids(private.one_subnet_per_zone()) == ids(public.one_subnet_per_zone())
        assert ids(private.one_subnet_per_zone()) == ids(network.vpc.private_subnets)

    def test_of_a_vpc_it_is_its_private_subnets(self, network: Network) -> None:
        assert ids(Placement.of(network.vpc).subnets) == ids(network.vpc.private_subnets)

    def test_of_a_placement_it_is_itself(self, network: Network) -> None:
        placement = network.placement()
        assert Placement.of(placement) is placement

    def test_fails_when_it_is_of_something_else(self) -> None:
        with pytest.raises(TypeError, match="placement must be a Placement or a VPC, got 'vpc-1'"):
            Placement.of("vpc-1")  # type: ignore[arg-type]

    def test_fails_when_the_vpc_has_no_private_subnets(self, elsewhere: cdk.Stack) -> None:
        vpc = ec2.Vpc.from_vpc_attributes(elsewhere, "None", vpc_id="vpc-2", availability_zones=["us-east-1a"])
        with pytest.raises(ValueError, match="the VPC has no private subnets with a way out"):
            Placement.of(vpc)
        with pytest.raises(ValueError, match="the network has no public subnets with a way out; give subnets"):
            Network(elsewhere, "Public", vpc=vpc).placement(public=True)


class TestZones:
    def test_one_subnet_of_each_zone_gets_a_mount_target(self, elsewhere: cdk.Stack) -> None:
        network = imported(elsewhere, "Two", ["us-east-1a", "us-east-1a", "us-east-1b"])
        assert ids(network.placement().one_subnet_per_zone()) == ["subnet-0", "subnet-2"]
        assert network.placement().zone_names == {"us-east-1a", "us-east-1b"}

    def test_subnets_of_unknown_zones_are_taken_for_zones_of_their_own(self, elsewhere: cdk.Stack) -> None:
        placement = imported(elsewhere, "Unknown", [None, None]).placement()
        assert ids(placement.one_subnet_per_zone()) == ["subnet-0", "subnet-1"]
        assert placement.zone_names == set()
        assert ids(placement.in_one_zone().subnets) == ["subnet-0"]

    def test_in_a_zone_are_its_subnets_only(self, elsewhere: cdk.Stack) -> None:
        placement = imported(elsewhere, "Some", ["us-east-1b", "us-east-1a", "us-east-1b"]).placement()
        assert ids(placement.in_zone("us-east-1a").subnets) == ["subnet-1"]
        assert ids(placement.in_one_zone().subnets) == ["subnet-0", "subnet-2"]

    def test_fails_when_no_subnet_is_in_the_zone(self, elsewhere: cdk.Stack) -> None:
        placement = imported(elsewhere, "Wrong", ["us-east-1a"]).placement()
        with pytest.raises(ValueError, match="no subnet in zone 'us-east-1f'; its zones are us-east-1a"):
            placement.in_zone("us-east-1f")

    def test_fails_when_zones_are_not_known(self, elsewhere: cdk.Stack) -> None:
        with pytest.raises(ValueError, match="the zones of the network are not known here"):
            imported(elsewhere, "Blind", [None]).placement().in_zone("us-east-1a")
