"""The contract by which an engine takes part in a rehearsal: what a head job of its own definition is given."""

import abc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from workflow_stacks.errors import WorkflowContextError


class WorkflowInputError(WorkflowContextError):
    """The workflow or its inputs cannot be used."""


class Stage(Protocol):
    """A place that head jobs and task jobs can read: the file system of the context, or its folder in S3."""

    def put(self, name: str, content: bytes) -> str:
        """Keep content under a relative name, and return where jobs find it."""
        ...


@dataclass(frozen=True)
class Submission:
    """What differs between two head jobs of one job definition.

    Attributes:
        parameters: Values for the `Ref::` parameters of the definition.
        environment: More environment.
        arguments: Arguments after the command of the definition.
    """

    parameters: Mapping[str, str]
    environment: Mapping[str, str] = field(default_factory=dict)
    arguments: Sequence[str] = ()


class LocalEngine(abc.ABC):
    """An engine that can run on the local cloud.

    Attributes:
        programs: What its head job runs, and the PyPI package that brings it.
        image: The repository of its container image, without a tag.
    """

    programs: Mapping[str, str]
    image: str

    def image_files(self) -> Mapping[str, str]:
        """Files that its image would bring, beside programs: path to text."""
        return {}

    @abc.abstractmethod
    def prepare(self, workflow: Path, inputs: Sequence[str], stage: Stage, results: str) -> Submission:
        """Bring the workflow and its inputs to the context.

        Args:
            workflow: The workflow, a file of this machine.
            inputs: What the user gave: `name=value`, or files of inputs.
            stage: Takes what jobs need to read.
            results: The folder in S3 where the outputs of this run shall be, with a final slash.

        Raises:
            WorkflowInputError: They cannot be used.
        """

    @abc.abstractmethod
    def outputs(self, read: Callable[[str], bytes | None], results: str) -> Mapping[str, Any]:
        """The outputs of a run that succeeded: name to value, files by their S3 address.

        Args:
            read: Reads an object of S3 by its address; None when there is none.
            results: The folder of the run.
        """
