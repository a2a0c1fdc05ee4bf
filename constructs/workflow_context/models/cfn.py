"""The one reader of synthesized CloudFormation templates: resources by id, references as text that names the id.

A reference to a resource becomes `<Stack/LogicalId>`, whichever attribute it asks for and whichever stack it is in;
joined and substituted texts become one text. A parameter becomes its default. What a template leaves open stays as
it is, such as `${AWS::Region}`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Template: TypeAlias = Mapping[str, Any]

_REFERENCE = re.compile(r"<([\w-]+/\w+)>")
_VARIABLE = re.compile(r"\$\{(\w+)(?:\.[\w.]+)?\}")
_HASH = re.compile(r"[0-9A-F]{8}$")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z]+|[a-z]+|[0-9]+")


@dataclass(frozen=True)
class Resource:
    """A resource of one of the stacks.

    Attributes:
        stack: The name of its stack.
        logical_id: Its name in the template.
        type: For example `AWS::Batch::JobQueue`.
        properties: Its properties, with references as text.
    """

    stack: str
    logical_id: str
    type: str
    properties: Mapping[str, Any]

    @property
    def id(self) -> str:
        """What references call it."""
        return f"{self.stack}/{self.logical_id}"

    @property
    def kind(self) -> str:
        """Its type; where a property `FileSystemType` tells resources of a type apart, that too, after a colon."""
        which = self.properties.get("FileSystemType")
        return f"{self.type}:{which}" if isinstance(which, str) else self.type

    @property
    def words(self) -> list[str]:
        """The words of its logical id, without the hash that CDK adds."""
        return _WORD.findall(_HASH.sub("", self.logical_id))

    def get(self, *path: str) -> Any:
        """Return a property, or one inside a property; None where there is none."""
        value: Any = self.properties
        for step in path:
            value = value.get(step) if isinstance(value, Mapping) else None
        return value

    def number(self, *path: str) -> float | None:
        """Return a property as a number, or None if it is not given or the template does not tell it."""
        value = self.get(*path)
        if isinstance(value, str):
            try:
                return float(value)
            except ValueError:
                return None
        return float(value) if isinstance(value, int | float) else None

    def items(self, *path: str) -> list[Any] | None:
        """Return a list property, an empty list if it is not given, or None if the template does not tell it."""
        value = self.get(*path)
        if value is None:
            return []
        return value if isinstance(value, list) else None


class Stacks:
    """The resources of several stacks: first what contexts share, then the context's own."""

    def __init__(self, templates: Mapping[str, Template]) -> None:
        self._templates = templates
        self._exports = dict(_exports(templates))
        self._by_id: dict[str, Resource] = {}
        for stack, template in templates.items():
            for logical_id, raw in template.get("Resources", {}).items():
                properties = self._plain(stack, raw.get("Properties", {}))
                resource = Resource(stack, logical_id, raw["Type"], properties)
                self._by_id[resource.id] = resource

    def __iter__(self) -> Iterator[Resource]:
        return iter(self._by_id.values())

    def get(self, id: str) -> Resource | None:
        """Return the resource of an id, or None."""
        return self._by_id.get(id)

    def of_type(self, *types: str) -> list[Resource]:
        """Return the resources of some types."""
        return [resource for resource in self if resource.type in types]

    def of_context(self, type_: str) -> list[Resource]:
        """Return the resources of a type that a context uses: its own stack's, else those that its project shares."""
        found = self.of_type(type_)
        return [resource for resource in found if resource.stack == found[-1].stack]

    def referred(self, value: Any) -> list[str]:
        """Return the ids that a value refers to, each once, in order."""
        found: dict[str, None] = {}
        for text in _texts(value):
            found.update(dict.fromkeys(id for id in _REFERENCE.findall(text) if id in self._by_id))
        return list(found)

    def _plain(self, stack: str, value: Any) -> Any:
        if isinstance(value, list):
            return [self._plain(stack, item) for item in value]
        if not isinstance(value, Mapping):
            return value
        if len(value) == 1:
            [(function, argument)] = value.items()
            match function, argument:
                case "Ref", str(name):
                    return self._reference(stack, name)
                case "Fn::GetAtt", [str(name), *_]:
                    return self._reference(stack, name)
                case "Fn::GetAtt", str(name):
                    return self._reference(stack, name.partition(".")[0])
                case "Fn::Join", [str(separator), list(parts)]:
                    return separator.join(str(self._plain(stack, part)) for part in parts)
                case "Fn::Sub", str(text):
                    return _VARIABLE.sub(lambda found: str(self._reference(stack, found[1])), text)
                case "Fn::ImportValue", str(name) if name in self._exports:
                    other, value = self._exports[name]
                    return self._plain(other, value)
                case "Fn::GetStackOutput", {"StackName": str(other), "OutputName": str(name)}:
                    output = self._templates.get(other, {}).get("Outputs", {}).get(name, {})
                    return self._plain(other, output["Value"]) if "Value" in output else f"${{{other}.{name}}}"
        return {key: self._plain(stack, item) for key, item in value.items()}

    def _reference(self, stack: str, name: str) -> Any:
        template = self._templates[stack]
        if name in template.get("Resources", {}):
            return f"<{stack}/{name}>"
        parameter = template.get("Parameters", {}).get(name, {})
        # The default of an SSM parameter is the path at which its value is found, not the value.
        if "Default" in parameter and not str(parameter.get("Type", "")).startswith("AWS::SSM::"):
            return parameter["Default"]
        return f"${{{name}}}"


def _exports(templates: Mapping[str, Template]) -> Iterator[tuple[str, tuple[str, Any]]]:
    """Yield the name of each export, with the stack and the value that it has there."""
    for stack, template in templates.items():
        for output in template.get("Outputs", {}).values():
            name = output.get("Export", {}).get("Name")
            if isinstance(name, str):
                yield name, (stack, output.get("Value"))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
