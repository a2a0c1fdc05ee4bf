"""Runs of miniwdl: the workflow with its imports as one archive, inputs as one JSON file, both in S3."""

from __future__ import annotations

import json
from collections.abc import Sequence

from typing_extensions import override

from workflow_stacks.runs.workflow_source import WorkflowSource

from .base import Place, RunEngine, Submission
from .wdl_inputs import wdl_inputs, zipped_folder, zipped_wdl


class Miniwdl(RunEngine):
    """Checks workflow and inputs on this machine, where a mistake is found at once.

    What the head job uploads last names the outputs.
    """

    @override
    def prepare(self, source: WorkflowSource, inputs: Sequence[str], place: Place) -> Submission:
        values = wdl_inputs(source, inputs, place.stage)
        workflow = source.main
        if source.file is not None and source.folder is not None:
            packed = zipped_wdl(source.file) if source.checked else zipped_folder(source.folder, source.main)
            workflow = place.stage.put(packed, f"{source.file.stem}.zip")
        return Submission(
            {
                "workflow": workflow,
                "inputs": place.stage.put(json.dumps(values).encode(), "inputs.json"),
                "outputs": place.results,
            },
            place.results,
            f"{place.results}outputs.json",
            values,
        )
