"""Who may do what, as far as the picture shows it: submit jobs, pass roles, read and write objects."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from workflow_context.models.cfn import Stacks

_READS = ("s3:GetObject",)
_WRITES = ("s3:PutObject", "s3:DeleteObject")
_ASSETS = "cdk-hnb659fds-assets-"  # the bucket that cdk bootstrap makes
_OBJECTS = re.compile(r"^(?:<(?P<id>[\w-]+/\w+)>|arn:(?:\$\{[^}]+\}|[^:]+):s3:::(?P<name>[^/]+))/(?P<key>.*)$")


@dataclass(frozen=True)
class Place:
    """Objects in a bucket.

    Attributes:
        bucket: The id of the bucket, or `s3://name` of one that no stack makes.
        prefix: The keys it means; empty for all.
    """

    bucket: str
    prefix: str

    def lies_in(self, other: Place) -> bool:
        """Whether the other place holds all of this one."""
        return self.bucket == other.bucket and self.prefix.startswith(other.prefix)


class Rights:
    """What the roles of some stacks are allowed."""

    def __init__(self, stacks: Stacks) -> None:
        self._stacks = stacks
        self._statements: dict[str, list[Mapping[str, Any]]] = {}
        for policy in stacks.of_type("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
            for role in stacks.referred(policy.get("Roles")):
                self._statements.setdefault(role, []).extend(_statements(policy.get("PolicyDocument")))
        for made in stacks.of_type("AWS::IAM::Role"):
            for inline in made.get("Policies") or ():
                self._statements.setdefault(made.id, []).extend(_statements(inline.get("PolicyDocument")))

    @property
    def roles(self) -> list[str]:
        """The ids of the roles that are allowed something."""
        return list(self._statements)

    def targets(self, role: str, action: str) -> list[list[str]]:
        """Return the ids of the resources on which a role may do something, statement by statement."""
        return [self._stacks.referred(statement.get("Resource")) for statement in self._allowing(role, action)]

    def objects(self, roles: Iterable[str]) -> dict[Place, str]:
        """Return where some roles together may read and write objects, without places that lie in such places."""
        roles = tuple(roles)
        reads = _widest(place for role in roles for action in _READS for place in self._places(role, action))
        writes = _widest(place for role in roles for action in _WRITES for place in self._places(role, action))
        return {place: _told(place in reads, place in writes) for place in sorted(reads | writes, key=str)}

    def _places(self, role: str, action: str) -> Iterator[Place]:
        for statement in self._allowing(role, action):
            for resource in _listed(statement.get("Resource")):
                place = place_of(resource)
                if place is not None:
                    yield place

    def _allowing(self, role: str, action: str) -> Iterator[Mapping[str, Any]]:
        for statement in self._statements.get(role, ()):
            if any(fnmatchcase(action, pattern) for pattern in _listed(statement.get("Action"))):
                yield statement


def place_of(arn: str) -> Place | None:
    """Return the objects that an ARN means; None when it means no objects."""
    found = _OBJECTS.match(arn)
    if found is None:
        return None
    if (found["name"] or "").startswith(_ASSETS):
        return None  # the programs of head jobs, which are no data
    return Place(found["id"] or f"s3://{found['name']}", found["key"].removesuffix("*"))


def _widest(places: Iterable[Place]) -> set[Place]:
    every = set(places)
    return {place for place in every if not any(place.lies_in(other) for other in every if other != place)}


def _told(reads: bool, writes: bool) -> str:
    return "reads and writes" if reads and writes else "reads" if reads else "writes"


def _statements(document: Any) -> list[Mapping[str, Any]]:
    return [statement for statement in _listed((document or {}).get("Statement")) if statement["Effect"] == "Allow"]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
