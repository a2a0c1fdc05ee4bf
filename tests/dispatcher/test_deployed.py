"""Storage for single runs, deployed on the local cloud by the real CDK CLI, and called as Latch's dispatcher is."""

import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest
from local_runs import deployed, needs_sandbox
from typer.testing import CliRunner

from workflow_context.ended_runs import END_MARK
from workflow_stacks.cli import app
from workflow_stacks.local import LocalCloud
from workflow_stacks.local.batch.volumes import ROOT
from workflow_stacks.local.iam.credentials import read_administrator
from workflow_stacks.stack_outputs import stack_outputs

pytestmark = pytest.mark.cycle

PROJECT = """
name: Dispatch
schemaVersion: 1
contexts:
  nextflow:
    storageDispatcher: true
    browse: true
    references: [{path: /mnt/references, directory: /references}]
    engines: [{type: nextflow, engine: nextflow, filesystem: {fsType: EFS, configuration: {throughputMode: elastic}}}]
  snakemake:
    storageDispatcher: true
    engines: [{type: snakemake, engine: snakemake, filesystem: {fsType: EFS, configuration: {throughputMode: elastic}}}]
  wdl:
    storageDispatcher: true
    engines: [{type: wdl, engine: miniwdl, filesystem: {fsType: EFS, configuration: {throughputMode: elastic}}}]
"""
ENDED = ("SUCCEEDED", "FAILED")
Keys = tuple[str, str, str | None]


class Lab:
    """The deployed context."""

    def __init__(self, cloud: LocalCloud, outputs: Mapping[str, str], project_file: Path) -> None:
        self.cloud = cloud
        self.project_file = project_file
        self.outputs = outputs
        self.batch = cloud.client("batch")

    @property
    def administrator(self) -> Keys:
        return (*read_administrator(self.cloud.state_dir), None)

    def role(self, name: str, policy: Mapping[str, Any] | None) -> Keys:
        """The keys of somebody who assumed a role with a policy."""
        iam = self.cloud.client("iam")
        trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "*"}]}
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        if policy:
            document = {"Version": "2012-10-17", "Statement": [policy]}
            iam.put_role_policy(RoleName=name, PolicyName="one", PolicyDocument=json.dumps(document))
        keys = self.cloud.client("sts").assume_role(RoleArn=arn, RoleSessionName="alice")["Credentials"]
        return keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"]

    def initialize(self, keys: Keys | None, asked: Any = None, kind: str = "efs") -> str:
        """The seed's `initialize`, with another URL and other credentials."""
        url = f"{self.outputs['StorageApi']}/provision-storage-{kind}"
        body = json.dumps({"version": 2, "storage_expiration_hours": 0} if asked is None else asked).encode()
        request = botocore.awsrequest.AWSRequest("POST", url, data=body, headers={"content-type": "application/json"})
        if keys:
            botocore.auth.SigV4Auth(botocore.credentials.Credentials(*keys), "execute-api", "us-east-1").add_auth(
                request
            )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        prepared = urllib.request.Request(url, data=body, headers=dict(request.headers), method="POST")
        with opener.open(prepared, timeout=120) as answer:
            return str(json.load(answer)["name"])

    def record(self, name: str) -> dict[str, Any] | None:
        bucket, _, prefix = self.outputs["StorageRecords"].removeprefix("s3://").partition("/")
        s3 = self.cloud.client("s3")
        keys = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/").get("Contents", [])]
        key = f"{prefix}/{name}.json"
        return json.load(s3.get_object(Bucket=bucket, Key=key)["Body"]) if key in keys else None

    def access_points(self) -> dict[str, dict[str, Any]]:
        found = self.cloud.client("efs").describe_access_points()["AccessPoints"]
        return {one["ClientToken"]: one for one in found}

    def directory(self, name: str) -> Path:
        own = self.outputs["AccessPointId"]
        [found] = {one["FileSystemId"] for one in self.access_points().values() if one["AccessPointId"] == own}
        return self.cloud.state_dir / "efs" / found / "storage" / name

    def use(self, name: str, ended: float | None, code: int = 0) -> None:
        """What a run leaves on its storage; `ended` is the time of its end on a clock that the test sets."""
        run = self.directory(name) / "nextflow/runs/one"
        run.mkdir(parents=True, exist_ok=True)
        (run / "big.bam").write_bytes(b"x" * 1000)
        if ended is not None:
            (run / END_MARK).write_text(f"{code}\n")
            os.utime(run / END_MARK, (ended, ended))
        self.give_to_root()

    def give_to_root(self) -> None:
        """Root of the file system is a user of the local cloud, who may not delete what another one owns here."""
        if os.geteuid() == 0:
            storage = self.directory("x").parent
            for path in (storage, *storage.rglob("*")):
                os.chown(path, *ROOT)

    def submit(self, definition: str, **request: Any) -> dict[str, Any]:
        queue = request.pop("queue", self.outputs["HeadQueue"])
        job = self.batch.submit_job(jobName="test", jobQueue=queue, jobDefinition=definition, **request)["jobId"]
        return self.wait(job)

    def command(self, *words: str) -> tuple[int, Any]:
        """Run `workflow-context … --local --json`: exit code and what it printed, or its message."""
        outcome = CliRunner().invoke(app, [*words, "--local", "--project", str(self.project_file), "--json"])
        assert outcome.exception is None or isinstance(outcome.exception, SystemExit), outcome.exception
        return outcome.exit_code, json.loads(outcome.stdout) if outcome.stdout else outcome.stderr

    def wait(self, job: str) -> dict[str, Any]:
        deadline = time.monotonic() + 600
        while time.monotonic() < deadline:
            [found] = self.batch.describe_jobs(jobs=[job])["jobs"]
            if found["status"] in ENDED:
                return dict(found)
            time.sleep(0.1)
        raise AssertionError(f"{job} does not end: {found}")

    def log(self, job: Mapping[str, Any]) -> str:
        container = job["container"]
        group = container["logConfiguration"]["options"]["awslogs-group"]
        events = self.cloud.client("logs").get_log_events(
            logGroupName=group, logStreamName=container["logStreamName"], startFromHead=True
        )["events"]
        return "\n".join(one["message"] for one in events)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    needs_sandbox()
    folder = tmp_path_factory.mktemp("dispatch")
    (folder / "agc-project.yaml").write_text(PROJECT)
    with deployed(LocalCloud.of_project(folder / "agc-project.yaml"), folder / "agc-project.yaml") as cloud:
        yield Lab(cloud, stack_outputs(cloud.client, "Dispatch-nextflow"), folder / "agc-project.yaml")


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


class TestRuns:
    """Runs with storage of their own, by the real engines."""

    @pytest.fixture
    def snakemake(self, lab: Lab) -> Lab:
        return Lab(lab.cloud, stack_outputs(lab.cloud.client, "Dispatch-snakemake"), lab.project_file)

    @pytest.fixture
    def wdl(self, lab: Lab) -> Lab:
        return Lab(lab.cloud, stack_outputs(lab.cloud.client, "Dispatch-wdl"), lab.project_file)

    @staticmethod
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
        self, snakemake: Lab, tmp_path: Path
    ) -> None:
        (tmp_path / "Snakefile").write_text(SNAKEFILE)
        name, other = snakemake.initialize(snakemake.administrator), snakemake.initialize(snakemake.administrator)
        arguments = ("run", "snakemake", str(tmp_path / "Snakefile"), "--follow", "--storage")
        code, failed = snakemake.command(*arguments, name)
        assert (code, failed["state"], failed["storage"]) == (1, "FAILED", name)
        run = snakemake.directory(name) / "snakemake/runs" / failed["runId"]
        assert (run / "one.txt").read_text().split() == [failed["runId"]]
        assert len(self.made_for(snakemake, name)) == 4
        assert self.made_for(snakemake, other) == []
        self.cannot_mount(snakemake, name, other)

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
        assert (*there, self.made_for(snakemake, name)) == (False, False, None, [])
        assert other in snakemake.access_points()
        for words in (arguments, ("resume", failed["runId"])):
            code, message = snakemake.command(*words, *([name] if words[-1] == "--storage" else []))
            assert code == 1
            assert (
                f"there is no storage '{name}' in the context 'snakemake': it never was, or it has expired" in message
            )

    @staticmethod
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

    def test_one_of_miniwdl_works_there_and_marks_its_end_there(self, wdl: Lab, tmp_path: Path) -> None:
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

    def test_what_cannot_be_used_is_refused_with_what_to_do(self, lab: Lab, tmp_path: Path) -> None:
        (tmp_path / "Snakefile").write_text(SNAKEFILE)
        name = lab.initialize(lab.administrator)
        asked = ("run", "snakemake", str(tmp_path / "Snakefile"), "--storage")
        for wrong in (name, "run-nobody", "../x"):  # the first one is of another context
            code, message = lab.command(*asked, wrong)
            assert code == 1
            assert "workflow-context storage provision snakemake makes another one" in message


class TestBrowse:
    """What a context's file system holds, by a job that can only read."""

    @pytest.fixture
    def look(self, lab: Lab) -> Callable[..., tuple[int, list[str]]]:
        def run(*words: str) -> tuple[int, list[str]]:
            arguments = ["browse", "nextflow", *words, "--local", "--project", str(lab.project_file)]
            outcome = CliRunner().invoke(app, arguments)
            assert outcome.exception is None or isinstance(outcome.exception, SystemExit), outcome.exception
            return outcome.exit_code, (outcome.stdout or outcome.stderr).splitlines()

        return run

    def test_directories_are_listed_and_files_printed(
        self, lab: Lab, look: Callable[..., tuple[int, list[str]]]
    ) -> None:
        folder = lab.directory("x").parents[1] / "workflow/notes"
        folder.mkdir(parents=True)
        content = "".join(f"line {number}\n\n" for number in range(200))
        (folder / "log.txt").write_text(content)
        code, lines = look("notes")
        assert code == 0
        assert [line.split()[0] + line.split()[-1] for line in lines] == ["1,890log.txt"]
        assert look("/mnt/efs/notes/log.txt", "--show") == (0, content.splitlines())
        assert look("notes/log.txt", "--tail", "3") == (0, ["", "line 199", ""])
        assert any(line.endswith(" notes/") for line in look()[1])

    def test_what_is_not_there_or_lies_outside_is_told(self, look: Callable[..., tuple[int, list[str]]]) -> None:
        assert look("nothing") == (1, ["nothing: No such file or directory"])
        assert look("/etc/passwd", "--show") == (1, ["/etc/passwd is not below /mnt/efs"])

    def test_the_job_cannot_write(self, lab: Lab) -> None:
        (lab.directory("x").parents[1] / "workflow").mkdir(exist_ok=True)
        write = ["python3", "-c", "open('/mnt/efs/written', 'w')"]
        job = lab.submit(lab.outputs["BrowseJobDefinition"], containerOverrides={"command": write})
        assert job["status"] == "FAILED"
        assert "Read-only file system" in lab.log(job)

    def test_what_lies_in_s3_is_read_from_the_bucket(
        self, lab: Lab, look: Callable[..., tuple[int, list[str]]]
    ) -> None:
        bucket, _, prefix = lab.outputs["Outputs"].removeprefix("s3://").partition("/")
        s3 = lab.cloud.client("s3")
        s3.put_object(Bucket=bucket, Key=f"{prefix}/seen/a.txt", Body=b"one\ntwo\n")
        s3.put_object(Bucket=bucket, Key=f"{prefix}/seen/deep/b.txt", Body=b"x")
        folder = f"s3://{bucket}/{prefix}/seen"
        assert [line.split()[-1] for line in look(folder)[1]] == ["deep/", "a.txt"]
        assert look(f"{folder}/a.txt", "--show") == (0, ["one", "two"])
        assert look(f"{folder}/a.txt", "--tail", "1") == (0, ["two"])
        assert look(f"{folder}/none", "--show")[0] == 1


class TestReference:
    """A directory beside the work volume, with an access point of its own."""

    @pytest.fixture
    def genome(self, lab: Lab) -> Path:
        file = lab.directory("x").parents[1] / "references/genome.fa"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(">chr1\nACGT\n")
        return file

    @staticmethod
    def run(lab: Lab, definition: str, command: str) -> dict[str, Any]:
        overrides = {"command": ["sh", "-c", command]}
        return lab.submit(definition, queue=lab.outputs["TaskQueue"], containerOverrides=overrides)

    def test_tasks_and_head_jobs_read_it_and_cannot_write_it(self, lab: Lab, genome: Path) -> None:
        assert genome.exists()
        command = "cat /mnt/references/genome.fa && ! echo x >/mnt/references/new"
        job = self.run(lab, lab.outputs["TaskJobDefinition"], command)
        assert job["status"] == "SUCCEEDED", lab.log(job)
        assert "ACGT" in lab.log(job)
        assert not (genome.parent / "new").exists()
        [head] = lab.batch.describe_job_definitions(jobDefinitions=[lab.outputs["HeadJobDefinition"]])["jobDefinitions"]
        points = {one["containerPath"]: bool(one.get("readOnly")) for one in head["containerProperties"]["mountPoints"]}
        assert points == {"/mnt/efs": False, "/mnt/references": True}

    def test_a_task_cannot_write_it_by_another_job_definition_either(self, lab: Lab, genome: Path) -> None:
        [task] = lab.batch.describe_job_definitions(jobDefinitions=[lab.outputs["TaskJobDefinition"]])["jobDefinitions"]
        container = json.loads(json.dumps(task["containerProperties"]))
        for point in container["mountPoints"]:
            point["readOnly"] = False
        writable = lab.batch.register_job_definition(
            jobDefinitionName="writable", type="container", containerProperties=container
        )["jobDefinitionArn"]
        job = self.run(lab, writable, "echo x >/mnt/references/new")
        assert job["status"] == "FAILED"
        assert "Read-only file system" in lab.log(job)
        assert not (genome.parent / "new").exists()
