"""What each role did: its actions with the resources, how often they were allowed or denied, and what it never used."""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

from .evaluation import Statements
from .patterns import glob

_BATCH_JOB = re.compile(r"(:job/).+")
_TASK = re.compile(r"(:(?:task|container-instance)/).+")
_STREAM = re.compile(r"(:log-stream:).+")
_REVISION = re.compile(r"(:job-definition/[^:]+:)\d+$")
_S3_KEY = re.compile(r"^(arn:aws:s3:::[^/]+(?:/[^/]+){0,2}/).+")
MAX_ROWS = 5000


class Usage:
    """Counts the calls of roles."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str, str, bool]] = Counter()

    def record(self, role: str, action: str, resource: str, *, allowed: bool) -> None:
        """Count a call."""
        row = (role, action, resource_pattern(resource), allowed)
        if row not in self._counts and len(self._counts) >= MAX_ROWS:
            row = (role, action, "*", allowed)
        self._counts[row] += 1

    def roles(self) -> list[str]:
        """The ARNs of the roles that made a call."""
        return sorted({role for role, *_ in self._counts})

    def of(self, role: str) -> list[dict[str, Any]]:
        """The calls of a role: action, resource, and how often it was allowed and denied."""
        rows = sorted({(action, resource) for one, action, resource, _ in self._counts if one == role})
        return [
            {
                "action": action,
                "resource": resource,
                "allowed": self._counts[role, action, resource, True],
                "denied": self._counts[role, action, resource, False],
            }
            for action, resource in rows
        ]

    def unused(self, role: str, identity: Statements) -> list[str]:
        """The actions that the policies of a role grant and it never used, as the policies write them."""
        used = {action for one, action, _, allowed in self._counts if one == role and allowed}
        granted = _granted(identity)
        return [one for one in granted if not any(glob(one, ignore_case=True).match(action) for action in used)]


def resource_pattern(resource: str) -> str:
    """A resource without what differs from job to job, so that few rows say much."""
    for pattern in (_BATCH_JOB, _TASK, _STREAM, _REVISION, _S3_KEY):
        resource = pattern.sub(r"\1*", resource)
    return resource


def _granted(identity: Statements) -> Iterable[str]:
    return sorted(
        {action for one in identity if one.effect == "Allow" and not one.not_actions for action in one.actions}
    )
