"""Snakemake on the local cloud: in a directory of the file system, or by its AWS Batch plugin with the files in S3."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from typing_extensions import override

from workflow_context.ended_runs import END_MARK
from workflow_stacks.local.batch import image_packages
from workflow_stacks.runs.staging import WorkflowInputError, files_below

from .base import (
    LocalEngine,
    Place,
    Stage,
    Store,
    Submission,
    staged_together,
)

# More often than on AWS: here it costs nothing.
OFTEN = ("--seconds-between-status-checks", "1")
ASKED_AT_ONCE = {"WORKFLOW_FRESH_SECONDS": "1"}


class Snakemake(LocalEngine):
    """Stages the Snakefile with what lies beside it. The same files are the same run, which does what is missing."""

    programs: Mapping[str, str] = {
        "snakemake": "snakemake snakemake-executor-plugin-aws-batch snakemake-storage-plugin-s3"
    }
    images: Sequence[str] = ("docker.io/snakemake/snakemake", "snakemake/snakemake")

    # The head job brings its plugin for the file system along; on S3 all jobs install theirs. pandas comes with peppy.
    # https://github.com/snakemake/snakemake/blob/v9.27.1/Dockerfile
    packages: Sequence[str] = ("snakemake[reports,messaging,pep]", "pandas")

    @override
    def image_files(self) -> Mapping[str, str]:
        """A pip that fetches nothing."""
        text = f"#!/usr/bin/env python\n{Path(image_packages.__file__).read_text(encoding='utf-8')}"
        return {"/opt/image/bin/pip": text, f"{image_packages.STAND_INS}/pip/__main__.py": text}

    @override
    def prepare(self, workflow: Path, inputs: Sequence[str], place: Place) -> Submission:
        """Inputs are the configuration of the workflow: `name=value`."""
        wrong = [given for given in inputs if "=" not in given]
        if wrong:
            raise WorkflowInputError(f"Inputs of a Snakefile are its configuration, as name=value: {', '.join(wrong)}")
        snakefile, folder = _stage_workflow(workflow, place.stage)
        configuration = ["--config", *inputs] if inputs else []
        if place.mounted:
            name = str(PurePosixPath(snakefile).relative_to(folder))
            options = shlex.join([*OFTEN, *configuration])
            return Submission({"snakefile": name, "directory": folder, "options": options}, f"{folder}/", ASKED_AT_ONCE)
        results = place.command[place.command.index("--default-storage-prefix") + 1]
        given = {"options": shlex.join(configuration)} if configuration else {}
        return Submission({"snakefile": snakefile, **given}, f"{results.rstrip('/')}/")

    @override
    def outputs(self, store: Store, results: str, *, since_ms: int) -> Mapping[str, Any]:
        """The files that the run wrote; Snakemake does not say which of them are results."""
        hidden = (END_MARK, ".snakemake/", "snakemake-workflow-sources")
        found = super().outputs(store, results, since_ms=since_ms)
        return {name: address for name, address in found.items() if not name.startswith(hidden)}


def _stage_workflow(workflow: Path, stage: Stage) -> tuple[str, str]:
    """Bring a workflow, in a folder that its content names: where jobs find the Snakefile, and the folder."""
    # The layout that Snakemake recommends has `config` beside a folder `workflow`.
    root = workflow.resolve().parent
    if root.name == "workflow":
        root = root.parent
    places = staged_together(stage, files_below(root))
    name = str(workflow.resolve().relative_to(root))
    return places[name], places[name].removesuffix(f"/{name}")
