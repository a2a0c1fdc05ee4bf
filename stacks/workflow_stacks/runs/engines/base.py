"""What an engine says of runs: how a workflow is staged, started and resumed, and where its outputs are."""

from __future__ import annotations

import abc
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import yaml

from workflow_context.pbs.outputs import Store
from workflow_stacks.runs.record import RunEnd, RunRecord
from workflow_stacks.runs.staging import Stage, WorkflowInputError
from workflow_stacks.runs.workflow_source import WorkflowSource


@dataclass(frozen=True)
class Place:
    """Where a workflow is going to run.

    Attributes:
        run_id: The id of the run.
        stage: Takes what jobs need to read.
        results: A folder in S3 for the outputs of this run alone, with a final slash.
        mount: Where jobs find the shared file system; empty when there is none.
        parameters: The parameters of the head job definition, with their defaults.
        command: The command of the head job definition.
        language: The language of the context's workflows.
        image: The image of the head job, with its tag.
        room: How many characters the parameters of the head job may have together, as JSON writes them.
        is_local: Whether it is on the local cloud.
    """

    run_id: str
    stage: Stage
    results: str
    mount: str
    parameters: Mapping[str, str]
    command: Sequence[str] = ()
    language: str = ""
    image: str = ""
    room: int = 0
    is_local: bool = False


@dataclass(frozen=True)
class Submission:
    """What a head job is given.

    Attributes:
        parameters: Values for the `Ref::` parameters of its definition.
        outputs: Where the outputs are going to be: an `s3://` folder or one of the file system, with a final slash.
        outputs_named_in: The JSON file in which the engine is going to name them; empty when all files that it writes
            to the folder are outputs.
        inputs: The inputs as they were understood, for the record.
        environment: More environment.
    """

    parameters: Mapping[str, str]
    outputs: str
    outputs_named_in: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)


class RunEngine(abc.ABC):
    """An engine whose workflows can be run by `workflow-context run`.

    Attributes:
        keeps_finished_runs: Whether a run that succeeded can be resumed, and then finds all its tasks done.
    """

    keeps_finished_runs = True

    @abc.abstractmethod
    def prepare(self, source: WorkflowSource, inputs: Sequence[str], place: Place) -> Submission:
        """Bring the workflow and its inputs to the context.

        Args:
            source: The workflow.
            inputs: What the user gave: `name=value`, or files of inputs in JSON or YAML.
            place: Where it is going to run.

        Raises:
            WorkflowInputError: They cannot be used.
        """

    def resume(self, record: RunRecord, outputs: Mapping[str, str]) -> Mapping[str, str]:
        """The parameters of a head job that goes on with a run. Default: those of the run itself.

        Args:
            record: The run.
            outputs: The outputs of the context's stack.
        """
        del outputs
        return record.parameters

    def is_task(self, record: RunRecord, job: Mapping[str, Any]) -> bool:
        """Whether a job without the tag of any run is a task of a run. Default: no, the engine tags its jobs.

        Args:
            record: The run.
            job: The job, as AWS Batch describes it.
        """
        del record, job
        return False

    def end(self, folder: str, store: Store) -> RunEnd | None:
        """How a run ended whose head job could not note it, by what the engine left in a folder.

        Default: nothing is known.

        Args:
            folder: The folder in S3 for the log of this run alone, with a final slash.
            store: Reads it.
        """
        del folder, store
        return None


def read_inputs(source: WorkflowSource, inputs: Sequence[str]) -> dict[str, Any]:
    """Inputs of an engine without types: the files of the manifest first, then what the user gave.

    Raises:
        WorkflowInputError: One is neither `name=value` nor a file of inputs.
    """
    values: dict[str, Any] = {}
    for file in source.inputs:
        values |= read_file(file)
    return values | read_values(inputs)


def read_values(inputs: Sequence[str]) -> dict[str, Any]:
    """What the user gave to an engine without types: `name=value`, where a value may be JSON, or files of inputs.

    Raises:
        WorkflowInputError: One is neither.
    """
    values: dict[str, Any] = {}
    for given in inputs:
        name, equals, text = given.partition("=")
        values |= {name: _json_or_text(text)} if equals else read_file(Path(given))
    return values


def read_file(file: Path) -> dict[str, Any]:
    """Read a file of inputs without types: each text that names something in the folder of the file is a path.

    Raises:
        WorkflowInputError: It cannot be read, or holds no mapping.
    """
    found: dict[str, Any] = from_folder(read_mapping(file), file.parent)
    return found


def read_mapping(file: Path) -> dict[str, Any]:
    """Read a file of inputs, JSON or YAML, as it is written.

    Raises:
        WorkflowInputError: It cannot be read, or holds no mapping.
    """
    try:
        text = file.read_text(encoding="utf-8")
        found = json.loads(text) if file.suffix == ".json" else yaml.safe_load(text)
    except (OSError, UnicodeDecodeError) as error:
        raise WorkflowInputError(f"{file} is neither name=value nor a file that can be read: {error}") from error
    except json.JSONDecodeError as error:
        raise WorkflowInputError(f"{file}:{error.lineno}: not JSON: {error.msg}") from error
    except yaml.YAMLError as error:
        raise WorkflowInputError(f"{file} is not YAML: {error}") from error
    if not isinstance(found, dict):
        raise WorkflowInputError(f"{file} must hold a mapping of input names to values")
    return {str(name): value for name, value in found.items()}


def from_folder(value: Any, folder: Path) -> Any:
    """A value in which each text that names something in a folder is a path that exists here."""
    if isinstance(value, list):
        return [from_folder(one, folder) for one in value]
    if isinstance(value, dict):
        return {key: from_folder(one, folder) for key, one in value.items()}
    if isinstance(value, str) and value and "://" not in value and "\n" not in value and len(value) < 1024:
        beside = folder / value
        if beside.exists():
            return str(beside)
    return value


class TakesFiles(Protocol):
    """Where files of this machine are brought."""

    def put_file(self, file: Path) -> str:
        """Bring a file, and return where jobs find it."""
        ...


def staged(value: Any, stage: TakesFiles) -> Any:
    """A value with every file of this machine in it replaced by where jobs find it.

    Raises:
        WorkflowInputError: It names a folder of this machine.
    """
    if isinstance(value, list):
        return [staged(one, stage) for one in value]
    if isinstance(value, dict):
        return {key: staged(one, stage) for key, one in value.items()}
    path = Path(value) if isinstance(value, str) and 0 < len(value) < 1024 and "://" not in value else None
    if path is None or "\n" in str(value):
        return value
    return stage.put_file(path) if path.is_file() else value


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
