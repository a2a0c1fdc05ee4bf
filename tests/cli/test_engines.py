"""`workflow-context engines`: the table comes from the catalog, in each form."""

import json

from typer.testing import CliRunner

from workflow_context.catalog import ENGINES
from workflow_stacks.cli import app
from workflow_stacks.project.file_systems.registry import FILE_SYSTEMS, support_table


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["engines", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_table_has_a_row_for_each_engine_and_a_column_for_each_file_system() -> None:
    titles, *rows = support_table()
    assert titles == ["engine", "languages", *FILE_SYSTEMS]
    for row, entry in zip(rows, ENGINES.values(), strict=True):
        cells = dict(zip(titles, row, strict=True))
        assert cells["engine"] == entry.name
        assert {storage for storage in FILE_SYSTEMS if cells[storage] != "-"} == set(entry.storages)
        assert [storage for storage in FILE_SYSTEMS if cells[storage] == "default"] == [entry.default_storage]


def test_it_is_printed_for_people() -> None:
    printed = run()
    for entry in ENGINES.values():
        assert entry.name in printed
    assert "EFS: Amazon EFS" in printed


def test_markdown_is_the_same_table() -> None:
    lines = run("--markdown").splitlines()
    assert [line.strip("| ").split(" | ") for line in lines if "---" not in line] == support_table()


def test_json_is_for_programs() -> None:
    by_name = {entry["engine"]: entry for entry in json.loads(run("--json"))}
    assert by_name.keys() == ENGINES.keys()
    assert by_name["nextflow"]["fsTypes"] == ["S3", "EFS", "S3Files", "OFS", "FSxLustre"]
    assert by_name["cromwell"]["whyNoOther"].startswith("its backend for AWS Batch binds")


def test_every_default_is_a_file_system_that_the_engine_works_on() -> None:
    for entry in ENGINES.values():
        assert entry.default_storage in entry.storages
        assert set(entry.storages) <= set(FILE_SYSTEMS)
