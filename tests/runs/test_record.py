"""Records of runs: saved, listed from their keys, found by id, beginning or workflow."""

import time
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any

import boto3
import pytest
from moto import mock_aws
from run_records import record_of_run

from workflow_stacks.runs.record import RunEnd, RunNotFoundError, RunRecord, RunState, RunStore, new_run_id


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="lab")
        yield client


@pytest.fixture
def store(s3: Any) -> RunStore:
    return RunStore(s3, "s3://lab/contexts/dev")


def record(run_id: str, workflow: str = "hello", at: float = 1_700_000_000.0) -> RunRecord:
    return record_of_run(run_id=run_id, workflow=workflow, source=workflow, submitted_at=at)


def test_a_record_comes_back_as_it_was_saved(store: RunStore) -> None:
    saved = record("20261125-120000-aaaa", "words with vowels")
    store.save(saved)
    [key] = store.list()
    assert store.read([key]) == [saved]
    assert key.submitted_at == 1_700_000_000


def test_json_of_a_record_is_in_camel_case() -> None:
    assert {"runId", "headJobs", "submittedAt", "taskQueues"} <= set(record("r").as_json())


def test_the_newest_run_is_listed_first(store: RunStore) -> None:
    for second, id_ in enumerate(["first", "second", "third"]):
        store.save(record(id_, at=1_700_000_000 + second))
    assert [key.run_id for key in store.list()] == ["third", "second", "first"]


def test_runs_of_another_context_whose_name_begins_alike_are_not_listed(s3: Any, store: RunStore) -> None:
    RunStore(s3, "s3://lab/contexts/dev2").save(record("other"))
    assert list(store.list()) == []


def test_an_end_is_seen_in_the_list_and_read(store: RunStore) -> None:
    going, ended = record("going"), record("ended")
    store.save(going)
    store.save(ended)
    store.save_end(ended, RunEnd(state=RunState.FAILED, ended_at=1_700_000_100, exit_code=3, reason="Task failed"))
    keys = {key.run_id: key for key in store.list()}
    assert (keys["going"].ended, keys["ended"].ended) == (None, RunState.FAILED)
    assert store.read_end(keys["going"]) is None
    assert store.read_end(keys["ended"]) == store.end(ended)
    end = store.end(ended)
    assert end is not None
    assert (end.exit_code, end.reason) == (3, "Task failed")


def test_an_end_takes_the_place_of_one_of_another_state(store: RunStore) -> None:
    one = record("one")
    store.save(one)
    store.save_end(one, RunEnd(state=RunState.FAILED, ended_at=1, reason="told to end"))
    store.save_end(one, RunEnd(state=RunState.STOPPED, ended_at=2))
    assert next(store.list()).ended is RunState.STOPPED
    assert store.end(one) == RunEnd(state=RunState.STOPPED, ended_at=2)


def test_a_resumed_run_is_going_again(store: RunStore) -> None:
    one = record("one")
    store.save(one)
    store.save_end(one, RunEnd(state=RunState.FAILED, ended_at=1))
    store.forget_end(one)
    assert next(store.list()).ended is None


class TestFind:
    @pytest.fixture(autouse=True)
    def runs(self, store: RunStore) -> None:
        store.save(record("20261125-120000-aaaa", "align", at=1_700_000_000))
        store.save(record("20261125-130000-bbbb", "align", at=1_700_003_600))
        store.save(record("20261126-120000-cccc", "call variants", at=1_700_086_400))

    @pytest.mark.parametrize(
        ("given", "found"),
        [
            ("20261125-120000-aaaa", "20261125-120000-aaaa"),
            ("20261126", "20261126-120000-cccc"),
            ("align", "20261125-130000-bbbb"),
            ("call variants", "20261126-120000-cccc"),
        ],
    )
    def test_by_id_by_its_beginning_or_by_workflow(self, store: RunStore, given: str, found: str) -> None:
        assert store.find(given).run_id == found

    def test_a_beginning_of_several_names_them(self, store: RunStore) -> None:
        with pytest.raises(RunNotFoundError, match=r"2 runs have an id that begins with '20261125'.*aaaa"):
            store.find("20261125")

    def test_what_is_not_there_is_told(self, store: RunStore) -> None:
        with pytest.raises(RunNotFoundError, match="there is no run 'none'"):
            store.find("none")


def test_ids_differ_and_sort_by_time() -> None:
    first, second = new_run_id(1_700_000_000), new_run_id(1_700_000_001)
    assert first < second
    assert len({new_run_id(1_700_000_000) for _ in range(50)}) > 40


class CountingS3:
    """S3 with many keys, that counts requests; each answers at once."""

    def __init__(self, keys: list[str]) -> None:
        self.listed = keys
        self.requests: Counter[str] = Counter()

    def get_paginator(self, _name: str) -> "CountingS3":
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> Iterator[dict[str, Any]]:  # noqa: N803  names of S3
        del Bucket
        found = [key for key in self.listed if key.startswith(Prefix)]
        for start in range(0, max(len(found), 1), 1000):
            self.requests["list"] += 1
            yield {"Contents": [{"Key": key} for key in found[start : start + 1000]]}


def test_ten_thousand_runs_are_listed_by_twenty_requests_and_none_is_read() -> None:
    records, ended = [], []
    for number in range(10_000):
        name = f"{9_999_999_999 - 1_700_000_000 - number:010d}.run{number:05d}.hello"
        records.append(f"contexts/dev/runs/records/{name}.json")
        ended.append(f"contexts/dev/runs/ended/{name}.SUCCEEDED.json")
    s3 = CountingS3(sorted(records) + sorted(ended))

    started = time.thread_time()
    keys = list(RunStore(s3, "s3://lab/contexts/dev").list())

    assert time.thread_time() - started < 2
    assert len(keys) == 10_000
    assert keys[0].run_id == "run09999"
    assert all(key.ended is RunState.SUCCEEDED for key in keys)
    assert dict(s3.requests) == {"list": 20}

    s3.requests.clear()
    latest = list(islice(RunStore(s3, "s3://lab/contexts/dev").list(), 20))
    assert [key.run_id for key in latest] == [key.run_id for key in keys[:20]]
    assert dict(s3.requests) == {"list": 2}
