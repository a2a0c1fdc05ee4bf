"""Runs of Cromwell: the workflow with its imports and its inputs are in the head job's parameters."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
from base64 import b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from typing_extensions import override

from workflow_stacks.runs.record import RunRecord
from workflow_stacks.runs.staging import WorkflowInputError
from workflow_stacks.runs.workflow_source import WorkflowSource

from .base import Place, RunEngine, Submission
from .wdl_inputs import wdl_files, wdl_inputs

MAX_CHARACTERS = 7_500
"""Of workflow and inputs together. AWS Batch gives a job to Amazon ECS, whose overrides hold 8,192 characters.
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskOverride.html"""
_PLAIN_INPUTS = 3_000
_SCRIPT = "BATCH_FILE_S3_URL"


class Cromwell(RunEngine):
    """The image of Cromwell has no program that reads from S3, so a head job is given what it needs, compressed."""

    @override
    def prepare(self, source: WorkflowSource, inputs: Sequence[str], place: Place) -> Submission:
        values = wdl_inputs(source, inputs, place.stage)
        workflow = source.main
        if source.file is not None:
            name, files = wdl_files(source.file)
            workflow = _packed(source.file, files)
            values = {key if "." in key else f"{name}.{key}": value for key, value in values.items()}
        text = json.dumps(values)
        if len(text) > _PLAIN_INPUTS:
            text = b64encode(gzip.compress(text.encode(), mtime=0)).decode()
        if len(workflow) + len(text) > MAX_CHARACTERS:
            raise WorkflowInputError(
                f"the workflow takes {len(workflow):,} characters, compressed, and its inputs {len(text):,}: together "
                f"a head job of Cromwell takes {MAX_CHARACTERS:,}. Give the https:// address of a workflow that "
                "Cromwell can read from there, or run it in a context with 'engine: miniwdl'"
            )
        return Submission({"workflow": workflow, "inputs": text, "outputs": place.results}, place.results, values)

    @override
    def is_task(self, record: RunRecord, job: Mapping[str, Any]) -> bool:
        # Cromwell tags no jobs. Each is told where its script is: below the name of the run.
        variables = job.get("container", {}).get("environment", [])
        return any(one["name"] == _SCRIPT and f"/{record.run_id}/" in one["value"] for one in variables)


def _packed(main: Path, files: Sequence[Path]) -> str:
    """A workflow with what it imports, as the head job unpacks it: the main file first."""
    root = os.path.commonpath([file.parent for file in files])
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for file in [main.resolve(), *sorted(set(files) - {main.resolve()})]:
            content = file.read_bytes()
            about = tarfile.TarInfo(os.path.relpath(file, root))
            about.size = len(content)
            tar.addfile(about, io.BytesIO(content))
    return b64encode(gzip.compress(archive.getvalue(), mtime=0)).decode()
