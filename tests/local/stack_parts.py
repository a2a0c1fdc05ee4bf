"""Parts of the templates that tests deploy without the CDK."""

from collections.abc import Iterable
from typing import Any


def ref(name: str) -> dict[str, str]:
    return {"Ref": name}


def att(name: str, attribute: str) -> dict[str, list[str]]:
    return {"Fn::GetAtt": [name, attribute]}


def resource(type_name: str, depends_on: Iterable[str] = (), **properties: Any) -> dict[str, Any]:
    """A resource of a type of AWS, given without its `AWS::`."""
    found = {"Type": f"AWS::{type_name}", "Properties": properties}
    return {**found, "DependsOn": list(depends_on)} if depends_on else found


def subnet(cidr: str, zone: str) -> dict[str, Any]:
    """A subnet of the network below in a zone of us-east-1, `a` to `f`."""
    return resource("EC2::Subnet", VpcId=ref("Vpc"), CidrBlock=cidr, AvailabilityZone=f"us-east-1{zone}")


NETWORK = {
    "Vpc": resource("EC2::VPC", CidrBlock="10.0.0.0/16"),
    "Subnet": subnet("10.0.0.0/20", "a"),
    "Group": resource("EC2::SecurityGroup", VpcId=ref("Vpc"), GroupDescription="servers"),
    "Clients": resource("EC2::SecurityGroup", VpcId=ref("Vpc"), GroupDescription="clients"),
}
FILES = {
    **NETWORK,
    "Files": resource("EFS::FileSystem", Encrypted=True),
    "Target": resource(
        "EFS::MountTarget", FileSystemId=ref("Files"), SubnetId=ref("Subnet"), SecurityGroups=[ref("Group")]
    ),
}
"""An EFS file system with a mount target in the network."""
