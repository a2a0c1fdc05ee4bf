"""Reading a synthesized CloudFormation template: resources, and values as far as the template tells them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Resource:
    """A resource of a template.

    Attributes:
        logical_id: Its logical id.
        type: For example `AWS::EC2::NatGateway`.
        properties: Its properties, parameters with a default replaced by it.
    """

    logical_id: str
    type: str
    properties: Mapping[str, Any]

    def number(self, name: str, default: float | None = None) -> float | None:
        """Return a property as a number, or None if the template does not tell it."""
        value = self.properties.get(name, default)
        if isinstance(value, str):
            try:
                return float(value)
            except ValueError:
                return None
        return float(value) if isinstance(value, int | float) else None

    def items(self, name: str) -> list[Any] | None:
        """Return a list property, an empty list if it is not given, or None if the template does not tell it."""
        value = self.properties.get(name, [])
        return value if isinstance(value, list) else None


def resources(template: Mapping[str, Any]) -> Iterator[Resource]:
    """Yield the resources of a template, as `cdk synth` writes it."""
    defaults = {
        name: parameter["Default"]
        for name, parameter in template.get("Parameters", {}).items()
        if isinstance(parameter, dict) and "Default" in parameter
    }
    for logical_id, resource in template.get("Resources", {}).items():
        properties = resource.get("Properties", {})
        resolved = {name: _resolve(value, defaults) for name, value in properties.items()}
        yield Resource(logical_id, resource["Type"], resolved)


def _resolve(value: Any, defaults: Mapping[str, Any]) -> Any:
    if isinstance(value, dict) and set(value) == {"Ref"}:
        return defaults.get(value["Ref"], value)
    return value
