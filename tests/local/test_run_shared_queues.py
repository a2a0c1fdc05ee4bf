"""Two contexts on queues that they share: a workflow each at the same time, and neither reaches what is the other's."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import nextflow_runtime
import pytest
from botocore.exceptions import ClientError
from local_runs import LocalCommands, denied_calls, deployed, needs_sandbox, wait_for

from workflow_stacks.local import LocalCloud
from workflow_stacks.stack_outputs import stack_outputs

pytestmark = pytest.mark.cycle

EFS = {"fsType": "EFS", "configuration": {"throughputMode": "elastic"}}
CONTEXTS = {
    "nf": {"useSharedQueues": True, "engines": [{"type": "nextflow", "engine": "nextflow", "filesystem": EFS}]},
    "smk": {"useSharedQueues": True, "engines": [{"type": "snakemake", "engine": "snakemake", "filesystem": EFS}]},
}
PROJECT = {"name": "Shared", "schemaVersion": 1, "sharedQueues": {"maxVCpus": 16}, "contexts": CONTEXTS}
FILES = {
    "nf/main.nf": """
process greet {
    publishDir params.outdir, mode: 'copy'
    output: path "out.txt"
    script: "sleep 3; echo hello from nextflow >out.txt"
}
workflow { greet() }
""",
    "smk/Snakefile": """
rule greet:
    output: "out.txt"
    shell: "sleep 3; echo hello from snakemake >{output}"
""",
}
OTHER = {"nf": "smk", "smk": "nf"}

Done = Mapping[str, dict[str, Any]]


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCommands]:
    needs_sandbox()
    folder = tmp_path_factory.mktemp("shared")
    command = LocalCommands.of(folder, PROJECT, FILES, {"nf": nextflow_runtime.as_program(folder / "program")})
    with deployed(command.cloud, command.project_file):
        yield command


@pytest.fixture(scope="module")
def outputs(command: LocalCommands) -> dict[str, dict[str, str]]:
    return {name: stack_outputs(command.cloud.client, f"Shared-{name}") for name in CONTEXTS}


@pytest.fixture(scope="module")
def done(command: LocalCommands) -> Done:
    """A run of each context, both begun before either has ended."""
    runs = {name: command("run", name, command.path(name))[1]["runId"] for name in CONTEXTS}
    wait_for(lambda: all(command("status", run)[0] != 3 for run in runs.values()))
    return {name: command("status", run)[1] for name, run in runs.items()}


def waits(batch: Any, outputs: Mapping[str, str]) -> str:
    """A task job of a context that is at work for a while."""
    command = {"command": ["sleep", "120"]}
    queue, definition = outputs["TaskQueue"], outputs["TaskJobDefinition"]
    submitted = batch.submit_job(jobName="waits", jobQueue=queue, jobDefinition=definition, containerOverrides=command)
    return str(submitted["jobId"])


def test_both_contexts_have_as_many_queues_and_environments_as_one(
    command: LocalCommands, outputs: dict[str, dict[str, str]]
) -> None:
    batch = command.cloud.client("batch")
    queues = {queue["jobQueueArn"] for queue in batch.describe_job_queues()["jobQueues"]}
    assert queues == {outputs["nf"]["HeadQueue"], outputs["nf"]["TaskQueue"]}
    assert queues == {outputs["smk"]["HeadQueue"], outputs["smk"]["TaskQueue"]}
    assert len(batch.describe_compute_environments()["computeEnvironments"]) == 2


def test_a_run_of_each_works_at_the_same_time_and_nothing_is_denied(command: LocalCommands, done: Done) -> None:
    batch = command.cloud.client("batch")
    for run in done.values():
        assert (run["state"], run["tasks"]) == ("SUCCEEDED", {"SUCCEEDED": 1}), command("logs", run["runId"], "--head")
    heads = batch.describe_jobs(jobs=[run["headJobs"][-1] for run in done.values()])["jobs"]
    assert max(head["startedAt"] for head in heads) < min(head["stoppedAt"] for head in heads)
    assert denied_calls(command.cloud) == []


@pytest.mark.usefixtures("done")
def test_status_counts_for_each_context_the_jobs_of_its_own(
    command: LocalCommands, outputs: dict[str, dict[str, str]]
) -> None:
    batch = command.cloud.client("batch")
    job = waits(batch, outputs["nf"])
    counted = {one["context"]: sum(one["jobs"].values()) for one in command("status")[1]}
    batch.terminate_job(jobId=job, reason="the test is over")
    assert counted == {"nf": 1, "smk": 0}


def test_each_has_the_results_of_its_own(command: LocalCommands, done: Done, tmp_path: Path) -> None:
    for name, engine in (("nf", "nextflow"), ("smk", "snakemake")):
        code, files = command("outputs", done[name]["runId"], "--download", str(tmp_path / name))
        assert (code, [Path(file).read_text() for file in files]) == (0, [f"hello from {engine}\n"])


@dataclass(frozen=True)
class Task:
    """A job with the role of a context's tasks, and the file system that it mounts."""

    cloud: LocalCloud
    outputs: Mapping[str, str]

    def on(self, file_system: Mapping[str, str], *, with_role: bool = True) -> dict[str, Any]:
        """How a job ended that mounts the file system of a context."""
        batch = self.cloud.client("batch")
        [mine] = batch.describe_job_definitions(jobDefinitions=[self.outputs["TaskJobDefinition"]])["jobDefinitions"]
        container = mine["containerProperties"]
        [volume] = container["volumes"]
        volume["efsVolumeConfiguration"] |= {
            "fileSystemId": file_system["FileSystemId"],
            "authorizationConfig": {
                "accessPointId": file_system["AccessPointId"],
                "iam": "ENABLED" if with_role else "DISABLED",
            },
        }
        container["command"] = ["ls", self.outputs["MountPath"]]
        made = batch.register_job_definition(
            jobDefinitionName="mounts", type="container", containerProperties=container
        )
        queue = self.outputs["TaskQueue"]
        job = batch.submit_job(jobName="mounts", jobQueue=queue, jobDefinition=made["jobDefinitionArn"])["jobId"]

        def ended() -> dict[str, Any]:
            found: dict[str, Any] = batch.describe_jobs(jobs=[job])["jobs"][0]
            return found

        wait_for(lambda: ended()["status"] in ("SUCCEEDED", "FAILED"))
        return ended()


def is_refused(job: dict[str, Any]) -> bool:
    """Whether a job did not start because its file system did not admit it."""
    return job["status"] == "FAILED" and "access denied by server while mounting" in job["container"]["reason"]


@pytest.mark.parametrize("name", CONTEXTS)
@pytest.mark.usefixtures("done")
class TestATask:
    @pytest.fixture
    def task(self, command: LocalCommands, outputs: dict[str, dict[str, str]], name: str) -> Task:
        return Task(command.cloud, outputs[name])

    @pytest.fixture
    def as_role(self, command: LocalCommands, outputs: dict[str, dict[str, str]], name: str) -> Callable[..., Any]:
        """A client of a service with the rights of a role of the context."""

        def client(service: str, role: str) -> Any:
            arn = outputs[name][role]
            keys = command.cloud.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
            return boto3.client(
                service,
                endpoint_url=command.cloud.server().endpoint,
                region_name=command.cloud.region,
                aws_access_key_id=keys["AccessKeyId"],
                aws_secret_access_key=keys["SecretAccessKey"],
                aws_session_token=keys["SessionToken"],
            )

        return client

    def test_mounts_the_file_system_of_its_context_and_not_that_of_the_other(
        self, task: Task, outputs: dict[str, dict[str, str]], name: str
    ) -> None:
        assert task.on(outputs[name])["status"] == "SUCCEEDED"
        assert is_refused(task.on(outputs[OTHER[name]]))

    def test_mounts_neither_without_its_role(self, task: Task, outputs: dict[str, dict[str, str]], name: str) -> None:
        for one in (name, OTHER[name]):
            assert is_refused(task.on(outputs[one], with_role=False))

    def test_reads_the_objects_of_its_context_and_not_those_of_the_other(
        self, as_role: Callable[..., Any], command: LocalCommands, outputs: dict[str, dict[str, str]], name: str
    ) -> None:
        s3 = as_role("s3", "TaskRole")
        for one in CONTEXTS:
            bucket, _, prefix = outputs[one]["Outputs"].removeprefix("s3://").partition("/")
            key = f"{prefix.rstrip('/')}/secret"
            command.cloud.client("s3").put_object(Bucket=bucket, Key=key, Body=b"secret")
            if one == name:
                assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"secret"
            else:
                with pytest.raises(ClientError, match="AccessDenied"):
                    s3.get_object(Bucket=bucket, Key=key)

    def test_cannot_be_submitted_or_ended_by_head_jobs_of_the_other(
        self, as_role: Callable[..., Any], command: LocalCommands, outputs: dict[str, dict[str, str]], name: str
    ) -> None:
        theirs = outputs[OTHER[name]]
        batch, administrator = as_role("batch", "HeadRole"), command.cloud.client("batch")
        job = {"jobName": "theirs", "jobQueue": theirs["TaskQueue"], "jobDefinition": theirs["TaskJobDefinition"]}
        tags = {"workflow-context": theirs["NameInBatch"]}
        with pytest.raises(ClientError, match="not authorized to perform: batch:SubmitJob"):
            batch.submit_job(**job)
        submitted = administrator.submit_job(**job, tags=tags, containerOverrides={"command": ["sleep", "60"]})["jobId"]
        with pytest.raises(ClientError, match="not authorized to perform: batch:TerminateJob"):
            batch.terminate_job(jobId=submitted, reason="not mine")
        administrator.terminate_job(jobId=submitted, reason="the test is over")


def test_destroying_a_context_ends_its_jobs_and_leaves_the_queues(
    command: LocalCommands, outputs: dict[str, dict[str, str]]
) -> None:
    batch = command.cloud.client("batch")
    jobs = {name: waits(batch, one) for name, one in outputs.items()}
    code, said = command("destroy", "smk", "--yes", json_=False)
    assert code == 0, said
    assert "1 jobs of the context are at work on the shared queues" in said
    states = {name: batch.describe_jobs(jobs=[job])["jobs"][0]["status"] for name, job in jobs.items()}
    assert states["smk"] == "FAILED"
    assert states["nf"] in ("RUNNABLE", "STARTING", "RUNNING")
    assert len(batch.describe_job_queues()["jobQueues"]) == 2
