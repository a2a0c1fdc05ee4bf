"""What engines really gave to qsub, and the settings under which tests read it."""

import json
from pathlib import Path
from typing import Any

from workflow_context.pbs.settings import Settings

CAPTURES = Path(__file__).parent / "captures"
QUEUE = "arn:aws:batch:us-east-1:123456789012:job-queue/TaskQueue-abc"
SETTINGS = Settings("ctx", "template", QUEUE, "", Path("/nowhere"), "run", 0, "us-east-1", 1, 1)


def capture(name: str) -> dict[str, Any]:
    """What an engine really gave to qsub: argv, cwd, and the script that it had written."""
    found: dict[str, Any] = json.loads((CAPTURES / f"{name}.json").read_text())
    return {**found, "script": "\n".join(found["script"]) + "\n"}
