"""The network and the bucket that the contexts of a project share."""

import aws_cdk as cdk
import pytest
from aws_cdk import assertions, aws_ec2 as ec2
from templates import ACCOUNT, REGION, ZONES, resources

from workflow_context import Network
from workflow_stacks import CoreStack


def template_of(**arguments) -> dict:
    app = cdk.App(context=ZONES)
    return assertions.Template.from_stack(CoreStack(app, "Core", **arguments)).to_json()


def test_the_default_is_one_nat_gateway_and_private_subnets() -> None:
    template = template_of()
    assert len(resources(template, "AWS::EC2::NatGateway")) == 1
    assert len(resources(template, "AWS::EC2::Subnet")) == 4  # two zones, where the account is not known


def test_a_known_account_gives_three_zones() -> None:
    template = template_of(env=cdk.Environment(account=ACCOUNT, region=REGION))
    assert len(resources(template, "AWS::EC2::Subnet")) == 6


def test_a_third_zone_moves_no_subnet() -> None:
    def ranges(template: dict) -> set[str]:
        return {one["Properties"]["CidrBlock"] for one in resources(template, "AWS::EC2::Subnet").values()}

    assert ranges(template_of()) < ranges(template_of(env=cdk.Environment(account=ACCOUNT, region=REGION)))


def test_without_nat_every_subnet_stays_what_it_was() -> None:
    def subnets(template: dict) -> dict[str, tuple]:
        return {
            name: tuple(str(one["Properties"][key]) for key in ("CidrBlock", "AvailabilityZone", "MapPublicIpOnLaunch"))
            for name, one in resources(template, "AWS::EC2::Subnet").items()
        }

    template = template_of(nat_gateways=0)
    assert not resources(template, "AWS::EC2::NatGateway")
    assert subnets(template) == subnets(template_of())


def test_an_imported_vpc_makes_nothing_of_a_network() -> None:
    template = template_of(vpc_id="vpc-1", subnet_ids=["subnet-1", "subnet-2"])
    assert not [one["Type"] for one in template["Resources"].values() if one["Type"].startswith("AWS::EC2::")]


def test_buckets_go_when_told_so() -> None:
    template = template_of(bucket_removal_policy=cdk.RemovalPolicy.DESTROY)
    assert {one["DeletionPolicy"] for one in resources(template, "AWS::S3::Bucket").values()} == {"Delete"}


class TestPlacement:
    def test_fails_when_there_are_no_such_subnets(self) -> None:
        network = Network(cdk.Stack(), "Network", nat_gateways=0)
        with pytest.raises(ValueError, match="no private subnets with a way out; give a NAT gateway"):
            network.placement()

    def test_fails_when_the_zones_are_not_known(self) -> None:
        placement = Network(cdk.Stack(), "Network").placement()
        with pytest.raises(ValueError, match="the zones of the network are not known here; synthesize for a known acc"):
            placement.in_zone("us-east-1a")

    def test_fails_when_the_network_is_not_in_the_zone(self) -> None:
        stack = cdk.Stack(cdk.App(context=ZONES), "S", env=cdk.Environment(account=ACCOUNT, region=REGION))
        placement = Network(stack, "Network").placement()
        with pytest.raises(ValueError, match="no subnet in zone 'us-east-1f'; its zones are us-east-1a, us-east-1b"):
            placement.in_zone("us-east-1f")

    def test_two_subnets_of_a_zone_give_one_mount_target(self) -> None:
        stack = cdk.Stack()
        subnets = [
            ec2.Subnet.from_subnet_attributes(stack, name, subnet_id=name, availability_zone=zone)
            for name, zone in (("a1", "a"), ("a2", "a"), ("b1", "b"))
        ]
        vpc = ec2.Vpc.from_vpc_attributes(stack, "Vpc", vpc_id="vpc-1", availability_zones=["a", "b"])
        placement = Network(stack, "Network", vpc=vpc, subnets=subnets).placement()
        assert [subnet.subnet_id for subnet in placement.one_subnet_per_zone()] == ["a1", "b1"]

    def test_fails_when_subnets_come_without_their_vpc(self) -> None:
        stack = cdk.Stack()
        with pytest.raises(ValueError, match="give the vpc too"):
            Network(stack, "Network", subnets=[ec2.Subnet.from_subnet_id(stack, "S", "subnet-1")])

    @pytest.mark.parametrize("count", [-1, 4])
    def test_fails_when_there_are_more_nat_gateways_than_zones(self, count: int) -> None:
        with pytest.raises(ValueError, match=f"nat_gateways must be 0 to 3, got {count}"):
            Network(cdk.Stack(), "Network", nat_gateways=count)
