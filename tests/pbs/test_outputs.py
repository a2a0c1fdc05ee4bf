"""The outputs of a run, as its head job notes them."""

import json
import os
from pathlib import Path

import pytest

from workflow_context.ended_runs import END_MARK
from workflow_context.pbs import outputs
from workflow_context.pbs.outputs import HeadStore, TooManyOutputsError, outputs_of

STORE = HeadStore("us-east-1")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The directory of a run, submitted at second 1,000, with a file that is older and marks of ours."""
    for name in ("result.txt", "deep/er.txt", "Snakefile", END_MARK, ".snakemake/log/1", "snakemake-workflow-sources1"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x")
        os.utime(file, (2000, 2000))
    os.utime(tmp_path / "Snakefile", (900, 900))
    return tmp_path


def test_are_the_files_that_it_wrote_and_none_of_our_marks(run: Path) -> None:
    assert outputs_of(STORE, f"{run}/", "", 1000) == {
        "deep/er.txt": f"{run}/deep/er.txt",
        "result.txt": f"{run}/result.txt",
    }


def test_are_those_that_the_engine_names_with_files_of_cwl_by_their_address(run: Path) -> None:
    (run / "outputs.json").write_text(json.dumps({"n": 3, "out": [{"class": "File", "location": "s3://lab/x"}]}))
    assert outputs_of(STORE, f"{run}/", f"{run}/outputs.json", 1000) == {"n": 3, "out": ["s3://lab/x"]}


def test_are_none_when_the_engine_named_none(run: Path) -> None:
    assert outputs_of(STORE, f"{run}/", f"{run}/gone.json", 1000) == {}


def test_are_not_noted_when_there_are_too_many(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs, "MAX_OUTPUTS", 1)
    with pytest.raises(TooManyOutputsError):
        outputs_of(STORE, f"{run}/", "", 1000)
