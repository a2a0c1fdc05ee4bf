"""The network of a context: a VPC, owned or imported, and the subnets in which its jobs run."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2, aws_kms as kms, aws_logs as logs
from constructs import Construct

from .log_groups import new_log_group
from .nag import acknowledge, acknowledge_policies, in_compliance_packs

MAX_ZONES = 3
_PUBLIC_MASK = 22  # 1,019 addresses a zone
_PRIVATE_MASK = 19  # 8,187 addresses a zone: every instance and Fargate task takes one
_NO_EGRESS_RULE = "Annotation::@aws-cdk/aws-ec2:ipv4IgnoreEgressRule"


@dataclass(frozen=True)
class Placement:
    """Where the jobs of a context run.

    Attributes:
        vpc: The VPC.
        subnets: The subnets of the jobs.
        assign_public_ip: True when the subnets are public ones, in which a Fargate job reaches the internet (its
            container image, AWS's own endpoints) only with a public address.
        mount_subnets: The subnets of the file system, in the same zones: one mount target in each zone. They are the
            same for public and private jobs of a `Network`, so that a context can move between the two without a
            second mount target in a zone, which EFS refuses. Default: those of the jobs.
    """

    vpc: ec2.IVpc
    subnets: Sequence[ec2.ISubnet]
    assign_public_ip: bool = False
    mount_subnets: Sequence[ec2.ISubnet] = ()

    @staticmethod
    def of(where: "Placement | ec2.IVpc") -> "Placement":
        """A placement as it is; of a VPC, its private subnets with a way out.

        Args:
            where: The placement, or the VPC.

        Raises:
            TypeError: It is neither.
            ValueError: The VPC has no such subnets.
        """
        if isinstance(where, Placement):
            return where
        if not hasattr(where, "vpc_id"):
            message = f"placement must be a Placement or a VPC, got {where!r}; see Network(…).placement()"
            raise TypeError(message)
        if not where.private_subnets:
            raise ValueError("the VPC has no private subnets with a way out; give Network(…, vpc=…).placement()")
        return Placement(where, where.private_subnets)

    @cached_property
    def zone_names(self) -> set[str]:
        """The names of the zones of the jobs, as far as they are known when the template is made."""
        zones = {_zone(subnet) for subnet in self.subnets}
        return {zone for zone in zones if zone is not None and not cdk.Token.is_unresolved(zone)}

    @property
    def selection(self) -> ec2.SubnetSelection:
        """The subnets, as CDK constructs take them."""
        return ec2.SubnetSelection(subnets=list(self.subnets))

    def one_subnet_per_zone(self) -> list[ec2.ISubnet]:
        """The subnets for mount targets, the first of each zone: a file system may have one mount target in a zone.

        Of subnets imported by id alone the zone is not known; each is taken to be in a zone of its own.
        https://docs.aws.amazon.com/efs/latest/ug/accessing-fs.html
        """
        return list(self._by_zone.values())

    @cached_property
    def mount_subnet_ids(self) -> list[str]:
        """The ids of the constructs of those subnets."""
        return [subnet.node.id for subnet in self._by_zone.values()]

    @cached_property
    def _by_zone(self) -> dict[str, ec2.ISubnet]:
        by_zone: dict[str, ec2.ISubnet] = {}
        for subnet in self.mount_subnets or self.subnets:
            by_zone.setdefault(_zone(subnet) or subnet.node.path, subnet)
        return by_zone

    def in_zone(self, zone: str) -> "Placement":
        """The same placement, in one zone only.

        Args:
            zone: Name of the zone, such as `us-east-1a`.

        Raises:
            ValueError: No subnet is in that zone, or the zones are not known when the template is made.
        """
        names = sorted(self.zone_names)
        if not names:
            message = (
                f"cannot place anything in zone {zone!r}: the zones of the network are not known here; "
                "synthesize for a known account and region (CDK_DEFAULT_ACCOUNT, CDK_DEFAULT_REGION)"
            )
            raise ValueError(message)
        subnets = [subnet for subnet in self.subnets if _zone(subnet) == zone]
        if not subnets:
            message = f"the network has no subnet in zone {zone!r}; its zones are {', '.join(names)}"
            raise ValueError(message)
        mounts = [subnet for subnet in self.mount_subnets if _zone(subnet) == zone]
        return Placement(self.vpc, subnets, self.assign_public_ip, mounts)

    def in_one_zone(self) -> "Placement":
        """The same placement, in the zone of its first subnet only; where zones are not known, in that subnet."""
        first = self.subnets[0]
        zone = _zone(first)

        def there(subnets: Sequence[ec2.ISubnet]) -> list[ec2.ISubnet]:
            return [subnet for subnet in subnets if subnet is first or (zone is not None and _zone(subnet) == zone)]

        return Placement(self.vpc, there(self.subnets), self.assign_public_ip, there(self.mount_subnets))


def _zone(subnet: ec2.ISubnet) -> str | None:
    try:
        return subnet.availability_zone
    except RuntimeError:  # jsii's form of the L2's "cannot reference an attribute of an imported subnet"
        return None


def client_security_group(scope: Construct, vpc: ec2.IVpc, description: str) -> ec2.SecurityGroup:
    """Define the security group `SecurityGroup` of clients of a file system: nothing is let in, everything out.

    Args:
        scope: Where it lives.
        vpc: The VPC.
        description: Whose it is.
    """
    group = ec2.SecurityGroup(scope, "SecurityGroup", vpc=vpc, description=description)
    # Rules are written from the client's side, so that storage may be in another stack; CDK then says that it adds
    # none here, since all outbound traffic is allowed.
    acknowledge(group, "All outbound traffic is allowed already.", _NO_EGRESS_RULE)
    return group


class Network(Construct):
    """The VPC that the contexts of a project share, with a free gateway endpoint for S3.

    Args:
        scope: Where the construct lives.
        id: Its name there.
        vpc: A VPC to use. Default: a new one.
        subnets: The subnets to use in `vpc`. Default: its private subnets with a way out, and for public placements
            its public ones.
        nat_gateways: NAT gateways of a new VPC, 0 to 3. Default: one. With 0 the private subnets have no way out: jobs
            run in public subnets only, and file systems keep their mount targets in the private ones.
        encryption_key: Key for the flow logs of a new VPC. Default: the key of CloudWatch Logs.

    Attributes:
        vpc: The VPC.

    Security considerations:
        Nothing of this construct lets traffic in. Subnets of an imported VPC are used as they are: their routes and
        network ACLs are yours to check.

    Cost:
        A NAT gateway costs 32.85 USD a month in us-east-1, idle, and 0.045 USD for each GB that passes it; traffic to
        S3 does not pass it. Public subnets cost nothing, and each address in use 0.005 USD an hour.
        https://aws.amazon.com/vpc/pricing/
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        vpc: ec2.IVpc | None = None,
        subnets: Sequence[ec2.ISubnet] | None = None,
        nat_gateways: int = 1,
        encryption_key: kms.IKey | None = None,
    ) -> None:
        super().__init__(scope, id)
        if subnets and vpc is None:
            raise ValueError("subnets are given without the vpc they are in; give the vpc too")
        if not 0 <= nat_gateways <= MAX_ZONES:
            message = f"nat_gateways must be 0 to {MAX_ZONES}, got {nat_gateways}"
            raise ValueError(message)
        self._subnets = list(subnets) if subnets else None
        self._placements: dict[bool, Placement] = {}
        self.vpc: ec2.IVpc = vpc if vpc is not None else self._new_vpc(nat_gateways, encryption_key)

    def placement(self, *, public: bool = False) -> Placement:
        """Where jobs run.

        Args:
            public: True for public subnets, without NAT: every job gets an address of its own.

        Raises:
            ValueError: The network has no such subnets.
        """
        if public not in self._placements:
            self._placements[public] = self._new_placement(public=public)
        return self._placements[public]

    def _new_placement(self, *, public: bool) -> Placement:
        if self._subnets is not None:
            return Placement(self.vpc, self._subnets, public)
        subnets = self.vpc.public_subnets if public else self.vpc.private_subnets
        if not subnets:
            kind, remedy = (
                ("public", "give subnets, or do not ask for public ones")
                if public
                else ("private", "give a NAT gateway (natGateways: 1), subnets, or ask for public ones")
            )
            message = f"the network has no {kind} subnets with a way out; {remedy}"
            raise ValueError(message)
        return Placement(self.vpc, subnets, public, self._mount_subnets(subnets))

    def _mount_subnets(self, subnets: Sequence[ec2.ISubnet]) -> list[ec2.ISubnet]:
        """One fixed subnet for each zone in which jobs run: a private one where there is one, whoever asks."""
        zones = {_zone(subnet) for subnet in subnets}
        everywhere = (*self.vpc.private_subnets, *self.vpc.isolated_subnets, *self.vpc.public_subnets)
        return [subnet for subnet in everywhere if _zone(subnet) in zones]

    def _new_vpc(self, nat_gateways: int, key: kms.IKey | None) -> ec2.Vpc:
        zones = cdk.Stack.of(self).availability_zones[:MAX_ZONES]
        public = ec2.SubnetConfiguration(name="Public", subnet_type=ec2.SubnetType.PUBLIC, cidr_mask=_PUBLIC_MASK)
        # Private subnets are always there, with or without a way out: what lives in them is never moved.
        private = ec2.SubnetConfiguration(
            name="Private",
            subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS if nat_gateways else ec2.SubnetType.PRIVATE_ISOLATED,
            cidr_mask=_PRIVATE_MASK,
        )
        vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr("10.0.0.0/16"),
            availability_zones=zones,
            # Room for the zones that are not there: a third zone later moves no subnet.
            reserved_azs=MAX_ZONES - len(zones),
            nat_gateways=nat_gateways,
            subnet_configuration=[public, private],
            enable_dns_hostnames=True,  # both are needed to mount EFS by name
            enable_dns_support=True,
            gateway_endpoints={"S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3)},
            # CDK would close the default group with a Lambda function; nothing of ours uses the group.
            restrict_default_security_group=False,
        )
        log_group = new_log_group(self, "FlowLogs", retention=logs.RetentionDays.ONE_MONTH, encryption_key=key)
        vpc.add_flow_log(
            "FlowLog",
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(log_group),
            traffic_type=ec2.FlowLogTrafficType.REJECT,
        )
        self._acknowledge(vpc)
        return vpc

    def _acknowledge(self, vpc: ec2.Vpc) -> None:
        acknowledge_policies(vpc, {})
        acknowledge(
            vpc,
            "No instance, task or mount target is a member of the default security group.",
            *in_compliance_packs("VPCDefaultSecurityGroupClosed"),
        )
        acknowledge(
            vpc,
            "A public subnet is one whose route leads to the internet gateway and whose instances have an address. "
            "No security group here lets traffic in, and jobs run there only when the context asks for public subnets.",
            *in_compliance_packs("VPCNoUnrestrictedRouteToIGW", "VPCSubnetAutoAssignPublicIpDisabled"),
        )
