"""The instance types that are known: what each offers, and which names stand for several of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, slots=True)
class Shape:
    """What an instance type offers.

    Attributes:
        vcpus: Its vCPUs.
        memory_gib: Its memory, in GiB.
        architecture: `x86_64` or `arm64`.
        gpus: Its NVIDIA GPUs.
    """

    vcpus: float
    memory_gib: float
    architecture: str = "x86_64"
    gpus: int = 0


@cache
def _families() -> Mapping[str, Any]:
    raw = json.loads(files(__package__).joinpath("data/instance-families.json").read_text(encoding="utf-8"))
    del raw["_meta"]
    return MappingProxyType(raw)


def _shapes() -> Mapping[str, Shape]:
    return MappingProxyType(
        {
            f"{family}.{size}": Shape(offered[0], offered[1], described["architecture"], *offered[2:])
            for family, described in _families().items()
            for size, offered in described["sizes"].items()
        }
    )


SHAPES: Mapping[str, Shape] = _shapes()
"""The instance types that tasks are priced on."""

GROUPS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "default_x86_64": ("m6i", "c6i", "r6i", "c7i"),
        "optimal": ("m6i", "c6i", "r6i", "c7i"),
        "default_arm64": ("m6g", "c6g", "r6g", "c7g"),
    }
)
"""The families that AWS Batch takes for its own names (AWS Batch API reference, ComputeResource, 2026-11)."""


@cache
def types_of(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the known instance types that some names stand for.

    Args:
        names: Instance types (`m6i.xlarge`), families (`m6i`) or names of AWS Batch (`default_x86_64`). What is not
            known is left out.
    """
    found: dict[str, None] = {}
    for name in names:
        families = GROUPS.get(name, (name,))
        found.update(dict.fromkeys(each for each in SHAPES if each == name or each.partition(".")[0] in families))
    return tuple(found)
