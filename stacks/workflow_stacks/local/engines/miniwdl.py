"""miniwdl on the local cloud: `miniwdl-run-s3upload`, as the head job definition of the context runs it."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .base import (
    LocalEngine,
    Place,
    Stage,
    Store,
    Submission,
    WorkflowInputError,
    read_json,
    staged_by_content,
)

# What the image has at this place, but asking more often: here it costs nothing.
CONFIGURATION = """\
[scheduler]
container_backend = aws_batch_job
call_concurrency = 80
[file_io]
root = /mnt/efs
[task_runtime]
defaults = {"docker": "ubuntu:20.04", "preemptible": 2}
[call_cache]
dir = /mnt/efs/miniwdl_run/_CACHE/call
get = true
put = true
[download_cache]
dir = /mnt/efs/miniwdl_run/_CACHE/download
get = true
flock = false
[aws]
job_timeout = 864000
describe_period = 0.5
submit_period = 0.05
retry_wait = 1
"""
FILES = ("File", "Directory")


class Miniwdl(LocalEngine):
    """Stages the workflow with its imports as one archive, and local files by their content."""

    programs: Mapping[str, str] = {"miniwdl": "miniwdl", "miniwdl-run-s3upload": "miniwdl-aws", "aws": "awscli"}
    images: Sequence[str] = ("ghcr.io/miniwdl-ext/miniwdl-aws",)

    def image_files(self) -> Mapping[str, str]:
        """The configuration that makes miniwdl use AWS Batch."""
        return {"/etc/xdg/miniwdl.cfg": CONFIGURATION}

    def prepare(self, workflow: Path, inputs: Sequence[str], place: Place) -> Submission:
        """Check the workflow here, where a mistake is found at once."""
        types = _types(workflow)
        values: dict[str, Any] = {}
        for given in inputs:
            name, equals, text = given.partition("=")
            if equals:
                _add(values, name, text, types.get(name))
            else:
                values |= read_json(Path(given))
        stage = place.stage
        staged = {name: _stage(value, types.get(name.rpartition(".")[2]), stage) for name, value in values.items()}
        archive = staged_by_content(stage, _zipped(workflow), f"{workflow.stem}.zip")
        return Submission(
            {
                "workflow": archive,
                "inputs": staged_by_content(stage, json.dumps(staged).encode(), "inputs.json"),
                "outputs": place.results,
            },
            place.results,
        )

    def outputs(self, store: Store, results: str, *, since_ms: int) -> Mapping[str, Any]:
        """What the head job uploaded last."""
        del since_ms
        content = store.read(f"{results}outputs.json")
        found: dict[str, Any] = json.loads(content) if content else {}
        return found


def _types(workflow: Path) -> dict[str, Any]:
    """The type of each input that the workflow has."""
    import WDL

    def said(error: Any) -> str:
        position = getattr(error, "pos", None)
        return f"{position.abspath}:{position.line}: {error}" if position else f"{workflow}: {error}"

    try:
        document = WDL.load(str(workflow))
    except WDL.Error.MultipleValidationErrors as errors:
        raise WorkflowInputError("\n".join(said(error) for error in errors.exceptions)) from errors
    except (WDL.Error.SyntaxError, WDL.Error.ImportError, WDL.Error.ValidationError) as error:
        cause = error.__cause__ if isinstance(error, WDL.Error.ImportError) else None
        raise WorkflowInputError(said(cause or error)) from error
    target = document.workflow or (document.tasks[0] if len(document.tasks) == 1 else None)
    if target is None:
        raise WorkflowInputError(f"{workflow} has no workflow")
    return {binding.name: binding.value.type for binding in target.available_inputs}


def _add(values: dict[str, Any], name: str, text: str, type_: Any) -> None:
    """Take `name=value`; given more than once, the values are an array."""
    if type_ is None:
        raise WorkflowInputError(f"The workflow has no input '{name}'")
    kind = str(type_).removesuffix("?")
    if not kind.startswith("Array[") or text.startswith("["):
        values[name] = _value(text, kind)
    else:
        item = kind[len("Array[") :].rstrip("+").removesuffix("]").removesuffix("?")
        values.setdefault(name, []).append(_value(text, item))


def _value(text: str, kind: str) -> Any:
    if kind in ("String", *FILES):
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        raise WorkflowInputError(f"'{text}' is no {kind}") from error


def _stage(value: Any, type_: Any, stage: Stage) -> Any:
    """Bring local files to the context; the same content has the same place, so that calls are found in the cache."""
    if isinstance(value, list):
        return [_stage(item, type_, stage) for item in value]
    if isinstance(value, dict):
        return {key: _stage(item, type_, stage) for key, item in value.items()}
    may_be_file = type_ is None or any(kind in str(type_) for kind in FILES) or not _is_plain(type_)
    if not isinstance(value, str) or not may_be_file or "://" in value:
        return value
    path = Path(value)
    if path.is_dir() and "Directory" in str(type_):
        raise WorkflowInputError(f"{value} is a directory of this machine: put it on the file system or in S3 first")
    return staged_by_content(stage, path.read_bytes(), path.name) if path.is_file() else value


def _is_plain(type_: Any) -> bool:
    """Whether a type has a name of WDL's own: a struct may hold files."""
    return str(type_).rstrip("?+]").rpartition("[")[2] in ("Boolean", "Int", "Float", "String")


def _zipped(workflow: Path) -> bytes:
    """The workflow and all it imports, as `miniwdl zip` packs them."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "workflow.zip")
        command = [sys.executable, "-m", "WDL", "zip", "--output", str(file), str(workflow)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise WorkflowInputError(f"{workflow} cannot be packed:\n{done.stderr.strip()}")
        return file.read_bytes()
