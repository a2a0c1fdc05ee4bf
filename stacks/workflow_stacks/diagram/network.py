"""Subnets by where they lead, and what stands in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from workflow_context.models.cfn import Resource, Stacks

from .graph import Edge, Node

_EVERYWHERE = ("0.0.0.0/0", "::/0")
_WAYS = {"NatGatewayId": "private subnets", "GatewayId": "public subnets"}
_NOWHERE = "isolated subnets"


@dataclass
class _Group:
    name: str
    vpc: str
    subnets: list[Resource] = field(default_factory=list)
    ways: dict[str, None] = field(default_factory=dict)
    tables: dict[str, None] = field(default_factory=dict)


class Network:
    """The subnets of some stacks, those of one kind as one."""

    def __init__(self, stacks: Stacks) -> None:
        self._stacks = stacks
        tables: dict[str, str] = {}
        for association in stacks.of_type("AWS::EC2::SubnetRouteTableAssociation"):
            for id in stacks.referred(association.get("SubnetId")):
                tables[id] = next(iter(stacks.referred(association.get("RouteTableId"))), "")
        self._groups: dict[str, _Group] = {}
        for subnet in stacks.of_type("AWS::EC2::Subnet"):
            name, ways = self._ways(tables.get(subnet.id, ""))
            vpc = next(iter(stacks.referred(subnet.get("VpcId"))), "")
            group = self._groups.setdefault(f"{vpc}/{name}", _Group(name, vpc))
            group.subnets.append(subnet)
            group.ways.update(dict.fromkeys(ways))
            group.tables[tables.get(subnet.id, "")] = None

    def _ways(self, table: str) -> tuple[str, list[str]]:
        for route in self._stacks.of_type("AWS::EC2::Route"):
            leads_out = route.get("DestinationCidrBlock") in _EVERYWHERE
            if leads_out and table in self._stacks.referred(route.get("RouteTableId")):
                for key, name in _WAYS.items():
                    if route.get(key):
                        return name, self._stacks.referred(route.get(key))
        return _NOWHERE, []

    def nodes(self) -> Iterator[Node]:
        """Yield a node for each kind of subnets."""
        for id, group in self._groups.items():
            count = len(group.subnets)
            zones = "1 zone" if count == 1 else f"{count} zones"
            cidrs = ", ".join(str(subnet.get("CidrBlock")) for subnet in group.subnets)
            yield Node(id, "subnets", group.name, "AWS::EC2::Subnet", (zones, cidrs), group.vpc)

    def edges(self) -> Iterator[Edge]:
        """Yield the ways out: default routes, and gateway endpoints."""
        for id, group in self._groups.items():
            yield from (Edge(id, way, "routes") for way in group.ways)
            for endpoint in self._stacks.of_type("AWS::EC2::VPCEndpoint"):
                if group.tables.keys() & set(self._stacks.referred(endpoint.get("RouteTableIds"))):
                    yield Edge(id, endpoint.id, "routes")
        for attachment in self._stacks.of_type("AWS::EC2::VPCGatewayAttachment"):
            for gateway in self._stacks.referred(attachment.get("InternetGatewayId")):
                public = (id for id, group in self._groups.items() if gateway in group.ways)
                inside = [
                    nat.id
                    for nat in self._stacks.of_type("AWS::EC2::NatGateway")
                    if self.of(nat.get("SubnetId")) in set(public)
                ]
                yield from (Edge(nat, gateway, "routes") for nat in inside)

    def of(self, subnets: Any) -> str:
        """Return the id of the subnets' node, or "" for subnets of no stack."""
        for subnet in self._stacks.referred(subnets):
            for id, group in self._groups.items():
                if any(each.id == subnet for each in group.subnets):
                    return id
        return ""
