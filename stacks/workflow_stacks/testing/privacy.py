"""Whether anything of some templates can be reached from the internet, or read by anybody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from workflow_context.models.cfn import Resource, Stacks

_EVERYBODY = ("0.0.0.0/0", "::/0")
_BLOCKS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")


def assert_private(templates: Mapping[str, Any]) -> None:
    """Assert that no job, machine, bucket or file system of some templates is public.

    No ingress from everywhere; no public address for jobs, machines or databases; all public-access blocks on every
    bucket; no policy of a resource that allows everybody something without a condition; no function URL without
    authorization.

    Args:
        templates: The templates by stack name, as `synth` returns them, or a single template.

    Raises:
        AssertionError: Something is public; the message names each resource and why.
    """
    stacks = Stacks({"Stack": templates} if "Resources" in templates else templates)
    found = [f"{resource.id} ({resource.type}): {why}" for resource in stacks for why in _public(resource, stacks)]
    if found:
        raise AssertionError("not private:\n" + "\n".join(f"  {line}" for line in found))


def _public(resource: Resource, stacks: Stacks) -> Iterator[str]:
    match resource.type:
        case "AWS::EC2::SecurityGroup":
            for rule in resource.items("SecurityGroupIngress") or []:
                yield from _open_rule(rule)
        case "AWS::EC2::SecurityGroupIngress":
            yield from _open_rule(resource.properties)
        case "AWS::EC2::LaunchTemplate":
            for interface in resource.get("LaunchTemplateData", "NetworkInterfaces") or []:
                if _true(interface.get("AssociatePublicIpAddress")):
                    yield "instances get a public address"
        case "AWS::EC2::Instance":
            for interface in resource.items("NetworkInterfaces") or []:
                if _true(interface.get("AssociatePublicIpAddress")):
                    yield "the instance gets a public address"
        case "AWS::Batch::ComputeEnvironment":
            yield from _public_subnets(resource, stacks)
        case "AWS::Batch::JobDefinition":
            address = resource.get("ContainerProperties", "NetworkConfiguration", "AssignPublicIp")
            if address == "ENABLED":
                yield "jobs get a public address"
        case "AWS::S3::Bucket":
            blocks = resource.get("PublicAccessBlockConfiguration") or {}
            if missing := [name for name in _BLOCKS if not _true(blocks.get(name))]:
                yield f"public access is not blocked: {', '.join(missing)}"
        case "AWS::RDS::DBInstance":
            if _true(resource.get("PubliclyAccessible")):
                yield "the database is publicly accessible"
        case "AWS::Lambda::Url":
            if resource.get("AuthType") == "NONE":
                yield "the function URL asks for no authorization"
        case _:
            pass
    for name in ("PolicyDocument", "KeyPolicy", "FileSystemPolicy", "ResourcePolicy"):
        yield from _open_policy(resource.get(name))


def _public_subnets(resource: Resource, stacks: Stacks) -> Iterator[str]:
    for subnet in stacks.referred(resource.get("ComputeResources", "Subnets")):
        found = stacks.get(subnet)
        if found and _true(found.get("MapPublicIpOnLaunch")):
            yield f"machines get a public address in the subnet {subnet}"


def _open_rule(rule: Mapping[str, Any]) -> Iterator[str]:
    for key in ("CidrIp", "CidrIpv6"):
        if rule.get(key) in _EVERYBODY:
            ports = rule.get("FromPort", "all"), rule.get("ToPort", "all")
            yield f"ingress from {rule[key]} to the ports {ports[0]} to {ports[1]}"


def _open_policy(document: Any) -> Iterator[str]:
    statements = document.get("Statement", []) if isinstance(document, Mapping) else []
    for statement in statements if isinstance(statements, list) else [statements]:
        principal = statement.get("Principal")
        everybody = principal == "*" or (isinstance(principal, Mapping) and "*" in _list(principal.get("AWS")))
        if everybody and statement.get("Effect") == "Allow" and not statement.get("Condition"):
            yield f"anybody is allowed {', '.join(map(str, _list(statement.get('Action'))))}"


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _true(value: Any) -> bool:
    return value is True or value == "true"
