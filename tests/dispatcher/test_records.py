"""The records of storage for single runs, as the job that deletes reads them from S3."""

import json

import pytest

from workflow_context.pbs.fetch import MAX_FILES, Bucket, Listed
from workflow_context.volumes.aws import Aws


def test_there_may_be_more_of_them_than_a_workflow_has_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Amazon EFS allows 10,000 access points: https://docs.aws.amazon.com/efs/latest/ug/limits.html."""
    count = 2 * MAX_FILES
    listed = [Listed(f"storage/run-{number}.json", 0, 100) for number in range(count)]
    monkeypatch.setattr(Bucket, "listed", lambda _self, _prefix: iter([*listed, Listed("storage/notes.txt", 0, 9)]))
    monkeypatch.setattr(
        Aws, "_send", lambda _self, _service, _method, path: (json.dumps({"name": path}).encode(), "v1")
    )
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")

    records = Aws("lab", "storage/", "fs-1", "us-east-1").records()

    assert [record["name"] for record in records] == [f"/lab/{one.key}" for one in listed]
