"""What tests of the service share: a workflow with its files, and runs that are started and waited for."""

import json
import time
from typing import Any

import httpx

PROJECT = """
name: Served
schemaVersion: 1
contexts:
  wdl: {wes: true, engines: [{type: wdl, engine: miniwdl}]}
"""
MAIN = """
version 1.0
import "tasks/lines.wdl" as tasks
workflow count {
  input { File data  Int seconds = 0  Boolean fail = false }
  call tasks.lines { input: data = data, seconds = seconds, fail = fail }
  output { Int found = lines.found }
}
"""
LINES = """
version 1.0
task lines {
  input { File data  Int seconds  Boolean fail }
  command <<<
    echo "counting lines" >&2; sleep ~{seconds}; ~{if fail then "echo this is why >&2; exit 3" else "true"}
    wc -l < ~{data}
  >>>
  output { Int found = read_int(stdout()) }
}
"""
ATTACHMENTS = [
    ("workflow_attachment", ("main.wdl", MAIN.lstrip())),
    ("workflow_attachment", ("tasks/lines.wdl", LINES.lstrip())),
    ("workflow_attachment", ("data/three.txt", "1\n2\n3\n")),
]
ENDED = ("COMPLETE", "EXECUTOR_ERROR", "SYSTEM_ERROR", "CANCELED", "UNKNOWN")


def start(client: httpx.Client, **inputs: Any) -> str:
    fields = {
        "workflow_type": "WDL",
        "workflow_type_version": "1.0",
        "workflow_url": "main.wdl",
        "workflow_params": json.dumps({"count.data": "data/three.txt", **inputs}),
        "tags": json.dumps({"study": "S 1"}),
    }
    answer = client.post("/runs", data=fields, files=ATTACHMENTS)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["run_id"])


def wait_for(client: httpx.Client, run_id: str, *states: str, seconds: float = 240) -> str:
    deadline = time.monotonic() + seconds
    while (state := client.get(f"/runs/{run_id}/status").json()["state"]) not in states:
        assert time.monotonic() < deadline, f"the run is {state}"
        time.sleep(0.5)
    return str(state)
