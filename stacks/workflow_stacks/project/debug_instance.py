"""What the project file says of a machine for a look at the file system: `true`, or a mapping of options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from .section import Section
from .values import Flag, Text, Whole, value_error


class DebugInstance(Section):
    """A machine with the context's file system, for a look inside; `workflow-context shell` opens it."""

    idle_hours: Annotated[int, Whole(1, 168, "hours")] = Field(
        default=4,
        description="It stops when no session was open for so many hours, 1 to 168. Default: 4.",
    )
    write: Annotated[bool, Flag()] = Field(
        default=False, description="Whether it may write on the file system. Default: false."
    )
    instance_type: Annotated[str, Text("an instance type, such as t3.large", r"[a-z0-9-]+\.[a-z0-9-]+", 40)] | None = (
        Field(
            default=None,
            description="Its EC2 instance type. Default: the smallest t3 with the memory that the file system takes.",
        )
    )


@dataclass(frozen=True)
class _OnOrOff:
    """`true` is a machine with the defaults; `false` is none; a mapping says more."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._read, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [{"type": "boolean"}, *handler(schema)["anyOf"]]}

    @staticmethod
    def _read(value: Any) -> Any:
        if value is None or isinstance(value, (Mapping, Section)):
            return value
        try:
            return {} if Flag().parse(value) else None
        except PydanticCustomError as error:
            said = error.context or {}
            raise value_error(said["message"], allowed="true, false, or a mapping of options") from error


DebugInstanceOption: TypeAlias = Annotated[DebugInstance | None, _OnOrOff()]
"""The value of `debugInstance`."""
