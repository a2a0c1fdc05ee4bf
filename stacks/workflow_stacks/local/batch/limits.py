"""The quotas of AWS Batch, with the words it refuses in.

https://docs.aws.amazon.com/batch/latest/userguide/service_limits.html
"""

import json
import time
from collections.abc import Callable
from typing import Any

from .errors import ClientError, TooManyRequestsError

Record = dict[str, Any]

MAX_DEFINITION_KIB = 24
MAX_JOB_KIB = 30
MAX_QUEUES = 50
MAX_ENVIRONMENTS = 50
MAX_ENVIRONMENTS_PER_QUEUE = 3
MAX_JOBS_PER_CALL = 50
MAX_DESCRIBED_JOBS = 100
SUBMISSIONS_PER_SECOND = 50
_KIB = 1024


def check_definition_size(request: Record) -> None:
    """Refuse a job definition that is too large."""
    _check_size("Job definition", request, MAX_DEFINITION_KIB)


def check_job_size(request: Record) -> None:
    """Refuse a SubmitJob that is too large."""
    _check_size("Job", request, MAX_JOB_KIB)


def check_count(store: Any, what: str, most: int) -> None:
    """Refuse one more of what the account and region have enough of."""
    if len(store) >= most:
        raise ClientError(f"Maximum number of {what} reached: {most}")


def _check_size(what: str, request: Record, most_kib: int) -> None:
    size = len(json.dumps(request, separators=(",", ":"), ensure_ascii=False).encode())
    if size > most_kib * _KIB:
        raise ClientError(f"{what} size must be less than {most_kib} KiB, got {-(-size // _KIB)} KiB")


class SubmissionRate:
    """Lets so many SubmitJob calls pass in a second, and as many at once.

    Args:
        per_second: The quota.
        clock: Gives the time in seconds.
    """

    def __init__(self, per_second: float = SUBMISSIONS_PER_SECOND, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._clock = clock
        self._tokens = per_second
        self._at = clock()

    def check(self) -> None:
        """Take a call, or refuse it."""
        now = self._clock()
        self._tokens = min(self._per_second, self._tokens + (now - self._at) * self._per_second)
        self._at = now
        if self._tokens < 1:
            raise TooManyRequestsError("Too Many Requests")
        self._tokens -= 1
