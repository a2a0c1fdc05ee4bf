"""The one registry of file systems: a line for each kind, and what other packages add.

The union of models that reads a project file, the names in messages and in the JSON Schema, the table of
`workflow-context engines`, builders, cost models, prices and the boxes of the diagram are all found from here. Other
packages add kinds: each names a `FileSystemKind` as an entry point of the group `workflow_context.file_systems`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, Union

from pydantic import BeforeValidator, Discriminator, Tag, ValidationError

from workflow_context.catalog import ENGINES, EngineEntry
from workflow_context.plugins import PluginError, plugins
from workflow_stacks.project.findings import Problem, closest, did_you_mean, join_words, repr_value
from workflow_stacks.project.section import Section
from workflow_stacks.project.values import raise_problems, value_error

from .efs import EfsSettings
from .fsx_lustre import FsxLustreSettings
from .kind import FileSystemKind, FileSystemSettings
from .objectivefs import OfsSettings
from .s3 import S3Settings
from .s3_files import S3FilesSettings

if TYPE_CHECKING:
    from workflow_context.models.file_systems import FileSystemModel
    from workflow_context.models.idle_costs import Pricer

_BUILD, _MODELS, _BOXES = "workflow_stacks.build", "workflow_context.models.file_systems", "workflow_stacks.diagram"

_BUILT_IN = (
    FileSystemKind(
        EfsSettings,
        "Amazon EFS",
        f"{_BUILD}.efs:EfsBuilder",
        mount_path="/mnt/efs",
        directories=True,
        run_volumes=True,
        cost_models=f"{_MODELS}.efs:MODELS",
        boxes=f"{_BOXES}.boxes:EFS",
    ),
    FileSystemKind(
        S3Settings,
        "Amazon S3",
        f"{_BUILD}.s3:S3Builder",
        cost_models=f"{_MODELS}.s3:MODELS",
    ),
    FileSystemKind(
        S3FilesSettings,
        "Amazon S3 Files",
        f"{_BUILD}.s3_files:S3FilesBuilder",
        mount_path="/mnt/s3files",
        cost_models=f"{_MODELS}.s3_files:MODELS",
        boxes=f"{_BOXES}.boxes:S3_FILES",
    ),
    FileSystemKind(
        OfsSettings,
        "ObjectiveFS",
        f"{_BUILD}.objectivefs:ObjectiveFsBuilder",
        mount_path="/mnt/objectivefs",
        serves_fargate=False,
        run_volumes=True,
        cost_models=f"{_MODELS}.objectivefs:MODELS",
    ),
    FileSystemKind(
        FsxLustreSettings,
        "Amazon FSx for Lustre",
        f"{_BUILD}.fsx_lustre:FsxLustreBuilder",
        mount_path="/mnt/fsx",
        serves_fargate=False,
        cost_models=f"{_MODELS}.fsx_lustre:MODELS",
        boxes=f"{_BOXES}.boxes:FSX_LUSTRE",
    ),
)


def _by_name(*kinds: FileSystemKind) -> Mapping[str, FileSystemKind]:
    found: dict[str, FileSystemKind] = {}
    for kind in kinds:
        if found.setdefault(kind.name, kind) is not kind:
            message = f"two file systems are named {kind.name!r}; one comes from an installed package: uninstall it"
            raise PluginError(message)
    return MappingProxyType(found)


FILE_SYSTEMS: Mapping[str, FileSystemKind] = _by_name(
    *_BUILT_IN, *plugins("workflow_context.file_systems", FileSystemKind)
)
"""The kinds by `fsType`: those of this package, then those that other packages add."""


def file_systems_of(engine: EngineEntry) -> tuple[str, ...]:
    """Return every `fsType` that an engine works on, those that its own entry names first."""
    own = [name for name in engine.storages if name in FILE_SYSTEMS]
    return (*own, *(name for name, kind in FILE_SYSTEMS.items() if kind.works_with(engine) and name not in own))


def engines_on(kind: FileSystemKind) -> tuple[str, ...]:
    """Return the names of the engines that work on a kind."""
    return tuple(name for name, engine in ENGINES.items() if kind.works_with(engine))


def support_table() -> list[list[str]]:
    """Which engine works on which file system, as rows of text: the titles, then one row for each engine."""
    titles = ["engine", "languages", *FILE_SYSTEMS]
    rows = [
        [engine.name, ", ".join(engine.languages), *(_support(engine, kind) for kind in FILE_SYSTEMS.values())]
        for engine in ENGINES.values()
    ]
    return [titles, *rows]


def _support(engine: EngineEntry, kind: FileSystemKind) -> str:
    if kind.name == engine.default_storage:
        return "default"
    return "yes" if kind.works_with(engine) else "-"


def cost_models() -> tuple[FileSystemModel, ...]:
    """Return the cost models of every kind: what is compared for a workload."""
    return tuple(model for kind in FILE_SYSTEMS.values() for model in kind.load_cost_models())


def more_pricers() -> dict[str, Pricer]:
    """Return what kinds add to the prices of resource types."""
    return {name: pricer for kind in FILE_SYSTEMS.values() for name, pricer in kind.load_pricers().items()}


def _names() -> str:
    return join_words(f"{name} ({kind.title})" for name, kind in FILE_SYSTEMS.items())


def _of_a_known_kind(value: Any) -> Any:
    """Refuse a kind that has no model, before its keys are read with another kind's model."""
    if isinstance(value, Section):
        return value
    if not isinstance(value, dict):
        remedy = f"write 'fsType: {repr_value(value)[1:-1]}' below it, indented" if isinstance(value, str) else ""
        message = f"expected a mapping of keys, got {repr_value(value)}"
        raise value_error(message, allowed="a mapping of keys", remedy=remedy)
    if _kind(value) in FILE_SYSTEMS:
        return value
    key = _key_of_kind(value)
    if key is None:
        raise value_error(
            "the kind of the file system is missing", allowed=_names(), remedy="add 'fsType: EFS'", check="missing-key"
        )
    written, problems = value[key], []
    if key != "fsType":
        message = f"unknown key {repr_value(key)}"
        problems.append(
            Problem((key,), message, "fsType, configuration", "did you mean 'fsType'?", check="unknown-key")
        )
    if not isinstance(written, str) or written not in FILE_SYSTEMS:
        remedy = did_you_mean(written, FILE_SYSTEMS) if isinstance(written, str) else ""
        problems.append(Problem((key,), f"there is no file system {repr_value(written)}", _names(), remedy))
    raise_problems("filesystem", problems, _other_mistakes(value, key))
    return value


def meant_kind(value: Mapping[str, Any]) -> str | None:
    """Return the `fsType` that a file system's mapping means, even if it is misspelt; None when that is not clear."""
    key = _key_of_kind(value)
    written = value[key] if key is not None else None
    return closest(written, FILE_SYSTEMS) if isinstance(written, str) else None


def _key_of_kind(value: Mapping[str, Any]) -> str | None:
    """The key that says the kind: `fsType`, or one that is nearly written so."""
    if "fsType" in value:
        return "fsType"
    return next((key for key in value if key != "configuration" and closest(key, ("fsType",))), None)


def _other_mistakes(value: Mapping[str, Any], key: str) -> ValidationError | None:
    """What else is wrong with a file system whose kind is misspelt, read as the kind that is meant."""
    meant = meant_kind(value)
    if meant is None:
        return None
    rest = {name: part for name, part in value.items() if name != key}
    try:
        FILE_SYSTEMS[meant].settings.model_validate({**rest, "fsType": meant}, by_alias=True, by_name=False)
    except ValidationError as error:
        return error
    return None


def _kind(value: Any) -> str:
    """The `fsType` of what was written, or of a model that is there already."""
    return str(value.get("fsType", value.get("fs_type")) if isinstance(value, dict) else getattr(value, "fs_type", ""))


if TYPE_CHECKING:
    Filesystem: TypeAlias = FileSystemSettings
else:
    Filesystem = Annotated[
        Union[tuple(Annotated[kind.settings, Tag(name)] for name, kind in FILE_SYSTEMS.items())],  # noqa: UP007  made of a tuple
        Discriminator(_kind),
        BeforeValidator(_of_a_known_kind),
    ]
"""The file system of an engine, as the project file says it: `fsType` tells which model reads it."""
