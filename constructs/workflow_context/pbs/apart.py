"""Runs an engine that hands its whole environment on to its tasks, such as Toil, and keeps the outputs that it prints.

What tells a container who it is stands in its environment too: in the tasks, the place of the head job's credentials
would hide that of their own, and it does not answer them. So the engine gets its credentials by the configuration of
the AWS SDKs instead.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from .credentials import container_endpoint

_OF_THIS_JOB = ("AWS_BATCH_", "AWS_CONTAINER_", "AWS_EXECUTION_ENV", "ECS_")


def run_apart(command: Sequence[str], outputs: str, program: Path) -> int:
    """Run a command, and when it succeeds keep what it printed on its standard output.

    Args:
        command: The command and its arguments.
        outputs: The `s3://` address of the object to keep it in.
        program: This program, which the SDKs call for credentials.

    Returns:
        Its exit code, and as a shell has it, 128 more than the signal that ended it.
    """
    endpoint = container_endpoint()
    if endpoint:
        _configure(program, endpoint)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_OF_THIS_JOB)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as engine:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda received, _: engine.send_signal(received))
        assert engine.stdout is not None  # noqa: S101  for the type checker
        printed = engine.stdout.read()
    sys.stdout.write(printed.decode(errors="replace"))
    sys.stdout.flush()
    if engine.returncode == 0:
        _keep(printed, outputs)
    return engine.returncode if engine.returncode >= 0 else 128 - engine.returncode


def _configure(program: Path, endpoint: tuple[str, str]) -> None:
    """Tell the SDKs of this user to ask this program: tasks have another home, so it stays here."""
    file = Path.home() / ".aws" / "config"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(0o600)
    command = shlex.join([sys.executable, "-S", "-E", str(program), "credentials", *filter(None, endpoint)])
    file.write_text(f"[default]\ncredential_process = {command}\n", encoding="utf-8")


def _keep(content: bytes, address: str) -> None:
    import boto3  # an engine that runs on AWS by Python brings it

    bucket, _, key = address[len("s3://") :].partition("/")
    boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=content, ContentType="application/json")
