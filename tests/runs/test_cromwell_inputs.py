"""What a head job of Cromwell is given: the workflow with its imports, and inputs, within what Amazon ECS takes."""

import gzip
import io
import json
import random
import tarfile
from base64 import b64decode
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from workflow_stacks.runs.engines import ENGINES
from workflow_stacks.runs.engines.base import Place, Submission
from workflow_stacks.runs.record import RunState
from workflow_stacks.runs.staging import Stage, WorkflowInputError
from workflow_stacks.runs.workflow_source import WorkflowSource

TASK = "version 1.0\ntask one {\n  input { String name }\n  command <<< echo ~{name} >>>\n}\n"
MAIN = (
    'version 1.0\nimport "../tasks/one.wdl" as t\n'
    "workflow hello {\n  input { String name  Array[String] more = [] }\n  call t.one { input: name = name }\n}\n"
)


@pytest.fixture
def main(tmp_path: Path) -> Path:
    for name, text in {"tasks/one.wdl": TASK, "tasks/unused.wdl": TASK, "flows/main.wdl": MAIN}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path / "flows" / "main.wdl"


def prepared(main: Path, *inputs: str) -> Submission:
    pytest.importorskip("WDL")
    with mock_aws():
        stage = Stage(boto3.client("s3", "us-east-1"), "s3://lab/sources/")
        place = Place("r1", stage, "s3://lab/results/r1/", "", {}, room=4_020)
        return ENGINES["cromwell"].prepare(WorkflowSource("hello", main.name, main.parent), inputs, place)


def test_the_workflow_comes_with_what_it_imports_and_nothing_else_the_main_file_first(main: Path) -> None:
    packed = gzip.decompress(b64decode(prepared(main, "name=zoe").parameters["workflow"]))
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        assert tar.getnames() == ["flows/main.wdl", "tasks/one.wdl"]


def test_inputs_have_the_name_of_the_workflow_before_theirs(main: Path) -> None:
    parameters = prepared(main, "name=zoe").parameters
    assert json.loads(parameters["inputs"]) == {"hello.name": "zoe"}
    assert parameters["outputs"] == "s3://lab/results/r1/"


def test_long_inputs_are_compressed(main: Path) -> None:
    text = prepared(main, "name=zoe", f"more={json.dumps(['sample'] * 1000)}").parameters["inputs"]
    assert len(text) < 3_000
    assert len(json.loads(gzip.decompress(b64decode(text)))["hello.more"]) == 1000


def test_what_is_more_than_a_job_takes_is_refused_with_what_to_do(main: Path) -> None:
    noise = random.Random(1).randbytes(8_000).hex()
    with pytest.raises(WorkflowInputError, match=r"takes 4,000\. Give the https:// address"):
        prepared(main, f"name={noise}")


class Logs:
    """A folder with logs."""

    def __init__(self, *texts: str) -> None:
        self._texts = {f"s3://lab/logs/{number}": text for number, text in enumerate(texts)}

    def files(self, _folder: str, _since: float) -> dict[str, str]:
        return {f"workflow.{number}.log": address for number, address in enumerate(self._texts)}

    def read(self, address: str) -> bytes | None:
        return self._texts[address].encode()


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("2026-11-26 12:00:00,12 x INFO - Workflow hello complete. Final Outputs:\n{}\n", RunState.SUCCEEDED),
        ("2026-11-26 12:00:00,12 x ERROR - Job hello.greet:NA:1 failed\n", RunState.FAILED),
    ],
)
def test_the_log_that_cromwell_leaves_tells_how_a_run_ended(text: str, state: RunState) -> None:
    end = ENGINES["cromwell"].end("s3://lab/logs/", Logs("2026-11-26 11:59:00,00 x INFO - begins\n", text))
    assert end is not None
    assert (end.state, end.ended_at) == (state, 1795694400.0)
    assert ENGINES["cromwell"].end("s3://lab/logs/", Logs()) is None


def test_what_is_missing_is_told(main: Path) -> None:
    with pytest.raises(WorkflowInputError, match="inputs that are not given: name"):
        prepared(main)
