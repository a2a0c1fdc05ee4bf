"""Each key and each engine, edited on the strict local cloud: nothing is lost in silence, no neighbour is touched."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from direct_stacks import JOBS, DirectStacks, UpdateRefusedError
from edits import DELETED, EDITS, EFFECTS, EXISTING, STACK, Edit
from engine_edits import SUBJECTS
from templates import Template, resources
from written import BASE, Written, on, synthesize

from workflow_stacks.local import LocalCloud
from workflow_stacks.plan import Effect, changes, worst
from workflow_stacks.plan.changes import DATA
from workflow_stacks.plan.destruction import destruction
from workflow_stacks.project import json_schema

pytestmark = pytest.mark.cycle

DOCS = Path(__file__).parents[2] / "docs/changing-a-context.md"
SECTIONS = {
    "project": None,
    "data": "DataLocation",
    "context": "Context",
    "machines": "Machines",
    "monitoring": "Monitoring",
    "debug instance": "DebugInstance",
    "reference": "ReferenceMount",
    "engine": "Engine",
    "file system": "EfsSettings",
    "EFS": "EfsConfiguration",
    "S3": "S3Configuration",
    "S3Files": "S3FilesConfiguration",
    "OFS": "OfsConfiguration",
    "FSxLustre": "FsxLustreConfiguration",
}
ROWS = [edit for edit in EDITS if edit.effect != STACK]
MATRIX = [(engine, name) for engine, subject in SUBJECTS.items() for name in subject.edits]


def one(written: Written, *, may_lose: bool = False) -> Template:
    return synthesize(written, may_lose=may_lose)["Edits-one"]


def identity(template: Template) -> str:
    return str(template["Parameters"]["FileSystemIdentity"]["Default"])


def is_refused(before: Written, after: Written) -> bool:
    """Whether a template refuses to take the place of another."""
    guarded = "FileSystemIdentity" in one(after)["Parameters"]
    return guarded and identity(one(before)) != identity(one(after))


class Deployed:
    """A context beside others, which nothing that is done to it may touch."""

    def __init__(self, stacks: DirectStacks, existing: dict[str, str]) -> None:
        self.stacks = stacks
        self._existing = existing
        self._neighbours: dict[str, str] = {}

    def template(self, template: Template) -> Template:
        """With the ids of what exists here."""
        text = json.dumps(template)
        for written, real in self._existing.items():
            text = text.replace(written, real)
        found: Template = json.loads(text)
        return found

    def begin(self, written: Written) -> None:
        self.begin_with(self.template(one(written)))

    def begin_with(self, template: Template) -> None:
        self.stacks.create("Edits-one", template)
        self._neighbours = self.neighbours()

    def update(self, template: Template) -> None:
        self.stacks.update("Edits-one", self.template(template))

    def neighbours(self) -> dict[str, str]:
        return self.stacks.everything("Edits-core", "Edits-beside")

    def facts(self) -> dict[str, str]:
        return self.stacks.everything("Edits-one")

    def data(self) -> dict[str, str]:
        return self.stacks.data("Edits-one")

    def jobs(self) -> dict[str, str]:
        return self.stacks.ids("Edits-one", JOBS)

    def end(self) -> None:
        """Destroy the context: what is beside it is as it was, all the time."""
        assert self.neighbours() == self._neighbours
        self.stacks.delete("Edits-one")
        assert self.neighbours() == self._neighbours
        assert self._neighbours


@pytest.fixture(scope="module")
def stacks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[DirectStacks, dict[str, str]]]:
    with LocalCloud(tmp_path_factory.mktemp("cloud")) as cloud:
        found = DirectStacks(cloud)
        beside = synthesize(BASE, name="beside")
        found.create("Edits-core", beside["Edits-core"])
        found.create("Edits-beside", beside["Edits-beside"])
        yield found, existing(cloud)


def existing(cloud: LocalCloud) -> dict[str, str]:
    """Make what contexts may find: written id to real id."""
    efs, ec2 = cloud.client("efs"), cloud.client("ec2")
    system = efs.create_file_system(CreationToken="existing")["FileSystemId"]
    points = [efs.create_access_point(ClientToken=f"p{n}", FileSystemId=system)["AccessPointId"] for n in (1, 2)]
    [vpc] = [vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"] if not vpc.get("IsDefault")]
    groups = [ec2.create_security_group(GroupName=f"g{n}", Description="g", VpcId=vpc)["GroupId"] for n in (1, 2)]
    return dict(zip(EXISTING, (system, *points, *groups), strict=True))


@pytest.fixture
def deployed(stacks: tuple[DirectStacks, dict[str, str]]) -> Iterator[Deployed]:
    context = Deployed(*stacks)
    yield context
    context.end()


def check(deployed: Deployed, before: Written, after: Written) -> None:
    """Edit a context, and hold what happens against what `plan` says and CloudFormation should refuse."""
    deployed.begin(before)
    found = changes(one(before), one(after))
    data, jobs, facts = deployed.data(), deployed.jobs(), deployed.facts()
    if is_refused(before, after):
        with pytest.raises(UpdateRefusedError, match="would replace or remove the file system that is deployed"):
            deployed.update(one(after))
        assert deployed.facts() == facts
        return
    deployed.update(one(after))
    told = {change.logical_id: change.effect for change in found}
    for name, physical in data.items():
        if deployed.data().get(name) != physical:
            assert told[name] is Effect.DATA_DETACHED, f"{name} is gone, and nobody said so"
        assert deployed.stacks.exists(physical), f"{name} is deleted"
    ended = {name for name, physical in jobs.items() if deployed.jobs().get(name) != physical}
    assert ended == {name for name, effect in told.items() if effect is Effect.JOBS_END}


@pytest.mark.parametrize("edit", ROWS, ids=str)
def test_a_key_does_what_the_docs_say(deployed: Deployed, edit: Edit) -> None:
    assert worst(changes(one(edit.before), one(edit.after))) in EFFECTS[edit.effect]
    check(deployed, edit.before, edit.after)
    assert edit.refused == is_refused(edit.before, edit.after)


@pytest.mark.parametrize("edit", [edit for edit in ROWS if edit.refused], ids=str)
def test_what_is_allowed_by_name_does_what_the_docs_say(deployed: Deployed, edit: Edit) -> None:
    deployed.begin(edit.before)
    before = deployed.stacks.ids("Edits-one", DATA)  # S3 Files shows objects of a bucket, which stay
    deployed.update(one(edit.after, may_lose=True))
    gone = {name for name, physical in before.items() if not deployed.stacks.exists(physical)}
    assert bool(gone) == (edit.effect == DELETED), gone


@pytest.mark.parametrize(("engine", "name"), MATRIX)
def test_no_edit_of_any_engine_loses_data_in_silence_or_touches_a_neighbour(
    deployed: Deployed, engine: str, name: str
) -> None:
    check(deployed, SUBJECTS[engine].base, SUBJECTS[engine].edits[name])


def test_a_retained_file_system_is_told_with_its_cost_and_attached_again_by_its_id(deployed: Deployed) -> None:
    stacks = deployed.stacks
    kept = one(on("EFS", "removalPolicy: retain, throughputMode: provisioned, provisionedThroughput: 128"))
    stacks.create("Edits-one", kept)
    [fate] = destruction(stacks.client, "Edits-one")
    assert (fate.fate, fate.cost) == ("stays", "768.00 USD for 0.0 GiB")  # 128 MiB/s at 6 USD
    stacks.delete("Edits-one")
    assert stacks.exists(fate.physical_id)
    efs = stacks.client("efs")
    assert not efs.describe_mount_targets(FileSystemId=fate.physical_id)["MountTargets"]

    again = json.dumps(one(on("EFS", f"fileSystemId: {EXISTING[0]}"))).replace(EXISTING[0], fate.physical_id)
    deployed.begin_with(json.loads(again))
    assert efs.describe_mount_targets(FileSystemId=fate.physical_id)["MountTargets"]
    [before], [now] = (resources(one, "AWS::EFS::AccessPoint").values() for one in (kept, json.loads(again)))
    assert now["Properties"]["RootDirectory"] == before["Properties"]["RootDirectory"]
    assert destruction(stacks.client, "Edits-one") == []  # it is no part of this context


@pytest.mark.parametrize(
    ("written", "told"),
    [
        (BASE, [("is deleted", "AWS::EFS::FileSystem", "")]),
        (on("FSxLustre", "removalPolicy: retain"), [("stays", "AWS::FSx::FileSystem", "168.00 USD")]),
        (
            on("S3", "ownBucket: true", "type: nextflow, engine: nextflow"),
            [("stays", "AWS::S3::Bucket", "0.023 USD for each GiB")] * 2,  # and the bucket of its access logs
        ),
    ],
    ids=["EFS", "FSxLustre", "S3"],
)
def test_what_goes_and_what_stays_is_told_with_its_cost(
    deployed: Deployed, written: Written, told: list[tuple[str, str, str]]
) -> None:
    deployed.begin(written)
    found = destruction(deployed.stacks.client, "Edits-one")
    assert [(fate.fate, fate.type, fate.cost) for fate in found] == told


def test_every_key_of_the_project_file_has_a_row() -> None:
    schema: dict[str, Any] = json_schema()
    keys = {
        (section, key)
        for section, name in SECTIONS.items()
        for key in (schema["$defs"][name] if name else schema)["properties"]
    }
    assert keys == {(edit.section, edit.key) for edit in EDITS}
    assert len(keys) == len(EDITS)


def test_every_section_of_the_schema_is_covered() -> None:
    # Workflows are not deployed, a user is one value, and shared queues have the keys of a context, in the core stack.
    others = {"Workflow", "WorkflowType", "PosixUser", "SharedQueues"}
    kinds = {name for name in json_schema()["$defs"] if name.endswith("Settings")}
    assert set(json_schema()["$defs"]) == {name for name in SECTIONS.values() if name} | kinds | others


def test_the_table_of_the_docs_has_these_rows_and_effects() -> None:
    rows = re.findall(r"^\| ([\w ]+) \| `(\w+)` \| ([^|]+?) \|", DOCS.read_text(), re.MULTILINE)
    assert rows == [(edit.section, edit.key, edit.effect) for edit in EDITS]


@pytest.mark.parametrize("edit", [edit for edit in EDITS if edit.effect == STACK], ids=str)
def test_another_name_is_another_stack_and_the_deployed_one_stays(edit: Edit) -> None:
    project = edit.before.project
    other = project.model_copy(update={"name": "Other"})
    names = {project.stack_name("one"), other.stack_name("one"), project.stack_name("two")}
    assert len(names) == 3
