"""What engines really gave to qsub."""

import json
from pathlib import Path
from typing import Any

CAPTURES = Path(__file__).parent / "captures"


def capture(name: str) -> dict[str, Any]:
    """What an engine really gave to qsub: argv, cwd, and the script that it had written."""
    found: dict[str, Any] = json.loads((CAPTURES / f"{name}.json").read_text())
    return {**found, "script": "\n".join(found["script"]) + "\n"}
