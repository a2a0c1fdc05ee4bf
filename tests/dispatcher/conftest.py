"""What tests of storage for single runs share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from expiry_world import World
from moto import mock_aws


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An AWS in this process."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        yield


@pytest.fixture
def world(tmp_path: Path) -> World:
    (tmp_path / "storage").mkdir()
    return World(tmp_path / "storage")
