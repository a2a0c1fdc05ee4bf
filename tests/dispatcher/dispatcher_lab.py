"""A deployed context on the local cloud, as those see it who ask it for storage and submit jobs."""

import json
import os
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import botocore.auth
import botocore.awsrequest
import botocore.credentials
from local_runs import deployed, needs_sandbox
from typer.testing import CliRunner

from workflow_context.ended_runs import END_MARK
from workflow_stacks.cli import app
from workflow_stacks.local import LocalCloud
from workflow_stacks.local.batch.volumes import ROOT
from workflow_stacks.local.iam.credentials import read_administrator
from workflow_stacks.stack_outputs import stack_outputs

ENDED = ("SUCCEEDED", "FAILED")
Keys = tuple[str, str, str | None]


class Lab:
    """The deployed context."""

    def __init__(self, cloud: LocalCloud, outputs: Mapping[str, str], project_file: Path) -> None:
        self.cloud = cloud
        self.project_file = project_file
        self.outputs = outputs
        self.batch = cloud.client("batch")

    def of(self, stack: str) -> Self:
        """Another context of the same project."""
        return type(self)(self.cloud, stack_outputs(self.cloud.client, stack), self.project_file)

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


@contextmanager
def deployed_lab(folder: Path, project: str, stack: str) -> Iterator[Lab]:
    """A project on a local cloud of its own, by the stack of one of its contexts."""
    needs_sandbox()
    file = folder / "agc-project.yaml"
    file.write_text(project)
    with deployed(LocalCloud.of_project(file), file) as cloud:
        yield Lab(cloud, stack_outputs(cloud.client, stack), file)
