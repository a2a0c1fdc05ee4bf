"""What tasks take of the throughput of the file system, where the context bounds it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from engine_calls import queue
from fake_batch import FakeBatch, NewSettings

from workflow_context.pbs.batch_api import BatchApi
from workflow_context.pbs.journal import Journal
from workflow_context.pbs.script import PbsError
from workflow_context.pbs.settings import Settings
from workflow_context.pbs.submission import flush

RESOURCE = "arn:aws:batch:us-east-1:123456789012:consumable-resource/Io"
BOUND: dict[str, Any] = {"io_resource": RESOURCE, "io_units": 50_000, "io_units_per_vcpu": 340}


def taken(batch: FakeBatch) -> list[int]:
    """What each SubmitJob consumes of the resource."""
    found = []
    for request in batch.submitted.values():
        [one] = request["consumableResourcePropertiesOverride"]["consumableResourceList"]
        assert one["consumableResource"] == RESOURCE
        found.append(one["quantity"])
    return found


@pytest.mark.parametrize(
    ("header", "units"),
    [
        ("-N plain", 340),
        ("-l nodes=1:ppn=8", 8 * 340),
        ("-l io=20", 20_000),
        ("-l io=0.5", 500),
        ("-l io=0.0001", None),
        ("-l nodes=1:ppn=500", 50_000),  # no task takes more than there is: it would never start
    ],
)
def test_a_task_takes_what_it_asks_for_or_a_share_for_each_vcpu(
    header: str, units: int | None, submit: Callable[..., str], batch: FakeBatch, new_settings: NewSettings
) -> None:
    if units is None:
        with pytest.raises(PbsError, match="is no number of MiB per second"):
            submit(new_settings(**BOUND), header)
        return
    submit(new_settings(**BOUND), header)
    assert taken(batch) == [units]


def test_a_rule_of_snakemake_says_what_its_jobs_move(
    batch: FakeBatch, api: BatchApi, new_settings: NewSettings, tmp_path: Path
) -> None:
    settings: Settings = new_settings(**BOUND)
    properties = '# properties = {"rule": "sort", "threads": 4, "resources": {"io_mibps": 12}}'
    (tmp_path / "s.sh").write_text(f"#!/bin/sh\n{properties}\necho\n")
    queue(["s.sh"], tmp_path, settings)
    flush(Journal(settings.state, settings.run), api, settings)
    assert taken(batch) == [12_000]


def test_tasks_that_move_different_amounts_are_not_one_array(
    batch: FakeBatch, api: BatchApi, new_settings: NewSettings, tmp_path: Path
) -> None:
    settings: Settings = new_settings(**BOUND)
    for number, mibps in enumerate([1, 1, 2]):
        (tmp_path / f"{number}.sh").write_text(f"#PBS -l io={mibps}\necho\n")
        queue([f"{number}.sh"], tmp_path, settings)
    flush(Journal(settings.state, settings.run), api, settings)
    assert sorted(taken(batch)) == [1000, 2000]


def test_without_a_bound_nothing_is_consumed(
    submit: Callable[..., str], batch: FakeBatch, new_settings: NewSettings
) -> None:
    submit(new_settings(), "-l io=20")
    [request] = batch.submitted.values()
    assert "consumableResourcePropertiesOverride" not in request
