"""What there is to know of a kind of workflow file system: one entry, from which everything else is found."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast, get_args

from workflow_context.catalog import EngineEntry
from workflow_stacks.project.findings import Problem
from workflow_stacks.project.section import Section

if TYPE_CHECKING:
    from workflow_context.models.file_systems import FileSystemModel
    from workflow_context.models.idle_costs import Pricer
    from workflow_stacks.build import FileSystemBuilder
    from workflow_stacks.diagram.boxes import Box, Part


class FileSystemSettings(Section):
    """What the project file says of a context's file system: base of the model of each kind.

    A kind gives `fs_type` the type `Literal["Name"]`, and may add a `configuration`.
    """

    health_data: ClassVar[Mapping[str, Any]] = MappingProxyType({"removal_policy": "retain"})
    """What health data needs of the kind's configuration, by the name of the field: set where it is not written."""

    fs_type: str

    @property
    @abstractmethod
    def throughput(self) -> str:
        """How throughput is granted, in a few words: `elastic`, `provisioned 1024 MiB/s`."""

    def facts(self) -> Iterator[tuple[str, str]]:
        """Yield what `describe` shows of the file system: a name and a value each."""
        yield "throughput", self.throughput

    def architecture_problems(self, architecture: str) -> Iterator[Problem]:
        """Yield what does not go with the processor of the machines; paths begin at the file system's own mapping.

        Args:
            architecture: `x86_64` or `arm64`, of the machines that run tasks.
        """
        del architecture
        yield from ()

    def for_health_data(self) -> Self:
        """Return the same file system with what health data needs, where the project file does not say otherwise."""
        written = getattr(self, "configuration", None)
        if not isinstance(written, Section):
            return self
        missing = {name: value for name, value in self._health_data_of(written) if name not in written.model_fields_set}
        return self.model_copy(update={"configuration": written.model_copy(update=missing)}) if missing else self

    def health_data_problems(self) -> Iterator[Problem]:
        """Yield what does not go with health data; paths begin at the file system's own mapping."""
        written = getattr(self, "configuration", None)
        if not isinstance(written, Section):
            return
        for name, value in self._health_data_of(written):
            if name in written.model_fields_set and getattr(written, name) != value:
                key = type(written).model_fields[name].alias or name
                shown = str(value).lower()
                yield Problem(
                    ("configuration", key),
                    f"the context says compliance: hipaa, which needs '{key}: {shown}'",
                    shown,
                    f"remove {key}, which means {shown}",
                )

    def _health_data_of(self, configuration: Section) -> Iterator[tuple[str, Any]]:
        return ((name, value) for name, value in self.health_data.items() if name in type(configuration).model_fields)

    @property
    def has_key_of_aws(self) -> bool:
        """Whether its data is under a key of AWS because none is written, and the project's is not used for it.

        So it is where a key can be chosen only when the file system is made: one written for the project later would
        replace it.
        """
        return False

    def deploy_warnings(self, max_vcpus: int) -> Iterator[Problem]:
        """Yield warnings about what a right configuration may surprise with; paths begin at its own mapping.

        Args:
            max_vcpus: How many vCPUs the tasks may use at the same time.
        """
        del max_vcpus
        yield from ()


@dataclass(frozen=True)
class FileSystemKind:
    """A kind of workflow file system.

    References are `module:attribute`; they are imported when they are needed, so that a project file can be checked
    without starting Node.js.

    Attributes:
        settings: The model of its part of the project file. The one word of its `fs_type` is the kind's name.
        title: Its name for people.
        builder: Reference to its `FileSystemBuilder`, which defines the construct.
        serves_fargate: Whether a Fargate job can use it, as the construct says too.
        mount_path: Where jobs find it, as the construct says too; empty when there is nothing to mount.
        directories: Whether a directory of it can have rights of its own, as the construct says too.
        run_volumes: Whether runs can be given storage of their own on it, as the construct says too.
        engines: Engines that work on it although their own entries do not name it: how a kind from another package
            says which engines it serves.
        cost_models: Reference to a sequence of `FileSystemModel`s: what `recommend` and `cost --workload` compare.
            Default: no estimate for a workload on it.
        pricers: Reference to a mapping from resource type to `Pricer`, for resource types that `cost` does not know:
            what it costs idle. Where resources of one type differ by their property `FileSystemType`, the key is
            `AWS::FSx::FileSystem:OPENZFS`. Default: none.
        boxes: Reference to a mapping from resource type, written alike, to `Box` or `Part`: how `diagram` draws it.
            Default: not drawn.
    """

    settings: type[FileSystemSettings]
    title: str
    builder: str
    serves_fargate: bool = True
    mount_path: str = ""
    directories: bool = False
    run_volumes: bool = False
    engines: tuple[str, ...] = ()
    cost_models: str = ""
    pricers: str = ""
    boxes: str = ""

    @property
    def name(self) -> str:
        """The `fsType` of the project file."""
        return str(get_args(self.settings.model_fields["fs_type"].annotation)[0])

    def works_with(self, engine: EngineEntry) -> bool:
        """Whether an engine works on it."""
        return self.name in engine.storages or engine.name in self.engines

    def heads_on_fargate(self, engine: EngineEntry) -> bool:
        """Whether the head jobs of an engine run on Fargate on it."""
        return self.serves_fargate and self.name not in engine.heads_on_ec2

    def builder_for(self, settings: FileSystemSettings) -> FileSystemBuilder[Any]:
        """Return what defines the construct. This starts the Node.js process of the CDK."""
        return cast("type[FileSystemBuilder[Any]]", _load(self.builder))(settings)

    def load_cost_models(self) -> Sequence[FileSystemModel]:
        """Import its cost models."""
        return cast("Sequence[FileSystemModel]", _load(self.cost_models)) if self.cost_models else ()

    def load_pricers(self) -> Mapping[str, Pricer]:
        """Import the prices of its resource types."""
        return cast("Mapping[str, Pricer]", _load(self.pricers)) if self.pricers else {}

    def load_boxes(self) -> Mapping[str, Box | Part]:
        """Import how its resource types are drawn."""
        return cast("Mapping[str, Box | Part]", _load(self.boxes)) if self.boxes else {}


def _load(reference: str) -> object:
    module, _, name = reference.partition(":")
    return getattr(import_module(module), name)
