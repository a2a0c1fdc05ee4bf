"""The backend that head jobs of miniwdl bring along, by miniwdl-aws itself and a client that sends nothing."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

PROGRAM = """
import json, logging
import boto3, botocore.awsrequest
from WDL.runtime import config
from WDL.runtime.config import load_plugins

logger = logging.getLogger()
cfg = config.Loader(logger, [])
backends = dict(load_plugins(cfg, "container_backend"))
sent, chosen = [], []

def send(request, **_):
    body = json.loads(request.body)
    sent.append((request.url.rpartition("/")[2], body))
    name = body.get("jobDefinitionName", "")
    return botocore.awsrequest.AWSResponse(request.url, 200, {}, Raw(json.dumps(
        {"jobDefinitionName": name, "jobDefinitionArn": "arn", "revision": 1, "jobName": "j", "jobId": "1"})))

class Raw:
    def __init__(self, text):
        self.text = text
    def stream(self, **_):
        yield self.text.encode()
    def read(self, *_, **__):
        return self.text.encode()

client = boto3.client("batch", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
client.meta.events.register("before-send.batch", send)

class Cleanup:
    def callback(self, *_):
        pass

for name in ("workflow_context", "workflow_context_no_efs"):
    backend = backends[name]
    job = backend.__new__(backend)
    job.cfg, job.run_id, job.try_counter, job.container_dir, job.host_dir = cfg, "call-" + "a" * 99, 1, "/mnt/x", "/x"
    job.runtime_values, job._aws_interrupts = {}, 0
    backend._job_queue, backend._job_queue_fallback = "queue", ""
    backend._fs_mount, backend._fs_id, backend._fsap_id, backend._studio_efs_uid = "/mnt", "fs-1", "fsap-1", None
    for _ in range(2):
        job._submit_batch_job(logger, Cleanup(), client)
    for asked in ASKED:
        job.runtime_values, job._aws_interrupts = {"preemptible": 1, **asked}, asked.get("interrupts", 0)
        backend._job_queue, backend._job_queue_fallback = "queue", "fallback"
        chosen.append(job._select_job_queue())
print(json.dumps([sent, chosen]))
"""
GIB = 1024**3
ASKED: list[dict[str, object]] = [
    {},
    {"memory_reservation": 63 * GIB},
    {"memory_reservation": 64 * GIB},
    {"memory_reservation": 64 * GIB, "interrupts": 1},
    {"gpu": True},
    {"gpu": True, "interrupts": 1},
    {"interrupts": 1},
]
KINDS = [
    {},
    {"name": "large", "queue": "large", "fallback": "largeFallback", "memory_mib": 65536},
    {"name": "gpu", "queue": "gpu", "gpu": True},
]


def run(**more: str) -> tuple[list[tuple[str, dict[str, object]]], list[str]]:
    """What is sent, and the queues that are chosen for what tasks ask for."""
    pytest.importorskip("miniwdl_aws")
    from workflow_context.engines.miniwdl import backend_files

    with tempfile.TemporaryDirectory() as folder:
        for name, text in backend_files().items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        environment = {
            **os.environ,
            "PYTHONPATH": f"{folder}/miniwdl",
            "WORKFLOW_CONTEXT": "c" * 60,
            "WORKFLOW_RUN_ID": "run-1",
            "AWS_BATCH_JOB_ID": "head",
            "WORKFLOW_IO_RESOURCE": "arn:io",
            "WORKFLOW_IO_UNITS": "50000",
            "WORKFLOW_IO_UNITS_PER_VCPU": "340",
            "MINIWDL__AWS__CONTAINER_PROPERTIES": '{"logConfiguration":{"logDriver":"awslogs"}}',
            **more,
        }
        done = subprocess.run(
            [sys.executable, "-c", f"ASKED = {ASKED}\n{PROGRAM}"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    sent, chosen = json.loads(done.stdout.splitlines()[-1])
    return sent, chosen


@pytest.fixture(scope="module")
def sent() -> list[tuple[str, dict[str, object]]]:
    return run()[0]


def test_tasks_go_to_the_machines_that_have_what_they_ask_for_and_after_an_interruption_to_their_fallback() -> None:
    chosen = run(WORKFLOW_MACHINES=json.dumps(KINDS))[1]
    assert chosen == ["queue", "queue", "large", "largeFallback", "gpu", "gpu", "fallback"] * 2


def test_where_there_is_one_kind_of_machines_the_queues_are_as_miniwdl_aws_chooses() -> None:
    assert run()[1] == ["queue", "queue", "queue", "fallback", "queue", "fallback", "fallback"] * 2


def test_job_definitions_have_the_name_and_the_tag_of_the_context(sent: list[tuple[str, dict[str, object]]]) -> None:
    registered = [body for operation, body in sent if operation == "registerjobdefinition"]
    assert len(registered) == 4
    names = {str(one["jobDefinitionName"]) for one in registered}
    assert len(names) == 4  # the random end is kept
    for one in registered:
        assert str(one["jobDefinitionName"]).startswith("c" * 60 + "-task-")
        assert len(str(one["jobDefinitionName"])) <= 128
        assert one["tags"] == {"workflow-context": "c" * 60}
        assert "logConfiguration" in one["containerProperties"]  # type: ignore[operator]


def test_jobs_have_the_tags_of_context_run_and_head_job(sent: list[tuple[str, dict[str, object]]]) -> None:
    submitted = [body for operation, body in sent if operation == "submitjob"]
    assert len(submitted) == 4
    for one in submitted:
        assert one["tags"] == {
            "workflow-context": "c" * 60,
            "workflow-context:run": "run-1",
            "AWS_BATCH_PARENT_JOB_ID": "head",
        }
        assert str(one["jobDefinition"]).startswith("c" * 60 + "-task-")


def test_job_definitions_take_a_share_of_the_throughput_for_each_vcpu(
    sent: list[tuple[str, dict[str, object]]],
) -> None:
    for one in [body for operation, body in sent if operation == "registerjobdefinition"]:
        container: dict[str, list[dict[str, str]]] = one["containerProperties"]  # type: ignore[assignment]
        [vcpus] = [int(need["value"]) for need in container["resourceRequirements"] if need["type"] == "VCPU"]
        shares = [{"consumableResource": "arn:io", "quantity": 340 * vcpus}]
        assert one["consumableResourceProperties"] == {"consumableResourceList": shares}
