"""For how long the storage of a run is kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

UNUSED_HOURS = 24
"""How long a volume is kept at least that no run has used."""
FAILED_HOURS = 168
"""How long a volume with 0 hours is kept when a run on it failed: a week, so that it can be resumed."""
MAX_HOURS = 8760
"""A year: neither what is asked for nor what is added to it may be longer."""


def kept_hours(record: Mapping[str, Any], *, succeeded: bool | None) -> int:
    """How many hours a volume is kept: after the end of its last run, or after it was made when it had none.

    Args:
        record: The record of the volume.
        succeeded: Whether all its runs succeeded; None when it had none.
    """
    hours = int(record["hours"])
    if succeeded is None:
        hours = max(hours, UNUSED_HOURS)
    elif not succeeded and not hours:
        hours = FAILED_HOURS
    return hours + int(record.get("extendedHours", 0))
