"""Runs of miniwdl: the workflow with its imports as one archive, inputs as one JSON file, both in S3."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from typing_extensions import override

from workflow_stacks.runs.record import RunRecord
from workflow_stacks.runs.staging import WorkflowInputError
from workflow_stacks.runs.workflow_source import WorkflowSource

from .base import Place, RunEngine, Store, Submission
from .wdl_inputs import wdl_inputs


class Miniwdl(RunEngine):
    """Checks workflow and inputs on this machine, where a mistake is found at once."""

    @override
    def prepare(self, source: WorkflowSource, inputs: Sequence[str], place: Place) -> Submission:
        values = wdl_inputs(source, inputs, place.stage)
        workflow = source.main
        if source.file is not None:
            workflow = place.stage.put(_zipped(source.file), f"{source.file.stem}.zip")
        return Submission(
            {
                "workflow": workflow,
                "inputs": place.stage.put(json.dumps(values).encode(), "inputs.json"),
                "outputs": place.results,
            },
            place.results,
            values,
        )

    @override
    def outputs(self, record: RunRecord, store: Store) -> Mapping[str, Any]:
        """What the head job uploaded last."""
        content = store.read(f"{record.outputs}outputs.json")
        found: dict[str, Any] = json.loads(content) if content else {}
        return found


def _zipped(workflow: Path) -> bytes:
    """The workflow and all it imports, as `miniwdl zip` packs them."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "workflow.zip")
        command = [sys.executable, "-m", "WDL", "zip", "--output", str(file), str(workflow)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise WorkflowInputError(f"{workflow} cannot be packed:\n{done.stderr.strip()}")
        return file.read_bytes()
