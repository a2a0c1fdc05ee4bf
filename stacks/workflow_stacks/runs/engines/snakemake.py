"""Runs of Snakemake: the Snakefile in S3 with what lies beside it; a directory for each run, or a folder in S3."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from typing_extensions import override

from workflow_stacks.runs.staging import Stage, WorkflowInputError, files_below
from workflow_stacks.runs.workflow_source import WorkflowSource

from .base import Place, RunEngine, Submission

# More often than on AWS: on the local cloud it costs nothing.
_OFTEN = ("--seconds-between-status-checks", "1")
_ASKED_AT_ONCE = {"WORKFLOW_FRESH_SECONDS": "1"}


class Snakemake(RunEngine):
    """Inputs are the configuration of the workflow. A resumed run does what is missing in its directory."""

    @override
    def prepare(self, source: WorkflowSource, inputs: Sequence[str], place: Place) -> Submission:
        if source.folder is None:
            raise WorkflowInputError(
                f"{source.main}: Snakemake reads workflows from a folder: give a repository (git+https://), an "
                "archive, or an s3:// address"
            )
        files = [given for given in inputs if "=" not in given]
        gone = [file for file in files if not Path(file).is_file()]
        if gone:
            raise WorkflowInputError(f"{', '.join(gone)}: neither name=value nor a file of configuration that exists")
        snakefile = _staged_snakefile(source, place.stage)
        values = dict(given.partition("=")[::2] for given in inputs if "=" in given)
        words = [*shlex.split(source.engine_options)]
        if values:
            words += ["--config", *(f"{name}={value}" for name, value in values.items())]
        if files:
            words += ["--configfile", *(place.stage.put_file(Path(file)) for file in files)]
        return self._submission(snakefile, words, values, place)

    def _submission(self, snakefile: str, words: list[str], values: dict[str, Any], place: Place) -> Submission:
        if place.mount:
            often, environment = (list(_OFTEN), _ASKED_AT_ONCE) if place.is_local else ([], {})
            directory = f"{place.mount}/snakemake/runs/{place.run_id}"
            options = shlex.join([*often, *words]) or "none"
            parameters = {"snakefile": snakefile, "directory": directory, "options": options}
            return Submission(parameters, f"{directory}/", inputs=values, environment=environment)
        home = place.command[place.command.index("--default-storage-prefix") + 1]
        folder = f"{home.rstrip('/')}/runs/{place.run_id}"
        options = shlex.join([*words, "--default-storage-prefix", folder])  # Snakemake takes the last one
        return Submission({"snakefile": snakefile, "options": options}, f"{folder}/", inputs=values)


def _staged_snakefile(source: WorkflowSource, stage: Stage) -> str:
    """Bring the workflow to S3: the layout that Snakemake recommends has `config` beside a folder `workflow`."""
    assert source.folder is not None  # noqa: S101  for the type checker: prepare has looked
    root, main = source.folder, source.main
    if root.name == "workflow" and "/" not in main:
        root, main = root.parent, f"workflow/{main}"
    return stage.put_workflow(files_below(root), main)
