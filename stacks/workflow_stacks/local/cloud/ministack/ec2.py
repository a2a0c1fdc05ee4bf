"""EC2: the types that ministack lacks, and what it deletes although AWS would not."""

import secrets
from collections.abc import Callable
from typing import Any

from ministack.services import ec2, ssm
from ministack.services.cloudformation import provisioners

from .file_systems import mounts
from .handlers import Created, Properties, accepted

_IMAGES = {
    f"/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-6.1-{processor}": "ami-0c2023a1b2c3d4e5f"
    for processor in ("x86_64", "arm64")
}
"""Public parameters with the newest Amazon Linux 2023, by the names that the CDK asks for."""

_delete_security_group = provisioners._ec2_sg_delete
_delete_subnet = provisioners._ec2_subnet_delete
_delete_vpc = provisioners._RESOURCE_HANDLERS["AWS::EC2::VPC"]["delete"]


def install() -> None:
    """Refuse to delete what is in use, and know the images of Amazon."""
    ssm._PUBLIC_AMI_PARAMETERS |= _IMAGES
    for name, delete in (("SecurityGroup", _group_delete), ("Subnet", _subnet_delete), ("VPC", _vpc_delete)):
        provisioners._RESOURCE_HANDLERS[f"AWS::EC2::{name}"]["delete"] = delete


def handlers() -> dict[str, dict[str, Callable[..., Any]]]:
    """The handlers of the types that ministack lacks."""
    return {
        "AWS::EC2::EIP": {"create": _address_create, "update": _address_update, "delete": _address_delete},
        "AWS::EC2::NatGateway": {
            "create": _nat_create,
            "update": _tags_update("NatGatewayId"),
            "delete": _forget(ec2._nat_gateways),
        },
        "AWS::EC2::FlowLog": {
            "create": _flow_log_create,
            "update": _tags_update("Id"),
            "delete": _forget(ec2._flow_logs),
        },
        "AWS::EC2::Instance": {"create": _instance_create, "update": _instance_update, "delete": _instance_delete},
        "AWS::EC2::SecurityGroupIngress": _rule_handlers("IpPermissions"),
        "AWS::EC2::SecurityGroupEgress": _rule_handlers("IpPermissionsEgress"),
    }


def _new_record(store: Any, create: Callable[[Properties], Any], request: Properties) -> str:
    """Call an EC2 action of ministack, whose answer is XML, and return the id of what it made."""
    before = set(store)
    accepted(create({key: [value] for key, value in request.items() if value}))
    return str((set(store) - before).pop())


def _forget(store: Any) -> Callable[[str, Properties], None]:
    def delete(physical_id: str, _properties: Properties) -> None:
        store.pop(physical_id, None)
        ec2._tags.pop(physical_id, None)

    return delete


def _tags_update(attribute: str) -> Callable[..., Created]:
    def update(physical_id: str, old: Properties, new: Properties, _stack: str) -> Created:
        provisioners._ec2_apply_tags(physical_id, new, old)
        return physical_id, {attribute: physical_id}

    return update


def _address_create(_logical_id: str, properties: Properties, _stack: str) -> Created:
    allocation = _new_record(ec2._addresses, ec2._allocate_address, {"Domain": "vpc"})
    provisioners._ec2_apply_tags(allocation, properties)
    address = ec2._addresses[allocation]["PublicIp"]
    return address, {"AllocationId": allocation, "PublicIp": address}


def _address_delete(address: str, _properties: Properties) -> None:
    for allocation in _allocations(address):
        ec2._release_address({"AllocationId": [allocation]})


def _address_update(address: str, old: Properties, new: Properties, _stack: str) -> Created:
    [allocation] = _allocations(address)
    provisioners._ec2_apply_tags(allocation, new, old)
    return address, {"AllocationId": allocation, "PublicIp": address}


def _allocations(address: str) -> list[str]:
    return [key for key, record in ec2._addresses.items() if record["PublicIp"] == address]


def _nat_create(_logical_id: str, properties: Properties, _stack: str) -> Created:
    allocation = properties.get("AllocationId")
    if any(record["AllocationId"] == allocation for record in ec2._nat_gateways.values()):
        raise ValueError(f"Elastic IP address [{allocation}] is already associated")
    request = {key: properties.get(key) for key in ("SubnetId", "AllocationId", "ConnectivityType")}
    gateway = _new_record(ec2._nat_gateways, ec2._create_nat_gateway, request)
    provisioners._ec2_apply_tags(gateway, properties)
    return gateway, {"NatGatewayId": gateway}


def _flow_log_create(_logical_id: str, properties: Properties, _stack: str) -> Created:
    request = {"ResourceId.1": properties["ResourceId"], **properties}
    flow_log = _new_record(ec2._flow_logs, ec2._create_flow_logs, request)
    provisioners._ec2_apply_tags(flow_log, properties)
    return flow_log, {"Id": flow_log}


def _instance_create(_logical_id: str, properties: Properties, _stack: str) -> Created:
    """An instance that is kept and never boots."""
    [interface] = properties.get("NetworkInterfaces") or [properties]
    subnet = interface.get("SubnetId")
    if subnet not in ec2._subnets:
        raise ValueError(f"The subnet ID '{subnet}' does not exist")
    groups = interface.get("GroupSet") or properties.get("SecurityGroupIds") or []
    request = {
        **{key: properties.get(key) for key in ("ImageId", "InstanceType", "KeyName", "UserData")},
        "SubnetId": subnet,
        "IamInstanceProfile.Name": properties.get("IamInstanceProfile"),
        **{f"SecurityGroupId.{number}": group for number, group in enumerate(groups, start=1)},
    }
    instance = _new_record(ec2._instances, ec2._run_instances, request)
    provisioners._ec2_apply_tags(instance, properties)
    return instance, _instance_attributes(instance)


def _instance_update(instance: str, old: Properties, new: Properties, _stack: str) -> Created:
    ec2._instances[instance]["InstanceType"] = new["InstanceType"]
    provisioners._ec2_apply_tags(instance, new, old)
    return instance, _instance_attributes(instance)


def _instance_attributes(instance: str) -> Properties:
    record = ec2._instances[instance]
    return {"InstanceId": instance, "PrivateIp": record.get("PrivateIpAddress", ""), "VpcId": record.get("VpcId", "")}


def _instance_delete(instance: str, properties: Properties) -> None:
    if instance in ec2._instances:
        ec2._terminate_instances({"InstanceId.1": [instance]})
        _forget(ec2._instances)(instance, properties)


def _rule_handlers(direction: str) -> dict[str, Any]:
    """Rules that stand beside their security group, as CDK writes them between two groups."""

    def create(_logical_id: str, properties: Properties, _stack: str) -> Created:
        rules, rule = _rules(properties)
        if rule in rules:
            raise ValueError(f"the specified rule already exists in {properties['GroupId']}")
        rules.append(rule)
        return f"sgr-{secrets.token_hex(8)}", {}

    def delete(_physical_id: str, properties: Properties) -> None:
        if properties["GroupId"] in ec2._security_groups:
            rules, rule = _rules(properties)
            if rule in rules:
                rules.remove(rule)

    def _rules(properties: Properties) -> tuple[list[Any], Any]:
        other = properties.get("SourceSecurityGroupId") or properties.get("DestinationSecurityGroupId")
        for group in filter(None, (properties["GroupId"], other)):
            if group not in ec2._security_groups:
                raise ValueError(f"The security group '{group}' does not exist")
        [rule] = provisioners._ec2_sg_permissions([properties])
        return ec2._security_groups[properties["GroupId"]][direction], rule

    return {"create": create, "delete": delete}


def _group_delete(group: str, properties: Properties) -> None:
    in_rules = any(
        pair.get("GroupId") == group
        for other_id, other in ec2._security_groups.items()
        for permission in other["IpPermissions"] + other["IpPermissionsEgress"]
        for pair in permission.get("UserIdGroupPairs", [])
        if other_id != group
    )
    if in_rules or any(group in groups for _, groups in mounts()):
        raise ValueError(f"resource {group} has a dependent object")
    _delete_security_group(group, properties)


def _subnet_delete(subnet: str, properties: Properties) -> None:
    in_gateways = any(gateway["SubnetId"] == subnet for gateway in ec2._nat_gateways.values())
    if in_gateways or any(subnet in subnets for subnets, _ in mounts()):
        raise ValueError(f"The subnet '{subnet}' has dependencies and cannot be deleted.")
    _delete_subnet(subnet, properties)


def _vpc_delete(vpc: str, properties: Properties) -> None:
    groups = (group for group in ec2._security_groups.values() if group.get("GroupName") != "default")
    if any(one.get("VpcId") == vpc for one in (*ec2._subnets.values(), *groups)):
        raise ValueError(f"The vpc '{vpc}' has dependencies and cannot be deleted.")
    _delete_vpc(vpc, properties)
