"""Roles of IAM: their permissions boundary, which ministack leaves out of a template's."""

from typing import Any

from ministack.services import iam
from ministack.services.cloudformation import provisioners

from .handlers import Created, Properties

_create_role, _update_role = provisioners._iam_role_create, provisioners._iam_role_update


def install() -> None:
    """Keep the boundary."""
    provisioners._RESOURCE_HANDLERS["AWS::IAM::Role"] |= {"create": _create, "update": _update}


def _create(logical_id: str, properties: Properties, stack: str) -> Created:
    name, attributes = _create_role(logical_id, properties, stack)
    _keep_boundary(iam._roles[name], properties)
    return name, attributes


def _update(name: str, old: Properties, new: Properties, stack: str, logical_id: str | None = None) -> Created:
    name, attributes = _update_role(name, old, new, stack, logical_id)
    _keep_boundary(iam._roles[name], new)
    return name, attributes


def _keep_boundary(record: dict[str, Any], properties: Properties) -> None:
    record.pop("PermissionsBoundary", None)
    if properties.get("PermissionsBoundary"):
        record["PermissionsBoundary"] = properties["PermissionsBoundary"]
