"""Contexts on the local cloud, and head jobs that run real engines there."""

import json
import os
import shutil
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from local_runs import deploy

from workflow_stacks.local import LocalCloud
from workflow_stacks.local.batch.volumes import ROOT
from workflow_stacks.stack_outputs import stack_outputs

PROJECT = """\
name: Front
schemaVersion: 1
contexts:
  one:
    requestSpotInstances: true
    machines: {{large: {{memoryFromGib: 64, instanceTypes: [r6i.8xlarge]}}, gpu: {{gpu: true}}}}
    engines: [{{type: {engine}, engine: {engine}, filesystem: {{fsType: EFS}}}}]
"""
ENDED = ("SUCCEEDED", "FAILED")
Record = dict[str, Any]


class HeadJobs:
    """Head jobs of one context of an engine.

    Args:
        cloud: The local cloud.
        engine: The engine.
        folder: For the project file.
        software: Directories with programs that stand in for images.

    Attributes:
        cloud: The local cloud.
        project: The project file.
        outputs: The outputs of the stack.
        files: The directory of the context's file system.
        client: Makes clients of boto3.
    """

    def __init__(self, cloud: LocalCloud, engine: str, folder: Path, software: Sequence[Path]) -> None:
        project = folder / "agc-project.yaml"
        project.write_text(PROJECT.format(engine=engine))
        deploy(cloud, project)
        self._attach(cloud, project, "Front-one", software)
        self.files = cloud.state_dir / "efs" / self.outputs["FileSystemId"] / "workflow"
        self.files.mkdir(parents=True, exist_ok=True)
        shutil.chown(self.files, *ROOT)

    def _attach(self, cloud: LocalCloud, project: Path, stack: str, software: Sequence[Path]) -> None:
        self.cloud, self.project = cloud, project
        self.outputs = stack_outputs(cloud.client, stack)
        self._software = ":".join(map(str, software))
        self.client = cloud.client
        self.batch = cloud.client("batch")

    @property
    def environment(self) -> dict[str, str]:
        """What every head job finds set beside what its definition says. Default: nothing."""
        return {}

    def start(
        self,
        parameters: Mapping[str, str],
        tags: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> str:
        """Submit a head job and return its id."""
        id_: str = self.batch.submit_job(
            jobName="head",
            jobQueue=self.outputs["HeadQueue"],
            jobDefinition=self.outputs["HeadJobDefinition"],
            parameters=dict(parameters),
            containerOverrides={
                "environment": [
                    {"name": name, "value": value}
                    for name, value in {**self.environment, **(environment or {})}.items()
                ]
            },
            tags={"local:software": self._software, **(tags or {})},
        )["jobId"]
        return id_

    def wait(self, id_: str, seconds: float = 200) -> tuple[str, str]:
        """Wait for a head job; its state and its log."""
        deadline = time.monotonic() + seconds
        while (job := self.describe(id_))["status"] not in ENDED:
            assert time.monotonic() < deadline, self.log(job)
            time.sleep(0.3)
        return job["status"], self.log(job)

    def run(self, parameters: Mapping[str, str], tags: Mapping[str, str] | None = None) -> tuple[str, str]:
        """Run a head job to its end."""
        return self.wait(self.start(parameters, tags))

    def describe(self, id_: str) -> Record:
        """One job."""
        [job] = self.batch.describe_jobs(jobs=[id_])["jobs"]
        return dict(job)

    def log(self, job: Record) -> str:
        """The log of a job."""
        stream = job["container"].get("logStreamName")
        if not stream:
            return ""
        options = job["container"]["logConfiguration"]["options"]
        events = self.client("logs").get_log_events(logGroupName=options["awslogs-group"], logStreamName=stream)
        return "\n".join(event["message"] for event in events["events"])

    def tasks(self, since: float = 0) -> list[Record]:
        """The task jobs of all queues, the first one first; those of an array one by one."""
        ids = []
        for queue in (arn for name, arn in self.outputs.items() if name.startswith(("TaskQueue", "FallbackQueue"))):
            found = self.batch.list_jobs(
                jobQueue=queue, filters=[{"name": "AFTER_CREATED_AT", "values": [str(int(since * 1000))]}]
            )
            for one in found["jobSummaryList"]:
                size = one.get("arrayProperties", {}).get("size")
                ids += [f"{one['jobId']}:{index}" for index in range(size)] if size else [one["jobId"]]
        jobs: list[Record] = []
        for start in range(0, len(ids), 100):
            jobs += self.batch.describe_jobs(jobs=ids[start : start + 100])["jobs"]
        return sorted(jobs, key=lambda job: job["createdAt"])

    def kill(self, id_: str) -> None:
        """Let the machine of a job go: all its processes are killed at once."""
        for process in Path("/proc").glob("[0-9]*"):
            try:
                environment = (process / "environ").read_bytes()
            except OSError:  # it has ended
                continue
            if f"AWS_BATCH_JOB_ID={id_}\0".encode() in environment:
                with suppress(ProcessLookupError):
                    os.kill(int(process.name), signal.SIGKILL)

    def write(self, name: str, text: str) -> str:
        """Put a file on the file system; where jobs find it."""
        file = self.files / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        for one in (file.parent, file):
            shutil.chown(one, *ROOT)
        return f"/mnt/efs/{name}"


def requirement(job: Record, kind: str) -> str | None:
    """What a job asks for."""
    return next((one["value"] for one in job["container"]["resourceRequirements"] if one["type"] == kind), None)


def dump(job: Record) -> str:
    """A job, for a message."""
    return json.dumps(job, indent=1, default=str)
