"""Runs of Nextflow: the pipeline's folder in S3, or a repository that Nextflow fetches by itself."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from typing_extensions import override

from workflow_stacks.runs.record import RunRecord
from workflow_stacks.runs.staging import WorkflowInputError, digest_of, files_below
from workflow_stacks.runs.workflow_source import WorkflowSource

from .base import Place, RunEngine, Submission, read_inputs, staged

_OPTIONS = {"-profile": "profile", "-r": "revision", "-revision": "revision"}
_RUNS_DSL_1 = re.compile(r":v?(19|20|21|22)\.(0\d|10)\.")
"""Tags of images of Nextflow up to release 22.10, after which DSL 1 was removed."""


class Nextflow(RunEngine):
    """A run is a session of Nextflow, which has the id of its first head job: a resumed run goes on with that."""

    @override
    def prepare(self, source: WorkflowSource, inputs: Sequence[str], place: Place) -> Submission:
        if source.file is not None and not _RUNS_DSL_1.search(place.image):
            _check_language(source.file)
        # On the local cloud Nextflow needs its plugin for S3 only in contexts without a file system, where it must be
        # given one that finds the local cloud; elsewhere files come with the pipeline and results stay on the mount.
        without_s3 = place.is_local and bool(place.mount)
        given, beside = read_inputs(source, inputs), _Beside()
        stage = beside if without_s3 and source.folder is not None else place.stage
        values = {name: staged(value, stage) for name, value in given.items()}
        own = f"{place.mount}/nextflow/results/{place.run_id}" if without_s3 else place.results
        outputs = str(values.setdefault("outdir", own.rstrip("/")))
        if not outputs.startswith(("s3://", f"{place.mount or 's3:/'}/")):
            where = f" or below {place.mount}" if place.mount else ""
            raise WorkflowInputError(f"outdir is {outputs}; jobs can write to s3://{where}")
        return Submission(
            {
                "pipeline": _pipeline(source, place, beside.files),
                "parameters": place.stage.put(json.dumps(values, sort_keys=True).encode(), "parameters.json"),
                **_options(source),
            },
            f"{outputs.rstrip('/')}/",
            inputs=values,
        )

    @override
    def resume(self, record: RunRecord, outputs: Mapping[str, str]) -> Mapping[str, str]:
        del outputs
        return {**record.parameters, "session": record.head_jobs[0]}


@dataclass
class _Beside:
    """Takes files that head jobs find beside the main script, which they copy to the folder `pipeline`.

    Attributes:
        files: The path of each there, and the file.
    """

    files: dict[str, Path] = field(default_factory=dict)

    def put_file(self, file: Path) -> str:
        """Take a file, and return where the pipeline finds it."""
        name = f"workflow-inputs/{digest_of(file)}/{file.name}"
        self.files[name] = file
        return f"pipeline/{name}"


def _pipeline(source: WorkflowSource, place: Place, beside: Mapping[str, Path]) -> str:
    if source.folder is None:
        return source.main
    return place.stage.put_workflow({**files_below(source.folder), **beside}, source.main)


def _options(source: WorkflowSource) -> dict[str, str]:
    """What a manifest says of the engine's command line, as parameters of the head job."""
    found: dict[str, str] = {}
    words = shlex.split(source.engine_options)
    for option, value in zip(words[::2], words[1::2], strict=False):
        if option not in _OPTIONS:
            raise WorkflowInputError(
                f"engineOptions has '{option}', which head jobs do not take: they take {', '.join(_OPTIONS)}"
            )
        found[_OPTIONS[option]] = value
    return found


def _check_language(script: Path) -> None:
    """Scripts of the first generation of the language are refused by every release after 22.10.

    https://www.nextflow.io/docs/latest/dsl1.html

    Raises:
        WorkflowInputError: This is one.
    """
    text: Any = script.read_text(encoding="utf-8", errors="replace")
    has_workflow = any(line.lstrip().startswith(("workflow ", "workflow{")) for line in text.splitlines())
    has_channels_into_processes = any(
        " from " in line and line.lstrip().startswith(("val", "path", "file", "set", "tuple", "each"))
        for line in text.splitlines()
    )
    if "nextflow.enable.dsl=1" in text.replace(" ", "") or (has_channels_into_processes and not has_workflow):
        raise WorkflowInputError(
            f"{script} is written in DSL 1, which Nextflow runs only up to release 22.10. Write it in DSL 2 "
            "(https://www.nextflow.io/docs/latest/dsl1.html), or set 'image' of the engine to an image of 22.10"
        )
