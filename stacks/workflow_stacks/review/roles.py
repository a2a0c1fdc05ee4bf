"""What each role of some templates may do, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workflow_context.models.cfn import Resource, Stacks

from .words import conditions_in_words, resource_in_words, service_name


@dataclass(frozen=True)
class Permission:
    """What a role may do to some resources.

    Attributes:
        service: The service, by its name.
        actions: The actions, such as `batch:SubmitJob`.
        resources: What they may be done to, in words.
        conditions: When only, in words.
    """

    service: str
    actions: Sequence[str]
    resources: Sequence[str]
    conditions: Sequence[str]


@dataclass(frozen=True)
class RoleRights:
    """A role.

    Attributes:
        stack: Name of its stack.
        name: Its logical id.
        description: What it is for.
        assumed_by: The services that act as it.
        assumed_if: When only, in words.
        managed_policies: Managed policies that are attached to it.
        permissions: What its own policies allow.
    """

    stack: str
    name: str
    description: str
    assumed_by: Sequence[str]
    assumed_if: Sequence[str]
    managed_policies: Sequence[str]
    permissions: Sequence[Permission]


def roles_of(stacks: Stacks) -> list[RoleRights]:
    """Return the roles, in the order of the templates."""
    types = {resource.id: resource for resource in stacks}
    policies: dict[str, list[Mapping[str, Any]]] = {}
    for policy in stacks.of_type("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
        for role in stacks.referred(policy.get("Roles")):
            policies.setdefault(role, []).extend(_statements(policy.get("PolicyDocument")))
    return [_role(role, policies.get(role.id, []), types) for role in stacks.of_type("AWS::IAM::Role")]


def _role(role: Resource, statements: Sequence[Mapping[str, Any]], known: Mapping[str, Resource]) -> RoleRights:
    inline = [one for policy in role.get("Policies") or () for one in _statements(policy.get("PolicyDocument"))]
    trust = _statements(role.get("AssumeRolePolicyDocument"))
    trusted = [
        str(name)
        for statement in trust
        for names in (statement.get("Principal") or {}).values()
        for name in _listed(names)
    ]
    return RoleRights(
        stack=role.stack,
        name=role.logical_id,
        description=str(role.get("Description") or ""),
        assumed_by=trusted,
        assumed_if=[one for statement in trust for one in conditions_in_words(statement.get("Condition") or {}, known)],
        managed_policies=[str(one).rpartition("policy/")[2] for one in role.get("ManagedPolicyArns") or ()],
        permissions=[one for statement in (*statements, *inline) for one in _permissions(statement, known)],
    )


def _permissions(statement: Mapping[str, Any], known: Mapping[str, Resource]) -> Iterator[Permission]:
    by_service: dict[str, list[str]] = {}
    for action in _listed(statement.get("Action")):
        by_service.setdefault(str(action).partition(":")[0], []).append(str(action))
    resources = [resource_in_words(str(one), known) for one in _listed(statement.get("Resource"))]
    for service, actions in by_service.items():
        yield Permission(
            service_name(service),
            actions,
            list(dict.fromkeys(resources)),
            conditions_in_words(statement.get("Condition") or {}, known),
        )


def _statements(document: Any) -> list[Mapping[str, Any]]:
    return [one for one in _listed((document or {}).get("Statement")) if one["Effect"] == "Allow"]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
