"""Resources and conditions of policies, in words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from workflow_context.models.cfn import Resource

_SERVICES = MappingProxyType(
    {
        "batch": "AWS Batch",
        "ec2": "Amazon EC2",
        "ecr": "Amazon ECR",
        "ecs": "Amazon ECS",
        "elasticfilesystem": "Amazon EFS",
        "events": "Amazon EventBridge",
        "fsx": "Amazon FSx",
        "iam": "AWS IAM",
        "kms": "AWS KMS",
        "logs": "CloudWatch Logs",
        "s3": "Amazon S3",
        "s3files": "Amazon S3 Files",
        "secretsmanager": "AWS Secrets Manager",
        "sdb": "Amazon SimpleDB",
        "sts": "AWS STS",
    }
)
_OWN = re.compile(r"<(?P<id>[\w-]+/\w+)>(?P<rest>.*)", re.DOTALL)
_ARN = re.compile(r"arn:[^:]*:(?P<service>[^:]*):(?P<region>[^:]*):(?P<account>[^:]*):(?P<resource>.*)", re.DOTALL)
_PSEUDO = re.compile(r"\$\{AWS::(\w+)\}")
_TYPE = re.compile(r"AWS::(\w+)::(\w+)")


def service_name(prefix: str) -> str:
    """Return the name of a service by the prefix of its actions."""
    return _SERVICES.get(prefix, prefix)


def resource_in_words(arn: str, known: Mapping[str, Resource]) -> str:
    """Say which resources an ARN names.

    Args:
        arn: The ARN, with a reference to a resource of the templates as `<Stack/LogicalId>`.
        known: The resources of the templates, by that id.
    """
    if arn == "*":
        return "any resource"
    arn = _PSEUDO.sub(r"\1", arn)
    own = _OWN.match(arn)
    if own is not None:
        return _own(own["id"], own["rest"], known)
    named = _ARN.match(arn)
    if named is None:
        return arn
    if named["service"] == "s3":
        return _in_s3(named["resource"], known)
    account = "any account" if named["account"] == "*" else "this account"
    region = "any Region" if named["region"] == "*" else "Region"
    return _named(named["service"], named["resource"], f"{account} and {region}")


def _own(id: str, rest: str, known: Mapping[str, Resource]) -> str:
    kind = _TYPE.match(known[id].type) if id in known else None
    what = " ".join(re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]+", kind[2])).lower() if kind else "resource"
    if rest.startswith("/"):
        return f"objects of the {what} {id}: {_keys(rest[1:])}"
    return f"the {what} {id}" + (f" ({rest.lstrip(':')})" if rest else "")


def _in_s3(resource: str, known: Mapping[str, Resource]) -> str:
    bucket, slash, key = resource.partition("/")
    own = _OWN.match(bucket)
    if own is not None and own["id"] in known:
        bucket = own["id"]
    return f"objects of the bucket {bucket}: {_keys(key)}" if slash else f"the bucket {bucket}"


def _keys(key: str) -> str:
    if key == "*":
        return "all"
    return f"below {key.removesuffix('*')}" if key.endswith("/*") else key


def _named(service: str, resource: str, place: str) -> str:
    kind, _, name = re.sub("^([^:/]+)[:/]", r"\1 ", resource).partition(" ")
    of = f"{service_name(service)} {kind.replace('-', ' ')}"
    return f"any {of} of {place}" if name in ("*", "") else f"{of} {name}"


def conditions_in_words(conditions: Mapping[str, Mapping[str, Any]], known: Mapping[str, Resource]) -> Sequence[str]:
    """Say when only a statement applies.

    Args:
        conditions: Operator to key to value, as in a policy.
        known: The resources of the templates, by id.
    """
    return [
        f"{key} {_operator(operator, value, known)}"
        for operator, pairs in conditions.items()
        for key, value in pairs.items()
    ]


def _operator(operator: str, value: Any, known: Mapping[str, Resource]) -> str:
    if operator.startswith("Null"):
        return "is there" if str(value).lower() == "false" else "is not there"
    values = " or ".join(
        resource_in_words(str(one), known) if str(one).startswith("arn:") else _PSEUDO.sub(r"\1", str(one))
        for one in (value if isinstance(value, list) else [value])
    )
    base = operator.removeprefix("ForAllValues:").removeprefix("ForAnyValue:")
    word = "is not" if "Not" in base else "is like" if "Like" in base else "is"
    each = "(each) " if operator.startswith("ForAllValues:") else ""
    # Both are met by a request, or a resource, that has no such key.
    absent = ", or is not there" if operator.startswith("ForAllValues:") or base.endswith("IfExists") else ""
    return f"{each}{word} {values}{absent}"
