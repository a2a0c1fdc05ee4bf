"""Storage for single runs, deployed on the local cloud by the real CDK CLI, and called as Latch's dispatcher is."""

import json
import time
import urllib.error
from collections.abc import Callable, Iterator

import pytest
from dispatcher_lab import Lab, deployed_lab

from workflow_context.ended_runs import END_MARK

pytestmark = pytest.mark.cycle

PROJECT = """
name: Dispatch
schemaVersion: 1
contexts:
  nextflow:
    storageDispatcher: true
    engines: [{type: nextflow, engine: nextflow, filesystem: {fsType: EFS, configuration: {throughputMode: elastic}}}]
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with deployed_lab(tmp_path_factory.mktemp("dispatch"), PROJECT, "Dispatch-nextflow") as lab:
        yield lab


def refused(call: Callable[[], object]) -> tuple[int, str]:
    with pytest.raises(urllib.error.HTTPError) as error:
        call()
    return error.value.code, json.load(error.value)["message"]


def test_who_may_gets_storage_of_his_own_and_nobody_else_does(lab: Lab) -> None:
    api = lab.outputs["StorageApi"].rpartition("/")[2]
    arn = f"arn:aws:execute-api:us-east-1:000000000000:{api}/*/POST/provision-storage-efs"
    alice = lab.role("alice", {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": arn})
    mallory = lab.role("mallory", {"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
    before = set(lab.access_points())
    name = lab.initialize(alice)
    assert set(lab.access_points()) - before == {name}
    record = lab.record(name)
    assert record is not None
    assert record["owner"] == "arn:aws:sts::000000000000:assumed-role/alice/alice"
    assert refused(lambda: lab.initialize(mallory)) == (403, "Forbidden")
    assert refused(lambda: lab.initialize(None)) == (403, "Forbidden")
    assert refused(lambda: lab.initialize(("AKIANOBODY", "x", None))) == (403, "Forbidden")
    assert refused(lambda: lab.initialize(alice, kind="ofs"))[0] == 403
    assert set(lab.access_points()) - before == {name}


def test_a_bad_request_is_answered_with_the_reason(lab: Lab) -> None:
    assert refused(lambda: lab.initialize(lab.administrator, {"version": 3})) == (400, "version must be 2, got 3")
    status, reason = refused(lambda: lab.initialize(lab.administrator, kind="ofs"))
    assert (status, "call /provision-storage-efs" in reason) == (400, True)


def test_exactly_the_storage_goes_whose_runs_are_over_with_its_access_point(lab: Lab) -> None:
    now = time.time()
    names = {
        what: lab.initialize(lab.administrator, {"version": 2, "storage_expiration_hours": hours})
        for what, hours in {"at once": 0, "over": 24, "not yet": 24, "going": 0, "failed": 0}.items()
    }
    lab.use(names["at once"], now - 60)
    lab.use(names["over"], now - 25 * 3600)
    lab.use(names["not yet"], now - 23 * 3600)
    lab.use(names["going"], None)
    lab.use(names["failed"], now - 3600, code=1)
    context = lab.directory("x").parents[1] / "workflow/nextflow/runs/old"
    context.mkdir(parents=True)
    (context / END_MARK).write_text("0\n")
    definition = lab.outputs["StorageExpiryJobDefinition"]

    dry = lab.submit(definition, parameters={"mode": "dry-run"})
    assert dry["status"] == "SUCCEEDED", lab.log(dry)
    assert {name for name in names.values() if f"would delete {name}" in lab.log(dry)} == {
        names["at once"],
        names["over"],
    }
    assert all(lab.directory(name).is_dir() for name in names.values())

    real = lab.submit(definition)
    assert real["status"] == "SUCCEEDED", lab.log(real)
    gone = {names["at once"], names["over"]}
    for name in names.values():
        there = (lab.directory(name).is_dir(), name in lab.access_points(), lab.record(name) is not None)
        assert there == ((False,) * 3 if name in gone else (True,) * 3), name
    assert (context / END_MARK).exists()
    assert sum(json.loads(line)["bytesFreed"] for line in lab.log(real).splitlines() if "bytesFreed" in line) > 2000


def test_a_run_cannot_mount_the_storage_of_another(lab: Lab) -> None:
    name = lab.initialize(lab.administrator)
    lab.use(name, None)
    [task] = lab.batch.describe_job_definitions(jobDefinitions=[lab.outputs["TaskJobDefinition"]])["jobDefinitions"]
    container = json.loads(json.dumps(task["containerProperties"]))
    point = lab.access_points()[name]["AccessPointId"]
    volume = container["volumes"][0]
    own = lab.submit(task["jobDefinitionArn"], queue=lab.outputs["TaskQueue"])
    assert own["status"] == "SUCCEEDED"

    volume["efsVolumeConfiguration"]["authorizationConfig"]["accessPointId"] = point
    stolen = lab.batch.register_job_definition(
        jobDefinitionName="stolen", type="container", containerProperties=container
    )["jobDefinitionArn"]
    job = lab.submit(stolen, queue=lab.outputs["TaskQueue"])

    assert job["status"] == "FAILED"
    assert "access denied by server while mounting" in job["attempts"][-1]["container"]["reason"]


class TestCommands:
    def test_provision_gives_the_same_storage_for_the_same_key(self, lab: Lab) -> None:
        code, one = lab.command("storage", "provision", "nextflow", "--hours", "5", "--key", "run-7")
        assert code == 0
        assert (
            lab.command("storage", "provision", "nextflow", "--hours", "5", "--key", "run-7")[1]["name"] == one["name"]
        )
        assert one["accessPointId"] == lab.access_points()[one["name"]]["AccessPointId"]
        assert (one["hours"], one["runs"], one["bytes"]) == (5, None, None)

    def test_what_the_api_refuses_is_told(self, lab: Lab) -> None:
        code, message = lab.command("storage", "provision", "nextflow", "--size-tb", "3")
        assert (code, "fs_size_tb is for ObjectiveFS only" in message) == (1, True)

    def test_list_tells_what_a_job_has_seen(self, lab: Lab) -> None:
        name = lab.initialize(lab.administrator)
        lab.use(name, None)
        before = {one["name"]: one for one in lab.command("storage", "list", "nextflow")[1]}
        assert before[name]["bytes"] is None
        assert before[name]["owner"].endswith(":root")
        measured = {one["name"]: one for one in lab.command("storage", "list", "nextflow", "--measure")[1]}
        seen = measured[name]
        assert (seen["bytes"], seen["runs"], seen["expiresAt"]) == (1000, 1, None)

    def test_expire_keeps_what_a_run_uses_and_deletes_it_when_that_has_ended(self, lab: Lab) -> None:
        name = lab.initialize(lab.administrator, {"version": 2, "storage_expiration_hours": 100})
        lab.use(name, None)
        code, dry = lab.command("storage", "expire", "nextflow", name, "--dry-run")
        assert (code, dry["deleted"]) == (0, False)
        assert "a run may be going" in dry["said"][0]
        assert lab.record(name)["state"] == "ready"  # type: ignore[index]
        code, kept = lab.command("storage", "expire", "nextflow", name)
        assert (code, kept["deleted"]) == (0, False)

        lab.use(name, time.time())
        code, gone = lab.command("storage", "expire", "nextflow", name)
        assert (code, gone["deleted"]) == (0, True)
        there = lab.directory(name).exists(), name in lab.access_points(), lab.record(name)
        assert there == (False, False, None)

    def test_extend_keeps_storage_that_was_told_to_expire(self, lab: Lab) -> None:
        name = lab.initialize(lab.administrator)
        lab.use(name, None)
        lab.command("storage", "expire", "nextflow", name)
        code, kept = lab.command("storage", "extend", "nextflow", name, "--hours", "3")
        assert (code, kept["extendedHours"], kept["state"]) == (0, 3, "ready")
        lab.use(name, time.time() - 2 * 3600)
        lab.submit(lab.outputs["StorageExpiryJobDefinition"])
        assert lab.directory(name).exists()
        lab.use(name, time.time() - 4 * 3600)
        lab.submit(lab.outputs["StorageExpiryJobDefinition"])
        assert not lab.directory(name).exists()

    @pytest.mark.parametrize("words", [("show", "nobody"), ("expire", "nobody"), ("extend", "nobody", "--hours", "1")])
    def test_what_is_not_there_is_told_with_what_lists_it(self, lab: Lab, words: tuple[str, ...]) -> None:
        code, message = lab.command("storage", words[0], "nextflow", *words[1:])
        assert code == 1
        assert "workflow-context storage list nextflow" in message
