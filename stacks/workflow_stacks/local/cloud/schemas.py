"""What CloudFormation checks and replaces, by the resource schemas that AWS publishes and cfn-lint ships.

Properties are checked when references are resolved, with the words of CloudFormation. A change of a create-only
property replaces the resource.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

import regex
from jsonschema import Draft7Validator, TypeChecker, ValidationError, validators

Record = Mapping[str, Any]

# Where the documentation says "Update requires: Replacement", and the schema is older and says nothing.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-fsx-filesystem.html
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-batch-jobqueue.html
_DOCUMENTED = {
    "AWS::FSx::FileSystem": ("/properties/StorageType", "/properties/LustreConfiguration/DeploymentType"),
    "AWS::Batch::JobQueue": ("/properties/Tags",),
}
_OWN_TAGS = "aws:"
_TYPES = {
    bool: "Boolean",
    int: "Integer",
    float: "Number",
    str: "String",
    list: "JSONArray",
    dict: "JSONObject",
    type(None): "Null",
}


def mistakes(resource_type: str, properties: Record) -> list[str]:
    """What CloudFormation does not accept of resolved properties: `#/Priority: 0 is not greater or equal to 1`."""
    schema = _schema(resource_type)
    if schema is None:
        return []
    given = _without_own_tags(properties)
    read_only = {pointer.split("/")[2] for pointer in schema.raw.get("readOnlyProperties", ()) if _is_top(pointer)}
    told = [f"Encountered unsupported property {name}" for name in given if name in read_only]
    return [*told, *(line for error in schema.validator.iter_errors(given) for line in _words(error))]


def check(resource_type: str, logical_id: str, properties: Record) -> None:
    """Refuse properties that CloudFormation does not accept.

    Raises:
        ValueError: In CloudFormation's words.
    """
    found = mistakes(resource_type, properties)
    if found:
        lines = "\n".join(found)
        raise ValueError(f"Properties validation failed for resource {logical_id} with message:\n{lines}")


def replaces(resource_type: str, old: Record, new: Record) -> bool | None:
    """Whether a change replaces the resource; None for a type without a schema."""
    schema = _schema(resource_type)
    if schema is None:
        return None
    return any(_values(old, pointer) != _values(new, pointer) for pointer in schema.create_only)


def recreation(resource_type: str, name: str) -> str | None:
    """What DescribeChangeSet says of a change of a property: Always, Conditionally, Never; None without a schema."""
    schema = _schema(resource_type)
    if schema is None:
        return None
    conditional = [*schema.create_only, *schema.raw.get("conditionalCreateOnlyProperties", ())]
    if f"/properties/{name}" in schema.create_only:
        return "Always"
    return "Conditionally" if any(pointer.split("/")[2] == name for pointer in conditional) else "Never"


class _Schema:
    def __init__(self, resource_type: str, raw: dict[str, Any]) -> None:
        self.raw = raw
        documented = _DOCUMENTED.get(resource_type, ())
        self.create_only: Sequence[str] = [*raw.get("createOnlyProperties", ()), *documented]

    @cached_property
    def validator(self) -> Any:
        return _Validator(self.raw)


@cache
def _providers() -> dict[str, str]:
    found: dict[str, str] = json.loads((_folder() / "providers" / "us-east-1.json").read_text())
    return found


@cache
def _schema(resource_type: str) -> _Schema | None:
    name = _providers().get(resource_type)
    if name is None:
        return None
    return _Schema(resource_type, json.loads((_folder() / "resources" / f"{name}.json").read_text()))


def _folder() -> Any:
    return files("cfnlint") / "data" / "schemas"


def _is_top(pointer: str) -> bool:
    return pointer.count("/") == len(("properties", "name"))


def _without_own_tags(properties: Record) -> dict[str, Any]:
    """CloudFormation adds tags that nobody else may."""
    tags = properties.get("Tags")
    if not isinstance(tags, list):
        return dict(properties)
    return {**properties, "Tags": [tag for tag in tags if not str(tag.get("Key", "")).startswith(_OWN_TAGS)]}


def _values(properties: Any, pointer: str) -> list[Any]:
    """Every value at a pointer, where `*` is any item."""
    found = [properties]
    for part in pointer.split("/")[2:]:
        found = [value for one in found for value in _children(one, part)]
    return found


def _children(value: Any, part: str) -> list[Any]:
    if part == "*":
        return list(value) if isinstance(value, list) else []
    return [value[part]] if isinstance(value, dict) and part in value else []


# --- JSON Schema as CloudFormation reads it: numbers and booleans may be written as text, and more keywords.


def _is_integer(_checker: TypeChecker, value: Any) -> bool:
    if isinstance(value, str):
        return value.lstrip("-").isdecimal()
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(checker: TypeChecker, value: Any) -> bool:
    if isinstance(value, str):
        return value.lstrip("-").replace(".", "", 1).isdecimal()
    return isinstance(value, float) or _is_integer(checker, value)


def _is_boolean(_checker: TypeChecker, value: Any) -> bool:
    return isinstance(value, bool) or value in ("true", "false")


def _is_string(_checker: TypeChecker, value: Any) -> bool:
    return isinstance(value, str | int | float)


def _pattern(_validator: Any, pattern: str, value: Any, _schema: Any) -> Iterator[ValidationError]:
    if isinstance(value, str) and not regex.search(pattern, value):
        yield ValidationError("pattern")


def _pattern_properties(validator: Any, rules: Record, value: Any, _schema: Any) -> Iterator[ValidationError]:
    if isinstance(value, dict):
        for pattern, rule in rules.items():
            for name in (name for name in value if regex.search(pattern, name)):
                yield from validator.descend(value[name], rule, path=name, schema_path=pattern)


def _additional_properties(validator: Any, rule: Any, value: Any, schema: Any) -> Iterator[ValidationError]:
    extra = _extra(value, schema) if isinstance(value, dict) else []
    if rule is False and extra:
        yield ValidationError("additionalProperties")
    elif isinstance(rule, dict):
        for name in extra:
            yield from validator.descend(value[name], rule, path=name)


def _extra(value: Record, schema: Record) -> list[str]:
    """The keys that a schema does not name."""
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    return [name for name in value if name not in known and not any(regex.search(one, name) for one in patterns)]


def _minimum(validator: Any, least: float, value: Any, _schema: Any) -> Iterator[ValidationError]:
    if validator.is_type(value, "number") and float(value) < least:
        yield ValidationError("minimum")


def _maximum(validator: Any, most: float, value: Any, _schema: Any) -> Iterator[ValidationError]:
    if validator.is_type(value, "number") and float(value) > most:
        yield ValidationError("maximum")


def _enum(_validator: Any, allowed: list[Any], value: Any, _schema: Any) -> Iterator[ValidationError]:
    if str(value) not in map(str, allowed):
        yield ValidationError("enum")


def _enum_in_any_case(_validator: Any, allowed: list[Any], value: Any, _schema: Any) -> Iterator[ValidationError]:
    if str(value).lower() not in [str(one).lower() for one in allowed]:
        yield ValidationError("enum")


def _required_xor(_validator: Any, names: list[str], value: Any, _schema: Any) -> Iterator[ValidationError]:
    if isinstance(value, dict) and sum(name in value for name in names) != 1:
        yield ValidationError("xor")


def _required_or(_validator: Any, names: list[str], value: Any, _schema: Any) -> Iterator[ValidationError]:
    if isinstance(value, dict) and not any(name in value for name in names):
        yield ValidationError("or")


def _excluded(_validator: Any, rules: dict[str, list[str]], value: Any, _schema: Any) -> Iterator[ValidationError]:
    if isinstance(value, dict) and any(name in value and other in value for name in rules for other in rules[name]):
        yield ValidationError("excluded")


_Validator = validators.extend(
    Draft7Validator,
    {
        "additionalProperties": _additional_properties,
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "minimum": _minimum,
        "maximum": _maximum,
        "enum": _enum,
        "enumCaseInsensitive": _enum_in_any_case,
        "requiredXor": _required_xor,
        "requiredOr": _required_or,
        "dependentExcluded": _excluded,
    },
    type_checker=Draft7Validator.TYPE_CHECKER.redefine_many(
        {"integer": _is_integer, "number": _is_number, "boolean": _is_boolean, "string": _is_string}
    ),
)


def _words(error: ValidationError) -> list[str]:
    """A mistake as CloudFormation writes it."""
    place = "/".join(["#", *map(str, error.absolute_path)])
    value, rule = error.instance, error.validator_value
    if error.validator == "required":
        return [f"{place}: required key [{name}] not found" for name in rule if name not in value][:1]
    if error.validator == "additionalProperties":
        return [f"{place}: extraneous key [{name}] is not permitted" for name in _extra(value, error.schema)]
    names = " or ".join(map(str, rule)) if isinstance(rule, list) else ""
    told: dict[str, Callable[[], str]] = {
        "type": lambda: f"expected type: {_expected(rule)}, found: {_TYPES[type(value)]}",
        "enum": lambda: f"{value} is not a valid enum value",
        "enumCaseInsensitive": lambda: f"{value} is not a valid enum value",
        "pattern": lambda: "failed validation constraint for keyword [pattern]",
        "minimum": lambda: f"{value} is not greater or equal to {rule}",
        "maximum": lambda: f"{value} is not less or equal to {rule}",
        "minLength": lambda: f"expected minLength: {rule}, actual: {len(value)}",
        "maxLength": lambda: f"expected maxLength: {rule}, actual: {len(value)}",
        "minItems": lambda: f"expected minimum item count: {rule}, found: {len(value)}",
        "maxItems": lambda: f"expected maximum item count: {rule}, found: {len(value)}",
        "uniqueItems": lambda: "array items are not unique",
        "requiredXor": lambda: f"exactly one of the keys {names} is required",
        "requiredOr": lambda: f"one of the keys {names} is required",
        "anyOf": lambda: f"#: no subschema matched out of the total {len(rule)} subschemas",
        "oneOf": lambda: "#: 0 subschemas matched instead of one",
    }
    other = f"failed validation constraint for keyword [{error.validator}]"
    return [f"{place}: {told.get(str(error.validator), lambda: other)()}"]


def _expected(rule: Any) -> str:
    names = [rule] if isinstance(rule, str) else rule
    java = {"object": "JSONObject", "array": "JSONArray"}
    return " or ".join(java.get(name, name.capitalize()) for name in names)
