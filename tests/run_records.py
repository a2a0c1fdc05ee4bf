"""A record of a run, for tests that look at something else of it."""

from typing import Any

from workflow_stacks.runs.record import RunRecord

USUAL: dict[str, Any] = {
    "run_id": "20260101-000000-abcd",
    "workflow": "hello",
    "source": "hello",
    "project": "Lab",
    "context": "dev",
    "engine": "miniwdl",
    "language": "wdl",
    "submitted_at": 1_700_000_000.0,
    "head_jobs": ("head",),
    "head_queue": "heads",
    "task_queues": ("tasks",),
    "outputs": "s3://lab/contexts/dev/out/",
}


def record_of_run(**own: Any) -> RunRecord:
    """A record, of which a test says what matters to it."""
    return RunRecord(**USUAL | own)
