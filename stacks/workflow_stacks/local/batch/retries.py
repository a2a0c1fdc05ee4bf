"""Whether a failed attempt is followed by another: the retry strategy of AWS Batch.

https://docs.aws.amazon.com/batch/latest/userguide/job_retries.html
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

Record = dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended.

    Attributes:
        exit_code: What the container returned; None when it never ran, or its machine is gone.
        status_reason: What DescribeJobs says of the attempt.
        reason: What the container runtime says; mostly nothing.
        final: Whether no retry strategy is asked: ended on request, or by its timeout.
    """

    exit_code: int | None
    status_reason: str = "Essential container in task exited"
    reason: str = ""
    final: bool = False

    @property
    def succeeded(self) -> bool:
        """Whether the job is done."""
        return self.exit_code == 0 and not self.final


def runs_again(strategy: Record, attempts_made: int, outcome: Outcome) -> bool:
    """Whether the strategy wants another attempt after one that failed."""
    if outcome.final or attempts_made >= int(strategy.get("attempts", 1)):
        return False
    seen = {
        "onStatusReason": outcome.status_reason,
        "onReason": outcome.reason,
        "onExitCode": "" if outcome.exit_code is None else str(outcome.exit_code),
    }
    for rule in strategy.get("evaluateOnExit", []):
        if all(_matches(seen[key], rule[key]) for key in seen if rule.get(key)):
            return bool(rule["action"].upper() == "RETRY")
    return True


def _matches(text: str, pattern: str) -> bool:
    """A pattern is a text, or the beginning of one before a final `*`."""
    if pattern.endswith("*"):
        return text.lower().startswith(pattern[:-1].lower())
    return fnmatchcase(text.lower(), pattern.lower())
