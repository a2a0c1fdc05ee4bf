"""Runs of Toil: the workflow's folder in S3, and a job store for each run, which a resumed one goes on with."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from typing_extensions import override

from workflow_stacks.runs.record import RunRecord
from workflow_stacks.runs.staging import Stage, files_below
from workflow_stacks.runs.workflow_source import WorkflowSource

from .base import Place, RunEngine, Submission
from .cwl_inputs import cwl_inputs
from .wdl_inputs import wdl_inputs

_INPUTS: Mapping[str, Callable[[WorkflowSource, Sequence[str], Stage], dict[str, Any]]] = {
    "cwl": cwl_inputs,
    "wdl": wdl_inputs,
}
_ID_CHARACTERS = 28


class Toil(RunEngine):
    """WDL and CWL. The names of outputs are those that Toil itself prints at the end."""

    keeps_finished_runs = False  # Toil deletes the job store of a workflow that succeeded

    @override
    def prepare(self, source: WorkflowSource, inputs: Sequence[str], place: Place) -> Submission:
        values = _INPUTS[place.language](source, inputs, place.stage)
        return Submission(
            {
                "language": place.language,
                "workflow": _staged_workflow(source, place.stage),
                "inputs": place.stage.put(json.dumps(values).encode(), "inputs.json"),
                "outputs": place.results,
            },
            place.results,
            f"{place.results}outputs.json",
            values,
        )

    @override
    def resume(self, record: RunRecord, outputs: Mapping[str, str]) -> Mapping[str, str]:
        # As the head job names it: scripts/toil_head.sh of the constructs.
        digits = re.sub("[^0-9a-f]", "", record.head_jobs[0])[:_ID_CHARACTERS]
        return {**record.parameters, "jobStore": f"{outputs['JobStore']}-{digits}"}


def _staged_workflow(source: WorkflowSource, stage: Stage) -> str:
    process = f"#{source.process}" if source.process else ""
    if source.folder is None:
        return f"{source.main}{process}"
    return f"{stage.put_workflow(files_below(source.folder), source.main)}{process}"
