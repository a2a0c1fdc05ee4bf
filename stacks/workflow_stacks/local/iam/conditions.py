"""Conditions of policies: the operators of IAM over the context of a request.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
"""

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .patterns import Context, glob, substituted

Compare = Callable[[str, str], bool]

_ARN_PARTS = 6


@dataclass(frozen=True)
class Condition:
    """One key of a condition.

    Attributes:
        key: The condition key, in lower case.
        values: What the policy gives: one of them must match, or none with a negated operator.
        compare: Compares a value of the request with one of the policy; None for the operator Null.
        negated: Whether the operator says Not.
        if_exists: Whether it is met when the request has no such key.
        quantifier: `forallvalues`, `foranyvalue`, or nothing.
    """

    key: str
    values: tuple[str, ...]
    compare: Compare | None
    negated: bool
    if_exists: bool
    quantifier: str

    def met(self, context: Context) -> bool:
        """Whether a request meets it."""
        actual = context.get(self.key)
        if self.compare is None:  # Null: "true" wants that the key is absent
            return any((one.lower() == "true") is (not actual) for one in self.values)
        if not actual:
            if self.if_exists or self.quantifier == "forallvalues":
                return True
            return self.negated and not self.quantifier
        wanted = self._wanted(context)
        if self.negated and len(wanted) < len(self.values):
            return False  # a policy variable has no value: nothing can be said not to be it
        compare = self.compare
        matched = [any(compare(value, one) for one in wanted) for value in actual]
        right = [found is not self.negated for found in matched]
        if self.quantifier == "foranyvalue" or (not self.quantifier and not self.negated):
            return any(right)
        return all(right)

    def _wanted(self, context: Context) -> list[str]:
        return [text for one in self.values if (text := substituted(one, context)) is not None]


def parse_conditions(block: Mapping[str, Mapping[str, Any]]) -> tuple[Condition, ...]:
    """The conditions of a statement.

    Raises:
        ValueError: An operator does not exist.
    """
    return tuple(
        _condition(operator, key, values if isinstance(values, list) else [values])
        for operator, keys in block.items()
        for key, values in keys.items()
    )


def _condition(operator: str, key: str, values: list[Any]) -> Condition:
    name = operator.lower()
    quantifier = ""
    if ":" in name:
        quantifier, _, name = name.partition(":")
        if quantifier not in ("forallvalues", "foranyvalue"):
            raise ValueError(f"condition operator {operator}")
    if_exists = name.endswith("ifexists")
    name = name.removesuffix("ifexists")
    texts = tuple(str(one).lower() if isinstance(one, bool) else str(one) for one in values)
    if name == "null":
        return Condition(key.lower(), texts, None, negated=False, if_exists=False, quantifier="")
    negated = "not" in name
    compare = _OPERATORS.get(name.replace("not", ""))
    if compare is None:
        raise ValueError(f"condition operator {operator}")
    return Condition(key.lower(), texts, compare, negated, if_exists, quantifier)


def _plain(text: str) -> str:
    return text.replace("\x00", "")


def _string_like(actual: str, wanted: str) -> bool:
    return glob(wanted).match(actual) is not None


def _arn_like(actual: str, wanted: str) -> bool:
    """Each of the six parts by itself: a wildcard does not go beyond its colon."""
    found, pattern = actual.split(":", _ARN_PARTS - 1), wanted.split(":", _ARN_PARTS - 1)
    if len(found) != _ARN_PARTS or len(pattern) != _ARN_PARTS:
        return False
    return all(glob(one).match(part) for part, one in zip(found, pattern, strict=True))


def _numbers(compare: Callable[[float, float], bool]) -> Compare:
    def compared(actual: str, wanted: str) -> bool:
        try:
            return compare(float(actual), float(wanted))
        except ValueError:
            return False

    return compared


def _dates(compare: Callable[[datetime, datetime], bool]) -> Compare:
    def compared(actual: str, wanted: str) -> bool:
        try:
            return compare(_date(actual), _date(wanted))
        except ValueError:
            return False

    return compared


def _date(text: str) -> datetime:
    """ISO 8601, or seconds since 1970."""
    if text.replace(".", "", 1).isdigit() and "-" not in text:
        return datetime.fromtimestamp(float(text), UTC)
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _ip_address(actual: str, wanted: str) -> bool:
    try:
        return ipaddress.ip_address(actual) in ipaddress.ip_network(wanted, strict=False)
    except ValueError:
        return False


_OPERATORS: dict[str, Compare] = {
    "stringequals": lambda actual, wanted: actual == _plain(wanted),
    "stringequalsignorecase": lambda actual, wanted: actual.lower() == _plain(wanted).lower(),
    "stringlike": _string_like,
    "numericequals": _numbers(lambda actual, wanted: actual == wanted),
    "numericlessthan": _numbers(lambda actual, wanted: actual < wanted),
    "numericlessthanequals": _numbers(lambda actual, wanted: actual <= wanted),
    "numericgreaterthan": _numbers(lambda actual, wanted: actual > wanted),
    "numericgreaterthanequals": _numbers(lambda actual, wanted: actual >= wanted),
    "dateequals": _dates(lambda actual, wanted: actual == wanted),
    "datelessthan": _dates(lambda actual, wanted: actual < wanted),
    "datelessthanequals": _dates(lambda actual, wanted: actual <= wanted),
    "dategreaterthan": _dates(lambda actual, wanted: actual > wanted),
    "dategreaterthanequals": _dates(lambda actual, wanted: actual >= wanted),
    "bool": lambda actual, wanted: actual.lower() == wanted.lower(),
    "binaryequals": lambda actual, wanted: actual == wanted,
    "ipaddress": _ip_address,
    "arnequals": _arn_like,
    "arnlike": _arn_like,
}
