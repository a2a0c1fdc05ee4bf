"""What a person sees on a terminal while a workflow runs."""

import os
import pty
import re
import subprocess
import sys

SCRIPT = """
import time
from collections import Counter
from types import SimpleNamespace
from workflow_stacks.cli.local_view import view
from workflow_stacks.local.runs.progress import Progress

progress = Progress()
head = {"status": "RUNNING", "createdAt": time.time() * 1000 - 65000}
jobs = SimpleNamespace(head=head, states=Counter(RUNNING=2, SUCCEEDED=5), stuck=lambda: [])
with view() as look:
    look(jobs, SimpleNamespace(used_bytes=lambda: 3 * 2**20))
    time.sleep(0.6)
    progress.say("Cancelling the workflow")
    time.sleep(0.6)
"""


def seen() -> str:
    """All that the terminal gets, without colours."""
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen([sys.executable, "-c", SCRIPT], stdin=theirs, stdout=theirs, stderr=theirs, env=environment):
        os.close(theirs)
        parts = []
        try:
            while part := os.read(ours, 4096):
                parts.append(part)
        except OSError:  # so a terminal tells that nobody writes to it any more
            pass
        finally:
            os.close(ours)
    return re.sub(r"\x1b\[[0-9;]*m", "", b"".join(parts).decode())


def test_head_job_tasks_size_and_time_are_shown_and_what_is_told_meanwhile_stays() -> None:
    text = seen()

    for line in (r"head job +RUNNING", r"tasks +2 RUNNING, 5 SUCCEEDED", r"file system +3\.00 MiB", r"elapsed +6\d s"):
        assert re.search(line, text)
    # The view is taken away before the line, and made anew below it.
    assert re.search(r"(\x1b\[2K\x1b\[1A)+\x1b\[2K +\d\.\d s  Cancelling the workflow\r\nhead job", text)
