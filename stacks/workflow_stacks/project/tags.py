"""Tags, within the limits of AWS."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from .findings import Problem, repr_value
from .values import (
    EmptyWhenNothing,
    Text,
    raise_problems,
    value_error,
)

MAX_TAGS = 40
"""How many tags a context may have. AWS allows 50; the rest are for the tags of the stacks."""

_LETTERS = r"[\w\s.:/=+@-]*"
_OTHERS = r"!\"#$%&'()*,;<>?\[\\\]^`{|}~"
"""The ASCII letters that `_LETTERS` leaves out: in editors `\\w` is ASCII, and tags have letters of any alphabet."""
_KEY = Text("1 to 128 letters, digits, spaces and _ . : / = + - @, not beginning with aws:", _LETTERS, 128)
_VALUE = Text("up to 256 letters, digits, spaces and _ . : / = + - @", _LETTERS, 256, shortest=0)


def _keys_are_free(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if len(value) > MAX_TAGS:
        raise value_error(f"{len(value)} tags are given", allowed=f"at most {MAX_TAGS} tags", remedy="remove some")
    reserved = [key for key in value if isinstance(key, str) and key.lower().startswith("aws:")]
    raise_problems(
        "tags",
        [
            Problem((key,), f"{repr_value(key)} begins with aws:, which AWS keeps for itself", remedy="rename the tag")
            for key in reserved
        ],
    )
    return value


class _Limits:
    """Tells editors what `_keys_are_free` checks."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        found = handler(schema)
        value = {"type": ["string", "number", "boolean"], **_VALUE.limits(), "pattern": f"^[^{_OTHERS}]*$"}
        key = f"^(?![aA][wW][sS]:)[^{_OTHERS}]{{1,{_KEY.longest}}}$"
        keys = {name: one for name, one in found.items() if name not in ("patternProperties", "propertyNames")}
        return {**keys, "patternProperties": {key: value}, "maxProperties": MAX_TAGS}


Tags: TypeAlias = Annotated[
    dict[
        Annotated[str, _KEY],
        Annotated[str, _VALUE],
    ],
    BeforeValidator(_keys_are_free),
    _Limits(),
    EmptyWhenNothing(),
]
"""Tags by key."""
