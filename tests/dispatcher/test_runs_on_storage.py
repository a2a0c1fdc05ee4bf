"""Runs on storage of their own, by the real engines on the local cloud."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from dispatcher_lab import Lab, deployed_lab

pytestmark = pytest.mark.cycle

PROJECT = """
name: Dispatch
schemaVersion: 1
contexts:
  snakemake:
    storageDispatcher: true
    engines: [{type: snakemake, engine: snakemake, filesystem: {fsType: EFS, configuration: {throughputMode: elastic}}}]
  wdl:
    storageDispatcher: true
    engines: [{type: wdl, engine: miniwdl, filesystem: {fsType: EFS, configuration: {throughputMode: elastic}}}]
"""
SNAKEFILE = """\
rule all:
    input: "two.txt"
rule one:
    output: "one.txt"
    shell: "ls /mnt/efs/snakemake/runs > {output}"
rule two:
    input: "one.txt"
    output: "two.txt"
    shell: "cat /mnt/efs/go {input} > {output}"
"""
WDL = """\
version 1.0
workflow greet {
  call say
  output { File greeting = say.greeting }
}
task say {
  command <<< echo hello >greeting.txt >>>
  output { File greeting = "greeting.txt" }
}
"""


@pytest.fixture(scope="module")
def snakemake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with deployed_lab(tmp_path_factory.mktemp("dispatch"), PROJECT, "Dispatch-snakemake") as lab:
        yield lab


@pytest.fixture(scope="module")
def wdl(snakemake: Lab) -> Lab:
    return snakemake.of("Dispatch-wdl")


def made_for(lab: Lab, name: str) -> list[str]:
    """The roles and job definitions of jobs on a storage."""
    roles = [one["RoleName"] for one in lab.cloud.client("iam").list_roles()["Roles"]]
    definitions = [
        one["jobDefinitionName"]
        for one in lab.batch.describe_job_definitions(status="ACTIVE")["jobDefinitions"]
        if one["jobDefinitionName"].partition("_")[2].startswith(name)
    ]
    return sorted([*(role for role in roles if role.startswith(name)), *definitions])


def test_one_that_failed_is_resumed_there_and_when_it_has_succeeded_everything_goes(
    snakemake: Lab, tmp_path: Path
) -> None:
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    name, other = snakemake.initialize(snakemake.administrator), snakemake.initialize(snakemake.administrator)
    arguments = ("run", "snakemake", str(tmp_path / "Snakefile"), "--follow", "--storage")
    code, failed = snakemake.command(*arguments, name)
    assert (code, failed["state"], failed["storage"]) == (1, "FAILED", name)
    run = snakemake.directory(name) / "snakemake/runs" / failed["runId"]
    assert (run / "one.txt").read_text().split() == [failed["runId"]]
    assert len(made_for(snakemake, name)) == 4
    assert made_for(snakemake, other) == []
    cannot_mount(snakemake, name, other)

    (snakemake.directory(name) / "go").write_text("go\n")
    first = (run / "one.txt").stat().st_mtime_ns
    code, resumed = snakemake.command("resume", failed["runId"], "--follow")
    assert (code, resumed["state"], resumed["storage"]) == (0, "SUCCEEDED", name), resumed
    assert (run / "two.txt").read_text().split() == ["go", failed["runId"]]
    assert (run / "one.txt").stat().st_mtime_ns == first

    snakemake.give_to_root()
    job = snakemake.submit(snakemake.outputs["StorageExpiryJobDefinition"], parameters={"name": name})
    assert job["status"] == "SUCCEEDED", snakemake.log(job)
    there = snakemake.directory(name).exists(), name in snakemake.access_points(), snakemake.record(name)
    assert (*there, made_for(snakemake, name)) == (False, False, None, [])
    assert other in snakemake.access_points()
    for words in (arguments, ("resume", failed["runId"])):
        code, message = snakemake.command(*words, *([name] if words[-1] == "--storage" else []))
        assert code == 1
        assert f"there is no storage '{name}' in the context 'snakemake': it never was, or it has expired" in message


def cannot_mount(lab: Lab, name: str, other: str) -> None:
    """A job with the role of one storage is refused that of another, by IAM."""
    [own] = [
        one
        for one in lab.batch.describe_job_definitions(status="ACTIVE")["jobDefinitions"]
        if one["jobDefinitionName"].endswith(f"_{name}-task")
    ]
    mounted = {}
    for volume in (name, other):
        container = json.loads(json.dumps(own["containerProperties"]))
        efs = container["volumes"][0]["efsVolumeConfiguration"]
        efs["authorizationConfig"]["accessPointId"] = lab.access_points()[volume]["AccessPointId"]
        definition = lab.batch.register_job_definition(
            jobDefinitionName=f"stolen-{volume}", type="container", containerProperties=container
        )["jobDefinitionArn"]
        mounted[volume] = lab.submit(definition, queue=lab.outputs["TaskQueue"])
    assert mounted[name]["status"] == "SUCCEEDED"
    assert mounted[other]["status"] == "FAILED"
    assert "access denied by server while mounting" in mounted[other]["attempts"][-1]["container"]["reason"]


def test_one_of_miniwdl_works_there_and_marks_its_end_there(wdl: Lab, tmp_path: Path) -> None:
    (tmp_path / "greet.wdl").write_text(WDL)
    name = wdl.initialize(wdl.administrator)
    code, run = wdl.command("run", "wdl", str(tmp_path / "greet.wdl"), "--storage", name, "--follow")
    assert (code, run["state"]) == (0, "SUCCEEDED"), wdl.command("logs", run["runId"], "--head")
    assert run["end"]["outputs"]["greet.greeting"].startswith("s3://")
    [outputs] = wdl.directory(name).glob("miniwdl_run/2*/outputs.json")
    assert "greet.greeting" in outputs.read_text()
    wdl.give_to_root()
    job = wdl.submit(wdl.outputs["StorageExpiryJobDefinition"], parameters={"mode": "dry-run"})
    assert f"would delete {name}: its last run succeeded, and 0 hours are over" in wdl.log(job)


def test_what_cannot_be_used_is_refused_with_what_to_do(snakemake: Lab, wdl: Lab, tmp_path: Path) -> None:
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    name = wdl.initialize(wdl.administrator)
    asked = ("run", "snakemake", str(tmp_path / "Snakefile"), "--storage")
    for wrong in (name, "run-nobody", "../x"):  # the first one is of another context
        code, message = snakemake.command(*asked, wrong)
        assert code == 1
        assert "workflow-context storage provision snakemake makes another one" in message
