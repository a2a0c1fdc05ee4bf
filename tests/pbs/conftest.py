"""A front end that speaks to an AWS Batch on loopback."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from engine_calls import queue
from fake_batch import ARN, TEMPLATE, FakeBatch, fake_batch, states

from workflow_context.pbs import batch_api, polling, qdel, submission
from workflow_context.pbs.batch_api import BatchApi
from workflow_context.pbs.journal import Journal
from workflow_context.pbs.qstat import qstat
from workflow_context.pbs.settings import Settings
from workflow_context.pbs.submission import flush


@pytest.fixture
def batch(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeBatch]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    # Pauses are counted by nobody here.
    monkeypatch.setattr(batch_api.random, "uniform", lambda *_: 0.0)
    monkeypatch.setattr(submission, "_LOOK_AFTER", (0.0, 0.0))
    monkeypatch.setattr(qdel, "_PAUSE", 0.0)
    monkeypatch.setattr(qdel, "_MAX_WAIT", 1.0)
    monkeypatch.setattr(polling, "_ABSENT_SECONDS", 0.3)
    with fake_batch() as server:
        yield server


@pytest.fixture
def api(batch: FakeBatch) -> BatchApi:
    return BatchApi("us-east-1", batch.endpoint)


@pytest.fixture
def new_settings(tmp_path: Path) -> Callable[..., Settings]:
    """Settings of a context: each context has a directory of its own for what it remembers."""

    def make(**more: Any) -> Settings:
        context = more.get("context", "ctx")
        (tmp_path / context).mkdir(exist_ok=True)
        values: dict[str, Any] = {
            "context": context,
            "template": TEMPLATE,
            "queue": f"{ARN}:job-queue/{context}-TaskQueue-abc",
            "fallback": "",
            "state": tmp_path / context,
            "run": "run",
            "overhead_mib": 0,
            "region": "us-east-1",
            "submissions_per_second": 1e6,
            "fresh_seconds": 0.0,
            **more,
        }
        return Settings(**values)

    return make


@pytest.fixture
def submit(api: BatchApi, batch: FakeBatch, tmp_path: Path) -> Callable[..., str]:
    """Submit a small script by itself, with lines for its header; its id for the engine."""

    def run(settings: Settings, *header: str) -> str:
        (tmp_path / "s.sh").write_text("\n".join([*(f"#PBS {line}" for line in header), "echo"]) + "\n")
        id_ = queue(["s.sh"], tmp_path, settings)
        flush(Journal(settings.state, settings.run), api, settings)
        batch.know(settings)
        return id_

    return run


@pytest.fixture
def poll(api: BatchApi, batch: FakeBatch) -> Callable[[Settings], dict[str, str]]:
    """Poll as an engine does, and submit what waits then; the states of the jobs by their ids."""

    def run(settings: Settings) -> dict[str, str]:
        found = states(qstat(["-f", "-1"], api, settings))
        flush(Journal(settings.state, settings.run), api, settings)
        batch.know(settings)
        return found

    return run
