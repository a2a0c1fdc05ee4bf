"""What each edit of a project file does: the table of docs/changing-a-context.md, row by row, by templates compared."""

import re
from pathlib import Path

import pytest
from templates import ACCOUNT, REGION, ZONES, Template
from typer.testing import CliRunner

from workflow_stacks import build_app
from workflow_stacks.cli import app as command_line
from workflow_stacks.plan import Effect, changes, worst
from workflow_stacks.plan.changes import create_only

DOCS = Path(__file__).parents[2] / "docs/changing-a-context.md"
KEY = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
WDL, NF, SMK = "type: wdl, engine: miniwdl", "type: nextflow, engine: nextflow", "type: snakemake, engine: snakemake"


def context(engine: str = WDL, filesystem: str = "{fsType: EFS}", keys: str = "requestSpotInstances: true") -> str:
    return f"{{{keys}, engines: [{{{engine}, filesystem: {filesystem}}}]}}"


def efs(configuration: str) -> str:
    return context(filesystem=f"{{fsType: EFS, configuration: {{{configuration}}}}}")


def plus(keys: str) -> str:
    return context(keys=f"requestSpotInstances: true, {keys}")


S3 = "{fsType: S3, configuration: {%s}}"
FILES = "{fsType: S3Files, configuration: {%s}}"
LUSTRE = "{fsType: FSxLustre, configuration: {%s}}"
BASE = context()
OWN = "ownBucket: true"
EDITS: dict[str, tuple[str, str, str]] = {
    # name: before, after, the words of the docs
    "throughputMode": (BASE, efs("throughputMode: elastic"), "in place"),
    "provisionedThroughput": (BASE, efs("provisionedThroughput: 128"), "in place"),
    "backup": (BASE, efs("backup: true"), "in place"),
    "transitionToIA": (BASE, efs("transitionToIA: AFTER_7_DAYS"), "in place"),
    "removalPolicy": (BASE, efs("removalPolicy: retain"), "in place"),
    "expirationHours": (BASE, efs("expirationHours: 100"), "in place"),
    "monitoring": (BASE, plus("monitoring: {}"), "in place"),
    "permissionsBoundaryArn": (BASE, plus("permissionsBoundaryArn: 'arn:aws:iam::123456789012:policy/B'"), "in place"),
    "maxVCpus": (BASE, plus("maxVCpus: 512"), "in place"),
    "minScaleDownDelayMinutes": (BASE, plus("minScaleDownDelayMinutes: 60"), "in place"),
    "ioMibps": (BASE, plus("ioMibps: 100"), "in place"),
    "instanceTypes": (BASE, plus("instanceTypes: [m6i]"), "in place"),
    "architecture": (BASE, plus("architecture: arm64"), "in place"),
    "gpu": (BASE, plus("gpu: true"), "in place"),
    "usePublicSubnets": (BASE, plus("usePublicSubnets: true"), "in place"),
    "rootVolumeGib": (BASE, plus("rootVolumeGib: 200"), "new instances"),
    "tags": (plus("tags: {Lab: '1'}"), plus("tags: {Lab: '2'}"), "new instances"),
    "terminationProtection": (BASE, plus("terminationProtection: true"), "in place"),
    "fallbackToOnDemand": (BASE, plus("fallbackToOnDemand: false"), "jobs end"),
    "requestSpotInstances": (BASE, context(keys="maxVCpus: 256"), "jobs end"),
    "engine": (BASE, context(SMK), "jobs end"),
    "kmsKeyArn": (BASE, efs(f"kmsKeyArn: '{KEY}'"), "data given up"),
    "availabilityZone": (BASE, efs("availabilityZone: us-east-1b"), "data given up"),
    "fsType": (BASE, context(filesystem="{fsType: FSxLustre}"), "data deleted"),
    "engine, with another default file system": (BASE, context(NF, "{fsType: S3}"), "data deleted"),
    "posixUser": (BASE, efs("posixUser: {uid: 5000, gid: 5000}"), "jobs end"),
    "S3: expirationDays": (context(SMK, S3 % OWN), context(SMK, S3 % f"{OWN}, expirationDays: 9"), "in place"),
    "S3: removalPolicy": (context(SMK, S3 % OWN), context(SMK, S3 % f"{OWN}, removalPolicy: destroy"), "in place"),
    "S3: ownBucket": (context(SMK, S3 % OWN), context(SMK, S3 % ""), "data given up"),
    "S3Files: expirationDays": (
        context(filesystem=FILES % ""),
        context(filesystem=FILES % "expirationDays: 9"),
        "in place",
    ),
    "FSxLustre: storageCapacityGib": (
        context(filesystem=LUSTRE % ""),
        context(filesystem=LUSTRE % "storageCapacityGib: 2400"),
        "in place",
    ),
    "FSxLustre: deploymentType": (
        context(filesystem=LUSTRE % ""),
        context(filesystem=LUSTRE % "deploymentType: PERSISTENT_2"),
        "data given up",
    ),
}
WORDS = {
    "in place": {None, Effect.ADDED, Effect.IN_PLACE, Effect.REMOVED},
    "new instances": {Effect.NEW_INSTANCES},
    "jobs end": {Effect.JOBS_END},
    "data given up": {Effect.DATA_DETACHED},
    "data deleted": {Effect.DATA_DELETED},
}


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Template]:
    """Each way to write the context, synthesized once, as the stack `P-one`."""
    import aws_cdk as cdk

    file = tmp_path_factory.mktemp("plan") / "agc-project.yaml"
    found = {}
    for written in {side for before, after, _ in EDITS.values() for side in (before, after)}:
        file.write_text(f"name: P\nschemaVersion: 1\ncontexts:\n  one: {written}\n")
        env = cdk.Environment(account=ACCOUNT, region=REGION)
        found[written] = build_app(file, context=ZONES, env=env).synth().get_stack_by_name("P-one").template
    return found


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_does_what_the_docs_say(edit: str, templates: dict[str, Template]) -> None:
    before, after, words = EDITS[edit]
    found = changes(templates[before], templates[after])
    assert worst(found) in WORDS[words], [(one.effect.value, one.type, one.properties) for one in found[:5]]


GIVES_UP = [edit for edit, (_, _, words) in EDITS.items() if words.startswith("data") and not edit.startswith("S3:")]


@pytest.mark.parametrize("edit", GIVES_UP)
def test_an_edit_that_gives_up_data_is_refused_by_the_template(edit: str, templates: dict[str, Template]) -> None:
    before, after, _ = EDITS[edit]
    defaults = [templates[side]["Parameters"]["FileSystemIdentity"]["Default"] for side in (before, after)]
    assert defaults[0] != defaults[1]


def test_the_table_of_the_docs_has_these_rows_and_effects() -> None:
    rows = re.findall(r"^\| `?([^`|]+?)`? \| ([^|]+?) \|", DOCS.read_text(), re.M)
    table = {name: words for name, words in rows if name not in ("key", "---")}
    assert table == {name: words for name, (_, _, words) in EDITS.items()}


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


def test_two_files_are_compared_without_an_account(tmp_path: Path) -> None:
    old, new = (tmp_path / name for name in ("old.yaml", "new.yaml"))
    head = "name: P\nschemaVersion: 1\ncontexts:\n  one: "
    old.write_text(f"{head}{BASE}\n")
    new.write_text(f"{head}{context(NF, '{fsType: S3}')}\n")
    result = CliRunner().invoke(command_line, ["plan", "one", "--from", str(old), "--to", str(new)])
    assert result.exit_code == 1
    assert "DATA DELETED" in result.stdout
    assert "P-core: nothing changes" in result.stdout
    assert "-c allowDataLoss=CONTEXT" in result.stderr
    same = CliRunner().invoke(command_line, ["plan", "one", "--from", str(old), "--to", str(old)])
    assert (same.exit_code, same.stdout) == (0, "P-core: nothing changes\nP-one: nothing changes\n")
