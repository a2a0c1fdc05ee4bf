"""Runs of Cromwell: the workflow with its imports and its inputs are in the head job's parameters."""

from __future__ import annotations

import calendar
import gzip
import io
import json
import os
import re
import tarfile
import time
from base64 import b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from typing_extensions import override

from workflow_context.pbs.outputs import Store
from workflow_stacks.runs.record import RunEnd, RunRecord, RunState
from workflow_stacks.runs.staging import WorkflowInputError
from workflow_stacks.runs.workflow_source import WorkflowSource

from .base import Place, RunEngine, Submission
from .wdl_inputs import wdl_files, wdl_inputs

_PLAIN_INPUTS = 3_000
_SCRIPT = "BATCH_FILE_S3_URL"
_COMPLETE = "complete. Final Outputs:"
"""What Cromwell writes to the log of a workflow whose outputs are there."""
_MOMENT = re.compile(r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)", re.MULTILINE)


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
        room = place.room - len(place.results)
        given = len(json.dumps(text))
        if len(workflow) + given > room:
            raise WorkflowInputError(
                f"the workflow takes {len(workflow):,} characters, compressed, and its inputs {given:,}: together a "
                f"head job of Cromwell takes {room:,}. Give the https:// address of a workflow that Cromwell can read "
                "from there, or run it in a context with 'engine: miniwdl'"
            )
        parameters = {"workflow": workflow, "inputs": text, "outputs": place.results}
        return Submission(parameters, place.results, inputs=values)

    @override
    def end(self, folder: str, store: Store) -> RunEnd | None:
        # Nothing in the image of head jobs could note an end, but Cromwell itself copies the log of the workflow.
        logs = [store.read(address) for name, address in store.files(folder, 0).items() if name.endswith(".log")]
        text = b"\n".join(filter(None, logs)).decode(errors="replace")
        moments = [calendar.timegm(time.strptime(one, "%Y-%m-%d %H:%M:%S")) for one in _MOMENT.findall(text)]
        if not moments:
            return None
        state = RunState.SUCCEEDED if _COMPLETE in text else RunState.FAILED
        return RunEnd(state=state, ended_at=moments[-1], reason="" if _COMPLETE in text else f"see the log in {folder}")

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
