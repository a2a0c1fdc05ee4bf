"""What lies beside a workflow goes to S3 with it, named by its content, and never more than somebody meant."""

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from workflow_stacks.runs import staging
from workflow_stacks.runs.staging import Stage, WorkflowInputError, all_files_below, files_below

HERE = ("main.nf", "nextflow.config", "data/reads/one_1.fq.gz", "data/reads/one_2.fq.gz", "bin/count.py")
LEFT = (".git/config", ".nextflow/history", "work/ab/.command.sh", "results/counts.txt", ".env")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in (*HERE, *LEFT):
        file = tmp_path / "pipeline" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    return tmp_path / "pipeline"


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        s3 = boto3.client("s3", "us-east-1")
        s3.create_bucket(Bucket="lab")
        yield Stage(s3, "s3://lab/sources/")


def staged(stage: Stage) -> set[str]:
    return {one["Key"] for one in stage.s3.list_objects_v2(Bucket="lab").get("Contents", [])}


def test_eng_8_data_beside_a_workflow_goes_with_it_and_what_runs_left_there_does_not(folder: Path) -> None:
    assert set(files_below(folder)) == set(HERE)


def test_eng_8_more_than_a_workflow_holds_is_refused_before_anything_is_uploaded(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staging, "MAX_FILES", len(HERE))
    files_below(folder)
    monkeypatch.setattr(staging, "MAX_FILES", len(HERE) - 1)
    with pytest.raises(WorkflowInputError, match=r"holds more than 4 files .* all would be uploaded"):
        files_below(folder)


def test_eng_8_more_bytes_than_a_workflow_has_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging, "MAX_BYTES", sum(map(len, HERE)) - 1)
    with pytest.raises(WorkflowInputError, match="or keep its data in S3"):
        files_below(folder)


def test_the_same_folder_has_the_same_address_and_a_changed_file_another(folder: Path, stage: Stage) -> None:
    first = stage.put_folder(files_below(folder))
    assert {f"{first}{name}" for name in HERE} == {f"s3://lab/{key}" for key in staged(stage)}
    assert stage.put_folder(files_below(folder)) == first

    (folder / "bin/count.py").write_text("changed")
    changed = stage.put_folder(files_below(folder))
    assert changed != first
    key = f"{changed}bin/count.py".removeprefix("s3://lab/")
    assert stage.s3.get_object(Bucket="lab", Key=key)["Body"].read() == b"changed"


def test_a_folder_with_many_files_is_looked_for_with_one_request(folder: Path, stage: Stage) -> None:
    asked: list[str] = []
    stage.s3.meta.events.register("before-call.s3.ListObjectsV2", lambda **_: asked.append("list"))

    stage.put_folder(files_below(folder))

    assert asked == ["list"]


@pytest.mark.parametrize(("main", "address"), [("main.nf", "main.nf"), ("bin/count.py", "#bin/count.py")])
def test_a_main_file_below_the_folder_brings_what_lies_above_it(
    main: str, address: str, folder: Path, stage: Stage
) -> None:
    files = files_below(folder)
    assert stage.put_workflow(files, main) == f"{stage.put_folder(files)}{address}"


def test_an_upload_that_was_interrupted_is_completed_by_the_next(
    folder: Path, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload, done = stage.s3.upload_file, []

    def breaks_off(*given: str) -> None:
        if len(done) == 2:
            raise ConnectionError
        done.append(upload(*given))

    monkeypatch.setattr(stage.s3, "upload_file", breaks_off)
    with pytest.raises(ConnectionError):
        stage.put_folder(files_below(folder))
    monkeypatch.setattr(stage.s3, "upload_file", upload)

    address = stage.put_folder(files_below(folder))

    assert {f"{address}{name}" for name in HERE} == {f"s3://lab/{key}" for key in staged(stage)}


def test_the_same_file_is_uploaded_once(folder: Path, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    address = stage.put_file(folder / "main.nf")
    monkeypatch.setattr(stage.s3, "upload_file", lambda *_: pytest.fail("it is there"))
    assert stage.put_file(folder / "main.nf") == address


def test_a_folder_that_is_data_is_whole_with_what_is_hidden_and_what_links_lead_to(folder: Path, stage: Stage) -> None:
    (folder / ".zgroup").write_text("{}")
    (folder / "elsewhere").symlink_to(folder / "data")
    (folder / "loop").symlink_to(folder)
    (folder / "gone").symlink_to(folder / "nothing")
    found = set(all_files_below(folder))
    linked = {"elsewhere/reads/one_1.fq.gz", "elsewhere/reads/one_2.fq.gz"}
    assert found == {*HERE, *LEFT, ".zgroup", *linked}
    address = stage.put_directory(folder)
    assert staged(stage) == {f"{address.removeprefix('s3://lab/')}{one}" for one in found}
