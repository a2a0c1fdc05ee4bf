"""miniwdl on the local cloud: `miniwdl-run-s3upload`, as the head job definition of the context runs it."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workflow_stacks.runs.engines.base import read_file
from workflow_stacks.runs.engines.wdl_inputs import add_wdl_input, may_be_wdl_file, wdl_types, zipped_wdl
from workflow_stacks.runs.staging import WorkflowInputError

from .base import (
    LocalEngine,
    Place,
    Stage,
    Store,
    Submission,
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


class Miniwdl(LocalEngine):
    """Stages the workflow with its imports as one archive, and local files by their content."""

    programs: Mapping[str, str] = {"miniwdl": "miniwdl", "miniwdl-run-s3upload": "miniwdl-aws", "aws": "awscli"}
    images: Sequence[str] = ("ghcr.io/miniwdl-ext/miniwdl-aws",)
    # The AWS CLI is a program there, and a package here.
    # https://github.com/miniwdl-ext/miniwdl-aws/blob/main/Dockerfile
    packages: Sequence[str] = ("miniwdl-aws", "awscli", "setuptools")

    def image_files(self) -> Mapping[str, str]:
        """The configuration that makes miniwdl use AWS Batch."""
        return {"/etc/xdg/miniwdl.cfg": CONFIGURATION}

    def prepare(self, workflow: Path, inputs: Sequence[str], place: Place) -> Submission:
        """Check the workflow here, where a mistake is found at once."""
        types = wdl_types(workflow)
        values: dict[str, Any] = {}
        for given in inputs:
            name, equals, text = given.partition("=")
            if equals:
                add_wdl_input(values, name, text, types)
            else:
                values |= read_file(Path(given))
        stage = place.stage
        staged = {name: _stage(value, _kind(types, name), stage) for name, value in values.items()}
        archive = staged_by_content(stage, zipped_wdl(workflow), f"{workflow.stem}.zip")
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


def _kind(types: Mapping[str, tuple[Any, bool]], name: str) -> str:
    """The type of an input, as WDL writes it; empty when the workflow does not say."""
    found = types.get(name.rpartition(".")[2])
    return str(found[0]) if found else ""


def _stage(value: Any, kind: str, stage: Stage) -> Any:
    """Bring local files to the context; the same content has the same place, so that calls are found in the cache."""
    if isinstance(value, list):
        return [_stage(item, kind, stage) for item in value]
    if isinstance(value, dict):
        return {key: _stage(item, kind, stage) for key, item in value.items()}
    if not isinstance(value, str) or not may_be_wdl_file(kind) or "://" in value:
        return value
    path = Path(value)
    if path.is_dir() and "Directory" in kind:
        raise WorkflowInputError(f"{value} is a directory of this machine: put it on the file system or in S3 first")
    return staged_by_content(stage, path.read_bytes(), path.name) if path.is_file() else value
