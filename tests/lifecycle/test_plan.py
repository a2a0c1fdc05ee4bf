"""`workflow-context plan`, and what it goes by. What each edit does: `test_edits.py`."""

from pathlib import Path

import pytest
from templates import REGION
from typer.testing import CliRunner
from written import BASE, NF, Written, context

from workflow_stacks.cli import app as command_line
from workflow_stacks.plan.changes import create_only


def test_what_can_be_set_only_once_is_what_the_schemas_of_cloudformation_say() -> None:
    from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

    from workflow_stacks.plan.changes import DOCUMENTED

    for type_, paths in create_only().items():
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, type_).schema
        listed = {path.removeprefix("/properties/") for path in schema.get("createOnlyProperties") or []}
        assert set(paths) == listed | set(DOCUMENTED.get(type_, ())), type_


@pytest.mark.parametrize("flags", ["variants", "storages"])
def test_every_type_of_a_template_is_in_the_table(flags: str, request: pytest.FixtureRequest) -> None:
    types = {one["Type"] for t in request.getfixturevalue(flags).values() for one in t["Resources"].values()}
    assert types - {"AWS::CDK::Metadata"} <= create_only().keys()


def project(written: Written) -> str:
    return f"name: P\nschemaVersion: 1\ncontexts:\n  one: {written.context}\n"


def test_two_files_are_compared_without_an_account(tmp_path: Path) -> None:
    old, new = (tmp_path / name for name in ("old.yaml", "new.yaml"))
    for file, written in ((old, BASE), (new, context(NF, "{fsType: S3}"))):
        file.write_text(project(written))
    result = CliRunner().invoke(command_line, ["plan", "one", "--from", str(old), "--to", str(new)])
    assert result.exit_code == 1
    assert "DATA DELETED" in result.stdout
    assert "P-core: nothing changes" in result.stdout
    assert "-c allowDataLoss=CONTEXT" in result.stderr
    same = CliRunner().invoke(command_line, ["plan", "one", "--from", str(old), "--to", str(old)])
    assert (same.exit_code, same.stdout) == (0, "P-core: nothing changes\nP-one: nothing changes\n")
