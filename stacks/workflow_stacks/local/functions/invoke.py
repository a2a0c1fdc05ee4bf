"""Runs a function of AWS Lambda once: in a sandbox, with the credentials of its role and nothing else."""

import asyncio
import io
import json
import secrets
import shutil
import sys
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workflow_stacks.local.batch.attempts import host_path, host_software
from workflow_stacks.local.batch.images import packages_of_image
from workflow_stacks.local.batch.volumes import NOBODY
from workflow_stacks.local.iam.authorizer import Authorizer
from workflow_stacks.local.iam.credentials import Credentials
from workflow_stacks.local.iam.principals import Principal
from workflow_stacks.local.sandboxes import CannotRunError, Mount, SandboxSpec, find_sandbox

Record = dict[str, Any]

IMAGE = "public.ecr.aws/lambda/python:3.14"
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html#python-sdk-included
PACKAGES = ("boto3",)
_DEFAULT_SECONDS = 3.0
# AWS puts the code in a template into index.py: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/
_RUNTIME = """
import importlib, json, sys
module, _, name = sys.argv[1].rpartition(".")
sys.path.insert(0, "/var/task")
with open("/var/task/event.json") as file:
    event = json.load(file)
answer = getattr(importlib.import_module(module), name)(event, None)
with open("/var/answer/answer.json", "w") as file:
    json.dump(answer, file)
"""


class FunctionError(Exception):
    """The function gave no answer; the message is for its log."""


@dataclass(frozen=True)
class Functions:
    """Runs functions.

    Attributes:
        state: The state folder of the local cloud.
        port: Where the local cloud listens.
        region: Its region.
        authorizer: Knows the roles.
        credentials: Gives functions those of their role.
        system: Gives files that stand in for those of an image.
        logs: Calls an operation of CloudWatch Logs by its name.
        objects: Gives the content of an object in S3, by bucket and key; None when there is none.
    """

    state: Path
    port: int
    region: str
    authorizer: Authorizer
    credentials: Credentials
    system: Callable[[], Mapping[str, Path]]
    logs: Callable[[str, Record], Any]
    objects: Callable[[str, str], bytes | None]

    async def invoke(self, name: str, function: Record, event: Record) -> Record:
        """Call a function and return what it answers.

        Args:
            name: Its name.
            function: Its properties, as a template has them.
            event: What it is called with.

        Raises:
            FunctionError: It failed, or took too long.
        """
        role = self.authorizer.deployed.role(str(function["Role"]).rpartition("/")[2])
        if role is None:
            raise FunctionError(f"the role {function['Role']} does not exist")
        scratch = self.state / "scratch" / f"function-{secrets.token_hex(8)}"
        grant = self.credentials.grant(Principal(role.arn, name, tags=role.tags))
        try:
            keys = self.credentials.current(grant)
            environment = {
                "AWS_ACCESS_KEY_ID": keys.access_key,
                "AWS_SECRET_ACCESS_KEY": keys.secret,
                "AWS_SESSION_TOKEN": keys.token,
                "AWS_LAMBDA_FUNCTION_NAME": name,
                **function.get("Environment", {}).get("Variables", {}),
            }
            return await self._run(name, function, event, environment, scratch)
        finally:
            self.credentials.revoke(grant)
            shutil.rmtree(scratch, ignore_errors=True)

    async def _run(
        self, name: str, function: Record, event: Record, environment: Mapping[str, str], scratch: Path
    ) -> Record:
        sandbox = find_sandbox()
        if sandbox.runs_images:
            raise CannotRunError(f"functions run in bubblewrap or unshare only, not in {sandbox.name}")
        task, answer = scratch / "task", scratch / "answer"
        for folder in (task, answer):
            folder.mkdir(parents=True)
        answer.chmod(0o777)
        self._put_code(function["Code"], task)
        (task / "event.json").write_text(json.dumps(event))
        software = host_software()
        spec = SandboxSpec(
            name=scratch.name,
            image=IMAGE,
            command=[sys.executable, "-c", _RUNTIME, function["Handler"]],
            environment={
                "PATH": host_path(software),
                "HOME": "/root",
                "LANG": "C.UTF-8",
                "AWS_ENDPOINT_URL": f"http://localhost:{self.port}",
                "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{self.port}",
                "AWS_REGION": self.region,
                "AWS_DEFAULT_REGION": self.region,
                **environment,
            },
            mounts=[
                *packages_of_image(self.state, PACKAGES, software),
                Mount(task, "/var/task", read_only=True),
                Mount(answer, "/var/answer"),
            ],
            software=software,
            system=self.system(),
            owner=NOBODY,
            user=NOBODY,
            scratch=scratch,
        )
        process = await sandbox.start(spec)
        seconds = float(function.get("Timeout", _DEFAULT_SECONDS))
        try:
            output = await asyncio.wait_for(_ended(process), seconds)
        except TimeoutError as error:
            raise FunctionError(f"Task timed out after {seconds:.2f} seconds") from error
        finally:
            sandbox.kill(process, spec)
        self._log(name, function, output.decode(errors="replace"))
        if process.returncode:
            raise FunctionError(output.decode(errors="replace"))
        found: Record = json.loads((answer / "answer.json").read_text())
        return found

    def _put_code(self, code: Record, task: Path) -> None:
        """The code of a template is one file; else it is a zip archive in S3."""
        if "ZipFile" in code:
            (task / "index.py").write_text(code["ZipFile"])
            return
        content = self.objects(code["S3Bucket"], code["S3Key"])
        if content is None:
            raise FunctionError(f"there is no object s3://{code['S3Bucket']}/{code['S3Key']}")
        with zipfile.ZipFile(io.BytesIO(content)) as zipped:
            zipped.extractall(task)

    def _log(self, name: str, function: Record, text: str) -> None:
        """Write what it said to its log."""
        lines = [line for line in text.splitlines() if line.strip()]
        if lines:
            now = int(time.time() * 1000)
            group = function.get("LoggingConfig", {}).get("LogGroup") or f"/aws/lambda/{name}"
            place = {"logGroupName": group, "logStreamName": f"{time.strftime('%Y/%m/%d')}/[$LATEST]"}
            self.logs("create_log_group", {"logGroupName": group})
            self.logs("create_log_stream", place)
            self.logs("put_log_events", {**place, "logEvents": [{"timestamp": now, "message": one} for one in lines]})


async def _ended(process: asyncio.subprocess.Process) -> bytes:
    """Wait for a process, and give what it said."""
    output = await process.stdout.read() if process.stdout else b""
    await process.wait()
    return output
