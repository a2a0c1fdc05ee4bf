"""CloudWatch Logs: the log of a job is in a file, so that a talkative job takes disk, not memory."""

import hashlib
from typing import Any

from ministack.core import persistence
from ministack.services import cloudwatch_logs

from workflow_stacks.local.cloud.log_files import LogFile

from .handlers import Properties
from .settings import STATE

_LOG_FILE = "__log_file__"
_restore_cloudwatch_logs = cloudwatch_logs.load_persisted_state
_json_default, _json_object_hook = persistence._json_default, persistence._json_object_hook


def install() -> None:
    """Keep such logs in their files over a restart."""
    persistence._json_object_hook = _from_json
    cloudwatch_logs.load_persisted_state = _restore


def call(operation: str, request: Properties) -> Any:
    """Call an operation by its name, such as `put_log_events`.

    Making what is there already is refused, and it stays.
    """
    if operation == "put_log_events":
        return _write(request)
    return getattr(cloudwatch_logs, f"_{operation}")(request)


def to_json(value: Any) -> Any:
    """What stands in a state file for a value that JSON does not know."""
    return {_LOG_FILE: str(value.path.relative_to(STATE))} if isinstance(value, LogFile) else _json_default(value)


def _write(request: Properties) -> None:
    group, name = request["logGroupName"], request["logStreamName"]
    stream = cloudwatch_logs._log_groups[group]["streams"][name]
    if not isinstance(stream["events"], LogFile):
        digest = hashlib.sha256(f"{group}\n{name}".encode()).hexdigest()
        stream["events"] = LogFile(STATE / "logs" / digest[:2] / f"{digest}.jsonl")
    events = stream["events"]
    given = request["logEvents"]
    now = given[-1]["timestamp"]
    events.extend({**event, "ingestionTime": now, "eventId": str(len(events) + at)} for at, event in enumerate(given))
    if stream["firstEventTimestamp"] is None:
        stream["firstEventTimestamp"] = given[0]["timestamp"]
    stream |= {"lastEventTimestamp": now, "lastIngestionTime": now}


def _from_json(found: Properties) -> Any:
    return LogFile(STATE / found[_LOG_FILE]) if _LOG_FILE in found else _json_object_hook(found)


def _restore(data: Properties) -> None:
    """Streams in files stay there."""
    streams = [
        stream
        for _, group in data["log_groups"].all_items()
        for stream in group["streams"].values()
        if isinstance(stream["events"], LogFile)
    ]
    kept = [stream["events"] for stream in streams]
    for stream in streams:
        stream["events"] = []
    _restore_cloudwatch_logs(data)
    for stream, events in zip(streams, kept, strict=True):
        stream["events"] = events
