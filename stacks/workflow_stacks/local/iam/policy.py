"""Policy documents, parsed once: their statements, and whether one is about an action, a resource and a principal.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from .conditions import Condition, parse_conditions
from .patterns import Context, any_glob, substituted


class PolicyError(ValueError):
    """A policy document that IAM would refuse."""


@dataclass(frozen=True)
class Statement:
    """One statement of a policy.

    Attributes:
        effect: `Allow` or `Deny`.
        actions: Patterns of actions.
        not_actions: Whether the patterns are those of NotAction.
        resources: Patterns of ARNs; None in a policy without resources, such as a trust policy.
        not_resources: Whether the patterns are those of NotResource.
        conditions: All of them must be met.
        principals: Who is meant, in a resource-based policy: kind to names; None in an identity-based one.
        not_principals: Whether they are those of NotPrincipal.
    """

    effect: str
    actions: tuple[str, ...]
    not_actions: bool
    resources: tuple[str, ...] | None
    not_resources: bool
    conditions: tuple[Condition, ...]
    principals: Mapping[str, tuple[str, ...]] | None
    not_principals: bool

    def applies(self, action: str, resource: str, context: Context) -> bool:
        """Whether the statement is about an action on a resource, and its conditions are met."""
        if (any_glob(self.actions, ignore_case=True).match(action) is not None) is self.not_actions:
            return False
        if not self._covers(resource, context):
            return False
        return all(condition.met(context) for condition in self.conditions)

    def names(self, principals: frozenset[str], service: str | None = None) -> bool:
        """Whether a resource-based statement names one of the ARNs (or account ids) of a principal, or its service."""
        if self.principals is None:
            return False
        named = self.principals.get("AWS", ())
        found = any(one == "*" or one in principals for one in named)
        if service is not None and service in self.principals.get("Service", ()):
            found = True
        return found is not self.not_principals

    def _covers(self, resource: str, context: Context) -> bool:
        if self.resources is None:
            return True
        patterns = self.resources
        if self._has_variables:
            patterns = tuple(text for one in self.resources if (text := substituted(one, context)) is not None)
        return (any_glob(patterns).match(resource) is not None) is not self.not_resources

    @cached_property
    def _has_variables(self) -> bool:
        return any("${" in one for one in self.resources or ())


@lru_cache(maxsize=4096)
def parse_policy(document: str) -> tuple[Statement, ...]:
    """The statements of a policy document.

    Raises:
        PolicyError: It is no policy.
    """
    try:
        parsed = json.loads(document)
        return tuple(_statement(one) for one in _listed(parsed["Statement"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PolicyError(f"this is no IAM policy ({error}): {document[:200]}") from error


def _statement(raw: Mapping[str, Any]) -> Statement:
    if raw["Effect"] not in ("Allow", "Deny"):
        raise ValueError(f"Effect {raw['Effect']}")
    not_resources, not_principals = "NotResource" in raw, "NotPrincipal" in raw
    resources = raw.get("NotResource") if not_resources else raw.get("Resource")
    principals = raw.get("NotPrincipal") if not_principals else raw.get("Principal")
    if isinstance(principals, str):
        principals = {"AWS": principals}
    return Statement(
        effect=raw["Effect"],
        actions=tuple(_listed(raw["NotAction"] if "NotAction" in raw else raw["Action"])),
        not_actions="NotAction" in raw,
        resources=None if resources is None else tuple(_listed(resources)),
        not_resources=not_resources,
        conditions=parse_conditions(raw.get("Condition", {})),
        principals=None
        if principals is None
        else {kind: tuple(str(one) for one in _listed(names)) for kind, names in principals.items()},
        not_principals=not_principals,
    )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
