"""The base of every part of the project file."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Section(BaseModel):
    """A mapping of the project file: frozen, no unknown keys, camelCase in YAML and snake_case in Python."""

    main_key: ClassVar[str] = ""
    """The key that is meant when a text stands where the mapping should be, as in `- s3://bucket`."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_alias=True,
        validate_by_name=True,
        use_attribute_docstrings=False,
    )
