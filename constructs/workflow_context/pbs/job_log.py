"""Why a job failed: what AWS Batch says of it, and the end of its log."""

from __future__ import annotations

import json
import os
import time
import urllib.request
from pathlib import Path

from .batch_api import (
    BatchApi,
    Record,
    domain_of,
    sign,
)
from .credentials import find_credentials
from .jobs import Job
from .progress import log_of

_LINES = 30
_SECONDS = 20.0
_TARGET = {"content-type": "application/x-amz-json-1.1", "x-amz-target": "Logs_20140328.GetLogEvents"}


def why_it_failed(job: Job, api: BatchApi, region: str, tasks: Path) -> str:
    """Some lines for whoever reads the log of the engine."""
    if job.reason or not job.batch:
        return f"Job {job.name} ({job.id}) failed: {job.reason or 'it was not submitted'}"
    if job.together > 1 and (said := log_of(tasks, job)):
        return "\n".join(
            [f"Job {job.name} ({job.batch}) failed. The end of what it said:", *(f"  {one}" for one in said)]
        )
    found: Record = next(iter(api.call("DescribeJobs", {"jobs": [job.batch]})["jobs"]), {})
    container = found.get("container", {})
    code = f"exit code {container['exitCode']}" if "exitCode" in container else ""
    parts = [part for part in (code, container.get("reason"), found.get("statusReason")) if part]
    lines = [f"Job {job.name} ({job.batch}) failed: {', '.join(parts) or 'AWS Batch does not say why'}"]
    stream = container.get("logStreamName")
    group = container.get("logConfiguration", {}).get("options", {}).get("awslogs-group", "/aws/batch/job")
    if stream:
        lines.append(f"The end of its log ({group}, {stream}):")
        try:
            lines += [f"  {line}" for line in _end_of(region, group, stream)]
        except (OSError, ValueError) as error:
            lines.append(f"  it cannot be read: {error}")
    return "\n".join(lines)


def _end_of(region: str, group: str, stream: str) -> list[str]:
    """The last lines of a log.

    https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html
    """
    endpoint = (
        os.environ.get("AWS_ENDPOINT_URL_LOGS")
        or os.environ.get("AWS_ENDPOINT_URL")
        or f"https://logs.{region}.{domain_of(region)}"
    ).rstrip("/")
    body = json.dumps({"logGroupName": group, "logStreamName": stream, "limit": _LINES}).encode()
    host = endpoint.partition("://")[2]
    headers = sign(find_credentials(), region, host, "/", body, time.gmtime(), "logs", _TARGET)
    request = urllib.request.Request(f"{endpoint}/", data=body, headers=headers, method="POST")  # noqa: S310  https
    with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
        events = json.loads(answer.read())["events"]
    return [str(event["message"]).rstrip("\n") for event in events]
