"""The log of a job: what it writes goes to CloudWatch Logs, line by line, while it runs."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

Record = dict[str, Any]

DEFAULT_GROUP = "/aws/batch/job"
MAX_LINE_BYTES = 256 * 1024 - 26  # what CloudWatch takes as one event


class JobLog:
    """One log stream.

    Args:
        call: Calls an operation of CloudWatch Logs by its name.
        container: The container properties of the job.
        definition: The name of the job definition.
        task: The id of the ECS task.
    """

    def __init__(self, call: Callable[[str, Record], None], container: Record, definition: str, task: str) -> None:
        options = container.get("logConfiguration", {}).get("options", {})
        self.group = options.get("awslogs-group", DEFAULT_GROUP)
        self.stream = f"{options.get('awslogs-stream-prefix', definition)}/default/{task}"
        self._call = call
        place = {"logGroupName": self.group}
        call("create_log_group", place)
        call("create_log_stream", {**place, "logStreamName": self.stream})

    def write(self, *lines: str) -> None:
        """Write lines; CloudWatch takes no empty ones."""
        now = int(time.time() * 1000)
        events = [{"timestamp": now, "message": line} for line in lines if line.strip()]
        if events:
            self._call(
                "put_log_events", {"logGroupName": self.group, "logStreamName": self.stream, "logEvents": events}
            )

    async def copy(self, stream: asyncio.StreamReader) -> None:
        """Write what comes until it ends."""
        rest = b""
        while block := await stream.read(64 * 1024):
            *lines, rest = (rest + block).split(b"\n")
            if len(rest) > MAX_LINE_BYTES:
                lines, rest = [*lines, rest[:MAX_LINE_BYTES]], rest[MAX_LINE_BYTES:]
            self.write(*(line[:MAX_LINE_BYTES].decode(errors="replace").rstrip("\r") for line in lines))
        self.write(rest.decode(errors="replace"))
