"""The contract by which an engine takes part in a local run: what a head job of its own definition is given."""

import abc
import hashlib
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol


class Stage(Protocol):
    """A place that head jobs and task jobs can read: the file system of the context, or its folder in S3."""

    def put(self, name: str, content: bytes, *, executable: bool = False) -> str:
        """Keep content under a relative name, and return where jobs find it."""
        ...


class Store(Protocol):
    """Where outputs are: objects in S3, or files on the file system."""

    def read(self, address: str) -> bytes | None:
        """Read an object; None when there is none."""
        ...

    def addresses(self, folder: str, *, since_ms: int) -> Sequence[str]:
        """The addresses of the objects in a folder that were written since then."""
        ...


@dataclass(frozen=True)
class Place:
    """Where a workflow is going to run.

    Attributes:
        command: The command of the head job definition.
        stage: Takes what jobs need to read.
        results: The folder in S3 where the outputs of this run shall be, with a final slash.
        mounted: Where jobs mount the stage; empty when it is in S3.
        endpoint: The address before `bucket/key` where jobs read staged files without signing the request.
    """

    command: Sequence[str]
    stage: Stage
    results: str
    mounted: str = ""
    endpoint: str = ""


@dataclass(frozen=True)
class Submission:
    """What differs between two head jobs of one job definition.

    Attributes:
        parameters: Values for the `Ref::` parameters of the definition.
        results: The folder where the outputs are going to be, in S3 or on the file system, with a final slash.
        environment: More environment.
        command: The command, when it is more than that of the definition.
    """

    parameters: Mapping[str, str]
    results: str
    environment: Mapping[str, str] = field(default_factory=dict)
    command: Sequence[str] = ()


class LocalEngine(abc.ABC):
    """An engine that can run on the local cloud.

    Attributes:
        programs: What its head job runs, and the package that brings it.
        images: The repositories of its container images, without tags.
        packages: The Python packages of its image as pip names them, with all that they require. Jobs in it see no
            others of this machine.
        entry_point: What its image runs, with the command of the job as arguments. Default: the command itself.
    """

    programs: Mapping[str, str]
    images: Sequence[str]
    entry_point: Sequence[str] = ()
    packages: Sequence[str] = ()

    def image_files(self) -> Mapping[str, str]:
        """Files that its image would bring: path to text. Those in /opt/image/bin are found as programs first."""
        return {}

    def machine_files(self) -> Mapping[str, str]:
        """Programs that the machines of its contexts get at boot, for tasks to mount: path to text."""
        return {}

    def how_to_get(self, missing: Sequence[str]) -> str:
        """What to do about packages that are not here."""
        return (
            f"pip install {' '.join(missing)} (into another virtual environment, if you like: name it with --software)"
        )

    @abc.abstractmethod
    def prepare(self, workflow: Path, inputs: Sequence[str], place: Place) -> Submission:
        """Bring the workflow and its inputs to the context.

        Args:
            workflow: The workflow, a file of this machine.
            inputs: What the user gave: `name=value`, or files of inputs.
            place: Where it is going to run.

        Raises:
            WorkflowInputError: They cannot be used.
        """

    def outputs(self, store: Store, results: str, *, since_ms: int) -> Mapping[str, Any]:
        """The outputs of a run that succeeded: name to value, files by their address. Default: all files it wrote.

        Args:
            store: Where they are.
            results: The folder that `prepare` named.
            since_ms: When the run began.
        """
        return {one.removeprefix(results): one for one in store.addresses(results, since_ms=since_ms)}


def staged_file(value: Any, stage: Stage) -> Any:
    """A value, or when it is a file of this machine, where jobs find that; the same content has the same place."""
    path = Path(value) if isinstance(value, str) and "://" not in value else None
    if path is None or not path.is_file():
        return value
    return staged_by_content(stage, path.read_bytes(), path.name)


def staged_by_content(stage: Stage, content: bytes, name: str) -> str:
    """Keep content under a name that the same content always has, and return where jobs find it."""
    return stage.put(f"local-runs/{_digest(content)}/{name}", content)


def staged_together(stage: Stage, files: Mapping[str, Path]) -> dict[str, str]:
    """Keep files beside each other, in a folder that all their contents name, and return where jobs find each.

    Args:
        stage: Where to.
        files: The name of each in the folder, and the file.
    """
    contents = {name: file.read_bytes() for name, file in sorted(files.items())}
    folder = _digest("".join(f"{name}\n{_digest(content)}\n" for name, content in contents.items()).encode())
    return {
        name: stage.put(
            f"local-runs/{folder}/{name}", content, executable=bool(files[name].stat().st_mode & stat.S_IXUSR)
        )
        for name, content in contents.items()
    }


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
