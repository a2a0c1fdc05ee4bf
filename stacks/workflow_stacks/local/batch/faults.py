"""Faults on purpose: which attempts of which jobs meet with an accident."""

import secrets
from dataclasses import dataclass
from random import SystemRandom
from typing import Any

from .job_tags import SPOT_INTERRUPTION, TASK_FAILURE, submitters

Record = dict[str, Any]

SPOT = frozenset({"SPOT", "FARGATE_SPOT"})
LONGEST_LIFE_SECONDS = 0.5


@dataclass(frozen=True)
class Fault:
    """An accident of one attempt.

    Attributes:
        words: What the log of the job says of it.
        status_reason: What DescribeJobs says of it, when the machine is lost.
        after_seconds: When the machine is lost; the job never knows whether it was done.
    """

    words: str
    status_reason: str = ""
    after_seconds: float = 0.0


def draw_fault(job: Record, jobs: Any, environment: Record, random: Any = None) -> Fault | None:
    """Draw lots for an attempt, by what was asked of whoever submitted the job."""
    draw = random or SystemRandom()
    asked = {key: value for one in reversed(submitters(job, jobs)) for key, value in one["tags"].items()}
    is_spot = environment.get("computeResources", {}).get("type") in SPOT
    if is_spot and draw.random() < float(asked.get(SPOT_INTERRUPTION, 0)):
        instance = f"i-0{secrets.token_hex(8)}"
        return Fault(
            "This instance is interrupted, as asked for by --spot-interruption.",
            f"Host EC2 (instance {instance}) terminated.",
            draw.random() * LONGEST_LIFE_SECONDS,
        )
    if draw.random() < float(asked.get(TASK_FAILURE, 0)):
        return Fault("This attempt fails, as asked for by --task-failure.")
    return None
