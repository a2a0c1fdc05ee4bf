"""How a run ended, noted by its own head job beside the record of the run (`workflow_stacks.runs.record`)."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from .fetch import Bucket
from .outputs import HeadStore, TooManyOutputsError, outputs_of
from .script import PbsError

SUCCEEDED, FAILED = "SUCCEEDED", "FAILED"
TOLD_TO_END = "the head job was told to end (SIGTERM)"


def begin_run(record: str, region: str) -> None:
    """Take away what an earlier attempt of the head job noted.

    Args:
        record: The address of the record, `s3://…/runs/records/….json`.
        region: The region.
    """
    for state in (SUCCEEDED, FAILED):
        bucket, key = _place(record, state)
        Bucket(bucket, region).delete(key)


def end_run(record: str, code: int, *, told: bool, region: str) -> None:
    """Note the end of a run: state, exit code, when, and the outputs.

    Args:
        record: The address of the record.
        code: The exit code of the head job.
        told: Whether the head job was told to end: stopped by somebody, at its time limit, or with its machine.
        region: The region.
    """
    state = FAILED if code else SUCCEEDED
    end: dict[str, Any] = {"state": state, "endedAt": time.time(), "exitCode": code}
    if told:
        end["reason"] = TOLD_TO_END
    if state == SUCCEEDED:
        end["outputs"] = _outputs(record, region)
    bucket, key = _place(record, state)
    Bucket(bucket, region).put(key, json.dumps(end).encode())


def _outputs(record: str, region: str) -> dict[str, Any] | None:
    """The outputs; None when they cannot be told, or are too many."""
    store = HeadStore(region)
    try:
        written = json.loads(store.read(record) or b"{}")
        return outputs_of(store, written["outputs"], written.get("outputsNamedIn", ""), written["submittedAt"])
    except (PbsError, OSError, ValueError, KeyError, TooManyOutputsError) as error:
        sys.stderr.write(f"The outputs of the run are not noted: {error!r}\n")
        return None


def _place(record: str, state: str) -> tuple[str, str]:
    """Bucket and key of the note that a run ended in a state."""
    bucket, _, key = record[len("s3://") :].partition("/")
    folder, _, name = key.rpartition("/records/")
    return bucket, f"{folder}/ended/{name[: -len('.json')]}.{state}.json"
