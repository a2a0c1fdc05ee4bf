"""What happens to each resource when one template takes the place of another."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from importlib.resources import files
from typing import Any

Resource = Mapping[str, Any]
Template = Mapping[str, Any]

DATA = {
    "AWS::EFS::FileSystem",
    "AWS::FSx::FileSystem",
    "AWS::S3::Bucket",
    "AWS::SecretsManager::Secret",
}
"""What holds data."""
_VIEWS = {"AWS::S3Files::FileSystem"}
"""What shows objects of a bucket, which stay when it goes."""
_JOBS = {"AWS::Batch::JobQueue", "AWS::Batch::ComputeEnvironment"}
_CDK = {"AWS::CDK::Metadata"}
# Properties that replace a resource by CloudFormation's documentation, which its schema does not list.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-fsx-filesystem-lustreconfiguration.html
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-batch-jobqueue.html
DOCUMENTED = {
    "AWS::Batch::JobQueue": ("Tags",),
    "AWS::FSx::FileSystem": (
        "LustreConfiguration/DeploymentType",
        "LustreConfiguration/ExportPath",
        "LustreConfiguration/ImportPath",
    ),
}


class Effect(Enum):
    """What happens to a resource, from harmless to not: the value is for people."""

    ADDED = "added"
    IN_PLACE = "changed in place"
    NEW_INSTANCES = "new version: instances that start from now on"
    REMOVED = "removed"
    REPLACED = "replaced"
    JOBS_END = "replaced or removed: its jobs end"
    DATA_DETACHED = "the data stays, but jobs no longer see it"
    DATA_DELETED = "DATA DELETED"

    @property
    def severity(self) -> int:
        """The larger, the worse."""
        return list(Effect).index(self)


@dataclass(frozen=True)
class Change:
    """A resource that differs between two templates.

    Attributes:
        logical_id: Its name in the template.
        type: Its CloudFormation type.
        effect: What happens to it.
        properties: The properties that differ, for one that is changed or replaced.
        causes: Those for which it is replaced: paths such as `LustreConfiguration/DeploymentType`, or `Type`.
    """

    logical_id: str
    type: str
    effect: Effect
    properties: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()


def changes(before: Template, after: Template) -> list[Change]:
    """Compare two templates of a stack, the worst effect first.

    A resource is replaced when a property differs that CloudFormation can set only when it makes the resource, or when
    such a property names another resource that is replaced.
    """
    old, new = _resources(before), _resources(after)
    replaced = _replaced(old, new)
    found = [*_gone(old, new, replaced), *_changed(old, new, replaced)]
    found += [Change(name, new[name]["Type"], Effect.ADDED) for name in new.keys() - old.keys()]
    return sorted(found, key=lambda one: (-one.effect.severity, one.type, one.logical_id))


def worst(found: Iterable[Change]) -> Effect | None:
    """The worst effect of all; None where nothing changes."""
    return max((one.effect for one in found), key=lambda effect: effect.severity, default=None)


@cache
def create_only() -> Mapping[str, tuple[str, ...]]:
    """The properties of each type that are set when a resource is made, and never again."""
    table = json.loads(files(__package__).joinpath("create_only.json").read_text(encoding="utf-8"))
    return {type_: (*paths, *DOCUMENTED.get(type_, ())) for type_, paths in table.items()}


def _resources(template: Template) -> dict[str, Resource]:
    return {name: one for name, one in template["Resources"].items() if one["Type"] not in _CDK}


def _replaced(old: Mapping[str, Resource], new: Mapping[str, Resource]) -> set[str]:
    both = old.keys() & new.keys()
    replaced = {
        name
        for name in both
        if old[name]["Type"] != new[name]["Type"]
        or any(before != after for _, before, after in _create_only_values(old[name], new[name]))
    }
    while True:  # what names a replaced resource where it cannot be told a new name is replaced with it
        more = {
            name
            for name in both - replaced
            if any(_names(after) & replaced for _, _, after in _create_only_values(old[name], new[name]))
        }
        if not more:
            return replaced
        replaced |= more


def _create_only_values(old: Resource, new: Resource) -> Iterator[tuple[str, Any, Any]]:
    for path in create_only().get(new["Type"], ()):
        yield path, _at(old.get("Properties", {}), path), _at(new.get("Properties", {}), path)


def _at(value: Any, path: str) -> Any:
    for part in path.split("/"):
        if part == "*" and isinstance(value, list):
            return value
        if not isinstance(value, Mapping):
            return None
        value = value.get(part)
    return value


def _names(value: Any) -> set[str]:
    """The logical ids that a value refers to."""
    if isinstance(value, list):
        return {name for one in value for name in _names(one)}
    if not isinstance(value, Mapping):
        return set()
    own = {value["Ref"]} if "Ref" in value else set()
    if "Fn::GetAtt" in value:
        own.add(value["Fn::GetAtt"][0])
    return own | {name for one in value.values() for name in _names(one)}


def _gone(old: Mapping[str, Resource], new: Mapping[str, Resource], replaced: set[str]) -> Iterator[Change]:
    for name in old.keys() - new.keys():
        effect = Effect.REMOVED
        if old[name]["Type"] in DATA | _VIEWS:
            effect = _kept(old[name], "DeletionPolicy")
        elif old[name]["Type"] in _JOBS:
            effect = Effect.JOBS_END
        yield Change(name, old[name]["Type"], effect)
    for name in replaced:
        effect = Effect.REPLACED
        if old[name]["Type"] in DATA | _VIEWS:
            effect = _kept(new[name], "UpdateReplacePolicy")
        elif old[name]["Type"] in _JOBS:
            effect = Effect.JOBS_END
        causes = _causes(old[name], new[name], replaced)
        yield Change(name, old[name]["Type"], effect, _differing(old[name], new[name]), causes)


def _causes(old: Resource, new: Resource, replaced: set[str]) -> tuple[str, ...]:
    if old["Type"] != new["Type"]:
        return ("Type",)
    return tuple(
        path for path, before, after in _create_only_values(old, new) if before != after or _names(after) & replaced
    )


def _kept(resource: Resource, policy: str) -> Effect:
    stays = resource.get(policy) in ("Retain", "RetainExceptOnCreate", "Snapshot") or resource["Type"] in _VIEWS
    return Effect.DATA_DETACHED if stays else Effect.DATA_DELETED


def _changed(old: Mapping[str, Resource], new: Mapping[str, Resource], replaced: set[str]) -> Iterator[Change]:
    for name in (old.keys() & new.keys()) - replaced:
        properties = _differing(old[name], new[name])
        if properties or _without_metadata(old[name]) != _without_metadata(new[name]):
            effect = Effect.NEW_INSTANCES if new[name]["Type"] == "AWS::EC2::LaunchTemplate" else Effect.IN_PLACE
            yield Change(name, new[name]["Type"], effect, properties)


def _without_metadata(resource: Resource) -> dict[str, Any]:
    """CloudFormation changes nothing for other metadata alone."""
    return {key: value for key, value in resource.items() if key != "Metadata"}


def _differing(old: Resource, new: Resource) -> tuple[str, ...]:
    before, after = old.get("Properties", {}), new.get("Properties", {})
    return tuple(sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key)))
