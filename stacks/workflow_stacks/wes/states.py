"""States of runs and moments, as the specification writes them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from workflow_stacks.runs.record import RunEnd, RunState

STATES: Mapping[RunState, str] = {
    RunState.SUBMITTED: "QUEUED",
    RunState.PENDING: "QUEUED",
    RunState.RUNNABLE: "QUEUED",
    RunState.STARTING: "INITIALIZING",
    RunState.RUNNING: "RUNNING",
    RunState.SUCCEEDED: "COMPLETE",
    RunState.FAILED: "EXECUTOR_ERROR",
    RunState.STOPPED: "CANCELED",
    RunState.UNKNOWN: "UNKNOWN",
}


def wes_state(state: RunState, end: RunEnd | None = None, head: Mapping[str, Any] | None = None) -> str:
    """The state of a run.

    A head job that ended without an exit code was ended by AWS, or never began: that is an error of the system. One
    that was told to end and has not yet is being cancelled.

    Args:
        state: The state.
        end: How it ended, if it did.
        head: Its head job as AWS Batch tells of it, where it was asked.
    """
    if state is RunState.FAILED and (end is None or end.exit_code is None):
        return "SYSTEM_ERROR"
    if not state.ended and head is not None and (head.get("isTerminated") or head.get("isCancelled")):
        return "CANCELING"
    return STATES[state]


def moment(seconds: float) -> str:
    """A moment in UTC, as the specification writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
