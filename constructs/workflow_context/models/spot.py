"""What Spot capacity saves and how often it is interrupted, as AWS's Spot Instance Advisor publishes it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True, slots=True)
class SpotRecord:
    """An instance type on Spot in a Region.

    Attributes:
        saving_percent: What it saved against On-Demand, on the average of the month before.
        interrupted_from: The least share of instances that were interrupted in that month, in percent.
        interrupted_to: The most.
        as_of: The day of the record.
    """

    saving_percent: float
    interrupted_from: float
    interrupted_to: float
    as_of: str

    @property
    def redone_percent(self) -> float:
        """Work that is done again, in percent: an interrupted task has lost half of its work, on the mean.

        A band that is open above (more than 20 percent) counts with its lower end.
        """
        share = 20.0 if self.interrupted_to > 20 else (self.interrupted_from + self.interrupted_to) / 2
        return share / 2


@cache
def _records() -> Mapping[str, Any]:
    raw: dict[str, Any] = json.loads(files(__package__).joinpath("data/spot-savings.json").read_text(encoding="utf-8"))
    return raw


def spot_record(instance_type: str, region: str) -> SpotRecord | None:
    """Return what is known of an instance type on Spot, or None."""
    found = _records().get(region, {}).get(instance_type)
    return None if found is None else SpotRecord(found[0], found[1], found[2], _records()["_meta"]["as_of"])
