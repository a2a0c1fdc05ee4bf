"""The JSON Schema of the project file, for editors."""

from __future__ import annotations

from typing import Any

from .model import Project

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of the project file, draft 2020-12, with the description of every key.

    It holds the shape; what the parts mean together is the business of `check_project`.
    """
    schema = Project.model_json_schema(by_alias=True)
    return {"$schema": DIALECT, "title": "agc-project.yaml", **_tidied(schema)}


def _tidied(schema: Any) -> Any:
    """Finish what pydantic makes: no titles made of the names of keys, and no keys that break a pattern."""
    if isinstance(schema, list):
        return [_tidied(value) for value in schema]
    if not isinstance(schema, dict):
        return schema
    titled = {key: value for key, value in schema.items() if key != "title" or not isinstance(value, str)}
    closed = {"additionalProperties": False} if "patternProperties" in schema else {}
    return {key: _tidied(value) for key, value in {**titled, **closed}.items()}
