"""What Snakemake tells of a job in a line of its script."""

from __future__ import annotations

import json
import re
from typing import Any

IMAGE = "container_image"
"""The resource by which a rule names the image of its jobs."""

IO = "io_mibps"
"""The resource by which a rule says what its jobs read and write on the file system, in MiB per second."""

TASKS_PER_JOB = "tasks_per_job"
"""The resource by which a rule says how many of its jobs may run one after another in one job of AWS Batch."""

MACHINES = "machines"
"""The resource by which a rule names the kind of machines for its jobs, where the context has several."""

ARCHITECTURE = "architecture"
"""The resource by which a rule says on which processors its jobs run."""

_MARK = "# properties = "
_LINES = 5
_MEBIBYTE = 1024**2


def asked_by_rule(text: str) -> dict[str, Any]:
    """What the rule of a job asks for, in the words of `Request`; nothing when the script is none of Snakemake.

    Raises:
        ValueError: It cannot be understood.
    """
    line = next((line for line in text.splitlines()[:_LINES] if line.startswith(_MARK)), "")
    if not line:
        return {}
    properties: dict[str, Any] = json.loads(line[len(_MARK) :])
    resources: dict[str, Any] = properties.get("resources") or {}
    named = [
        properties.get("rule") or properties.get("groupid") or "job",
        *(properties.get("wildcards") or {}).values(),
    ]
    memory = _whole(resources, "mem_mib") or -(-_whole(resources, "mem_mb") * 1000**2 // _MEBIBYTE)
    limits = {
        "ppn": _whole(properties, "threads"),
        "mem": f"{memory}mb" if memory else "",
        "io": resources.get(IO) or "",
        "tasks_per_job": _whole(resources, TASKS_PER_JOB),
        "arch": resources.get(ARCHITECTURE) or "",
        "walltime": _whole(resources, "runtime") * 60,  # Snakemake counts it in minutes
    }
    return {
        "name": "-".join(map(str, named)),
        "image": re.sub("^docker://", "", str(resources.get(IMAGE) or "")),  # as Snakemake writes it elsewhere
        "gpus": _whole(resources, "gpu"),
        "queue": str(resources.get(MACHINES) or ""),
        "limits": {name: str(value) for name, value in limits.items() if value},
    }


def _whole(values: dict[str, Any], name: str) -> int:
    value = values.get(name) or 0
    try:
        return int(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} is no number: {value!r}") from error
