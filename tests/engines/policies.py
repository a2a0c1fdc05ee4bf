"""What a role may do, worked out from the policies in a template as IAM does it."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from rendered import deployed, statements
from templates import Template

Values = Mapping[str, str | list[str]]


def may(template: Template, role: str, action: str, resource: str, request: Values | None = None) -> bool:
    """Whether the inline policies of a role allow an action.

    Args:
        template: Where the role is.
        role: A part of its logical id.
        action: The action.
        resource: The ARN it is asked for.
        request: The condition keys of the request, such as `aws:RequestTag/name`; a list for those with many values.
    """
    found = [one for one in statements(template, role) if _is_about(one, action, resource, request or {})]
    effects = {one["Effect"] for one in found}
    return effects == {"Allow"}


def _is_about(statement: Mapping[str, Any], action: str, resource: str, request: Values) -> bool:
    resources = [deployed(one) for one in _listed(statement["Resource"])]
    return (
        any(fnmatchcase(action, one) for one in _listed(statement["Action"]))
        and any(fnmatchcase(resource, one) for one in resources)
        and all(
            _is_met(operator, request.get(key), [deployed(one) for one in _listed(wanted)])
            for operator, conditions in statement.get("Condition", {}).items()
            for key, wanted in conditions.items()
        )
    )


def _is_met(operator: str, given: str | list[str] | None, wanted: list[str]) -> bool:
    if operator == "Null":
        return (given is None) == (wanted == ["true"])
    if operator == "StringEquals":
        return given in wanted
    if operator == "StringEqualsIfExists":
        return given is None or given in wanted
    if operator == "StringLike":
        return isinstance(given, str) and any(fnmatchcase(given, one) for one in wanted)
    if operator == "ForAllValues:StringEquals":  # true when there are none
        return set(_listed(given or [])) <= set(wanted)
    raise AssertionError(f"no test knows the condition operator {operator}")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
