"""What the services behind CloudFormation refuse when a resource is made, beyond its schema."""

import base64
import binascii
from collections.abc import Iterable, Mapping
from ipaddress import ip_network
from typing import Any

Record = Mapping[str, Any]

MAX_USER_DATA = 16384
LUSTRE_PORT = 988
_ALL = "-1"


def check_user_data(properties: Record) -> None:
    """Refuse user data of more than 16 KiB; EC2 counts them as they were before base64.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html

    Raises:
        ValueError: In the words of EC2.
    """
    data = properties.get("LaunchTemplateData", properties).get("UserData")
    if data is None:
        return
    try:
        decoded = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("Invalid BASE64 encoding of user data. (InvalidUserData.Malformed)") from error
    if len(decoded) > MAX_USER_DATA:
        raise ValueError(f"User data is limited to {MAX_USER_DATA} bytes (InvalidUserData.Malformed)")


def check_cidr(properties: Record, vpc: Record | None, subnets: Iterable[Record]) -> None:
    """Refuse a subnet outside of its VPC, and one that overlaps another.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSubnet.html

    Raises:
        ValueError: In the words of EC2.
    """
    cidr = properties.get("CidrBlock")
    if cidr is None:
        return
    if vpc is None:
        raise ValueError(f"The vpc ID '{properties.get('VpcId')}' does not exist")
    network = ip_network(cidr)
    ranges = [vpc["CidrBlock"], *(one["CidrBlock"] for one in vpc.get("CidrBlockAssociationSet", ()))]
    if not any(_inside(network, ip_network(one)) for one in ranges):
        raise ValueError(f"The CIDR '{cidr}' is invalid.")
    others = (one["CidrBlock"] for one in subnets if one["VpcId"] == properties.get("VpcId"))
    if any(network.overlaps(ip_network(one)) for one in others if one):
        raise ValueError(f"The CIDR '{cidr}' conflicts with another subnet")


def check_lustre_rules(groups: Iterable[str], known: Mapping[str, Record]) -> None:
    """Refuse a Lustre file system whose servers may not reach each other when it is made.

    https://docs.aws.amazon.com/fsx/latest/LustreGuide/limit-access-security-groups.html

    Raises:
        ValueError: In the words of FSx.
    """
    wanted = list(groups)
    if not wanted:
        return
    directions = ("IpPermissions", "IpPermissionsEgress")
    rules = {direction: [rule for group in wanted for rule in known[group][direction]] for direction in directions}
    if not all(any(_permits(rule, wanted) for rule in rules[direction]) for direction in directions):
        raise ValueError(
            "The file system cannot be created because the default security group in the subnet provided or the "
            f"provided security groups do not permit Lustre LNET network traffic on port {LUSTRE_PORT}"
        )


def _permits(rule: Record, groups: list[str]) -> bool:
    if rule["IpProtocol"] != _ALL:
        if rule["IpProtocol"] not in ("tcp", "6"):
            return False
        if not int(rule.get("FromPort", 0)) <= LUSTRE_PORT <= int(rule.get("ToPort", 65535)):
            return False
    pairs = (pair.get("GroupId") for pair in rule.get("UserIdGroupPairs", ()))
    return bool(rule.get("IpRanges")) or any(group in groups for group in pairs)


def _inside(network: Any, whole: Any) -> bool:
    return network.version == whole.version and bool(network.subnet_of(whole))
