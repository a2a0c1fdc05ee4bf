"""`workflow-context check` on the strict local cloud: contexts that are well, and each thing that can be wrong."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from local_runs import MOUNTED_BY_MACHINES, deploy, needs_sandbox, wait_for
from typer.testing import CliRunner

from workflow_stacks.checks.check import check
from workflow_stacks.checks.steps import STEPS, Report, State, Step
from workflow_stacks.cli import app
from workflow_stacks.local import LocalCloud
from workflow_stacks.runs.jobs import jobs_at_work
from workflow_stacks.stack_outputs import stack_outputs

pytestmark = pytest.mark.cycle

WELL = {
    "efs": ("wdl", "miniwdl", "EFS"),
    "s3": ("nextflow", "nextflow", "S3"),
    "s3files": ("snakemake", "snakemake", "S3Files"),
    "ofs": ("nextflow", "nextflow", "OFS"),
    "fsx": ("snakemake", "snakemake", "FSxLustre"),
    "hostEfs": ("wdl", "cromwell", "EFS"),
}
"""A context on each kind of file system, and one whose head jobs have no Python: type, engine, file system."""

# Of another release than the default, of which the project file already says that it is for x86_64.
X86_IMAGE = "docker.io/snakemake/snakemake:v9.26.0"


def project() -> dict[str, Any]:
    def engine(language: str, name: str, kind: str) -> dict[str, Any]:
        configured = MOUNTED_BY_MACHINES.get(kind)
        file_system = {"fsType": kind, **({"configuration": configured} if configured else {})}
        return {"type": language, "engine": name, "filesystem": file_system}

    contexts: dict[str, Any] = {name: {"engines": [engine(*parts)]} for name, parts in WELL.items()}
    contexts["lost"] = {"engines": [engine("snakemake", "snakemake", "EFS")]}
    contexts["arm"] = {
        "architecture": "arm64",
        "engines": [{**engine("snakemake", "snakemake", "EFS"), "image": X86_IMAGE}],
    }
    contexts["later"] = {"engines": [engine("wdl", "toil", "S3")]}
    return {"name": "Checks", "schemaVersion": 1, "contexts": contexts}


class Place:
    """The deployed project."""

    def __init__(self, project_file: Path) -> None:
        self.project_file = project_file
        self.cloud = LocalCloud.of_project(project_file)
        self.client: Callable[[str], Any] = self.cloud.client

    def check(self, context: str, **options: Any) -> dict[str, Step]:
        report = check(self.project_file, context, local=True, **options)
        return {step.name: step for step in report.steps}

    def outputs(self, context: str) -> dict[str, str]:
        return stack_outputs(self.client, f"Checks-{context}")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    needs_sandbox()
    file = tmp_path_factory.mktemp("checks") / "agc-project.yaml"
    file.write_text(json.dumps(project()))
    place = Place(file)
    try:
        deploy(place.cloud, file, [*WELL, "lost", "arm"])
        yield place
    finally:
        place.cloud.stop()


@pytest.fixture(scope="module")
def checked(place: Place) -> dict[str, dict[str, Step]]:
    """The contexts that are well, each checked once."""
    return {name: place.check(name) for name in WELL}


def states(steps: dict[str, Step], *wanted: State) -> set[str]:
    return {name for name, step in steps.items() if step.state in wanted}


class TestAContextThatIsWell:
    @pytest.mark.parametrize("name", WELL)
    def test_passes_every_step_that_it_has(self, checked: dict[str, dict[str, Step]], name: str) -> None:
        wrong = [step for step in checked[name].values() if step.state in (State.FAILED, State.NOT_REACHED)]
        assert wrong == []
        assert len(states(checked[name], State.OK)) >= 18

    def test_says_which_steps_it_does_not_have_and_why(self, checked: dict[str, dict[str, Step]]) -> None:
        file_system = {name for name in checked["efs"] if name.endswith(("-mount", "-owner", "-files"))}
        assert file_system <= states(checked["s3"], State.NOT_APPLICABLE)
        assert "no file system" in checked["s3"]["head-mount"].message
        assert states(checked["hostEfs"], State.NOT_APPLICABLE) == set()

    def test_leaves_nothing(self, place: Place, checked: dict[str, dict[str, Step]]) -> None:
        batch, s3 = place.client("batch"), place.client("s3")
        running = [
            job
            for name in checked
            for key, queue in place.outputs(name).items()
            if key.endswith("Queue")
            for state in ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING")
            for job in batch.list_jobs(jobQueue=queue, jobStatus=state)["jobSummaryList"]
        ]
        active = batch.describe_job_definitions(status="ACTIVE")["jobDefinitions"]
        bucket = place.outputs("efs")["Outputs"].split("/")[2]
        objects = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
        left = [file.name for file in place.cloud.state_dir.rglob("workflow-context-check-*")]
        assert (running, [one for one in objects if "check" in one], left) == ([], [], [])
        assert [one["jobDefinitionName"] for one in active if "check-" in one["jobDefinitionName"]] == []

    def test_is_reported_as_json_with_exit_code_0(self, place: Place) -> None:
        outcome = CliRunner().invoke(app, ["check", "s3", "--local", "--json", "--project", str(place.project_file)])
        told = json.loads(outcome.stdout)
        assert (outcome.exit_code, told["ok"], told["context"]) == (0, True, "s3")
        assert [one["name"] for one in told["steps"]] == [step.name for step in STEPS]


class TestBeforeAnyJob:
    def test_a_context_that_is_not_deployed_is_told_with_the_command_that_does_it(self, place: Place) -> None:
        arguments = ["check", "later", "--local", "--project", str(place.project_file)]
        outcome = CliRunner().invoke(app, arguments)
        assert outcome.exit_code == 1
        assert "the stack 'Checks-later' is not deployed" in outcome.stdout
        assert "cdk deploy Checks-later" in outcome.stdout

    def test_without_credentials_it_says_how_to_give_them(
        self, place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
            monkeypatch.setenv(name, str(tmp_path / "none"))
        outcome = CliRunner().invoke(app, ["check", "efs", "--json", "--project", str(place.project_file)])
        [failed] = [one for one in json.loads(outcome.stdout)["steps"] if one["state"] == "failed"]
        assert (outcome.exit_code, failed["name"]) == (1, "credentials")
        assert "AWS_PROFILE" in failed["remedy"]

    def test_a_queue_that_is_disabled_is_named(self, place: Place) -> None:
        batch, queue = place.client("batch"), place.outputs("efs")["TaskQueue"]
        batch.update_job_queue(jobQueue=queue, state="DISABLED")
        try:
            steps = place.check("efs")
        finally:
            batch.update_job_queue(jobQueue=queue, state="ENABLED")
        assert states(steps, State.FAILED) == {"queues"}
        assert "DISABLED" in steps["queues"].message
        assert "enable the queue" in steps["queues"].remedy
        assert "head-start" in states(steps, State.NOT_REACHED)


class TestWhatIsWrong:
    def test_a_bucket_policy_that_denies_writing(self, place: Place) -> None:
        s3, where = place.client("s3"), place.outputs("efs")["Outputs"]
        bucket, _, prefix = where.removeprefix("s3://").partition("/")
        deny = {
            "Effect": "Deny",
            "Principal": {"AWS": "*"},
            "Action": "s3:PutObject",
            "Resource": f"arn:aws:s3:::{bucket}/{prefix}/check/*",
        }
        with changed_bucket_policy(s3, bucket, deny):
            steps = place.check("efs")
        assert states(steps, State.FAILED) == {"s3-write"}
        assert "s3:PutObject" in steps["s3-write"].message
        assert "bucket policy" in steps["s3-write"].remedy
        assert "end" in states(steps, State.OK), "the other steps are tried all the same"

    def test_a_bucket_policy_that_opens_what_is_outside_of_the_context(self, place: Place) -> None:
        s3, bucket = place.client("s3"), place.outputs("efs")["Outputs"].split("/")[2]
        open_ = {
            "Effect": "Allow",
            "Principal": {"AWS": place.outputs("efs")["HeadRole"]},
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{bucket}/*",
        }
        with changed_bucket_policy(s3, bucket, open_):
            steps = place.check("efs")
        assert states(steps, State.FAILED) == {"s3-outside"}
        assert "it can be read" in steps["s3-outside"].message

    def test_a_head_role_that_may_not_end_jobs(self, place: Place) -> None:
        iam, role = place.client("iam"), place.outputs("efs")["HeadRole"].rpartition("/")[2]
        with without_statement(iam, role, "EndOwnTasks"):
            steps = place.check("efs")
        assert states(steps, State.FAILED) == {"end"}
        assert "batch:TerminateJob" in steps["end"].message
        assert "head role lacks this right" in steps["end"].remedy

    def test_a_file_system_that_cannot_be_mounted(self, place: Place) -> None:
        place.client("efs").delete_access_point(AccessPointId=place.outputs("lost")["AccessPointId"])
        steps = place.check("lost")
        assert states(steps, State.FAILED) == {"head-mount"}
        assert "the file system could not be mounted" in steps["head-mount"].message
        assert "security groups" in steps["head-mount"].remedy

    def test_an_image_of_tasks_for_another_processor(self, place: Place) -> None:
        steps = place.check("arm")
        assert states(steps, State.FAILED) == {"task-run"}
        assert "exec format error" in steps["task-run"].message
        assert "'architecture' of the context" in steps["task-run"].remedy

    def test_jobs_that_do_not_end_in_time_are_ended_and_told(self, place: Place) -> None:
        before = time.time() * 1000
        steps = place.check("efs", seconds=0)
        [reached] = states(steps, State.FAILED)  # some jobs come further in no time than others
        assert steps[reached].message.startswith("the time is over: ")
        wait_for(lambda: not jobs_at_work(place.client, place.outputs("efs")))
        batch, queue = place.client("batch"), place.outputs("efs")["HeadQueue"]
        ended = batch.list_jobs(jobQueue=queue, jobStatus="FAILED")["jobSummaryList"]
        [job] = [one for one in ended if one["createdAt"] >= before]
        assert job["statusReason"] == "The check of the context is over"


@contextmanager
def changed_bucket_policy(s3: Any, bucket: str, statement: dict[str, Any]) -> Iterator[None]:
    before = s3.get_bucket_policy(Bucket=bucket)["Policy"]
    changed = json.loads(before)
    changed["Statement"].append(statement)
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(changed))
    try:
        yield
    finally:
        s3.put_bucket_policy(Bucket=bucket, Policy=before)


@contextmanager
def without_statement(iam: Any, role: str, sid: str) -> Iterator[None]:
    [name] = iam.list_role_policies(RoleName=role)["PolicyNames"]
    before = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    kept = [one for one in before["Statement"] if one.get("Sid") != sid]
    assert len(kept) == len(before["Statement"]) - 1
    put = {"RoleName": role, "PolicyName": name}
    iam.put_role_policy(**put, PolicyDocument=json.dumps({**before, "Statement": kept}))
    try:
        yield
    finally:
        iam.put_role_policy(**put, PolicyDocument=json.dumps(before))


def test_the_reason_and_what_to_do_are_said_of_failed_steps_only() -> None:
    report = Report()
    report.ok("s3-write")
    report.fail("s3-read", "denied")
    told = {step.name: step for step in report.steps}
    assert (told["s3-write"].remedy, told["queues"].remedy) == ("", "")
    assert (told["s3-read"].message, bool(told["s3-read"].remedy)) == ("denied", True)
