"""Instance types whose price is known, and the cheapest one for a task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from .errors import ModelError
from .prices import Price, PriceBook


@dataclass(frozen=True, slots=True)
class Shape:
    """What an instance type offers.

    Attributes:
        vcpus: Its vCPUs.
        memory_gib: Its memory, in GiB.
    """

    vcpus: float
    memory_gib: float


def _family(name: str, gib_per_vcpu: float) -> dict[str, Shape]:
    sizes = {"large": 2, "xlarge": 4, "2xlarge": 8, "4xlarge": 16}
    return {f"{name}.{size}": Shape(vcpus, vcpus * gib_per_vcpu) for size, vcpus in sizes.items()}


SHAPES: Mapping[str, Shape] = MappingProxyType(
    {
        **_family("c5", 2),
        **_family("m5", 4),
        **_family("m6i", 4),
        **_family("r5", 8),
        "r5d.12xlarge": Shape(48, 384),
        "r6id.12xlarge": Shape(48, 384),
    }
)
"""The instance types that tasks are priced on (Amazon EC2 instance types page)."""


@dataclass(frozen=True)
class Placement:
    """Where a task is priced.

    Attributes:
        instance_type: The instance type.
        share: The part of it that the task takes: the larger of its vCPU share and its memory share.
        price: The On-Demand price of the whole instance for an hour.
    """

    instance_type: str
    share: float
    price: Price

    @property
    def usd_per_hour(self) -> float:
        """What the task costs for an hour On-Demand, with instances packed full of such tasks."""
        return self.share * self.price.value


def cheapest(vcpus: float, memory_gib: float, prices: PriceBook) -> Placement:
    """Return the cheapest placement of a task among the instance types whose price is known.

    Instances are taken to be packed full with such tasks, which AWS Batch approaches when many run; memory is
    taken as on the type's data sheet, of which ECS keeps a few percent for itself.

    Raises:
        ModelError: No known instance type is large enough.
    """
    placements = [
        Placement(name, max(vcpus / shape.vcpus, memory_gib / shape.memory_gib), price)
        for name, shape in SHAPES.items()
        if vcpus <= shape.vcpus and memory_gib <= shape.memory_gib and (price := prices.instance(name)) is not None
    ]
    if not placements:
        largest = max(SHAPES.values(), key=lambda shape: shape.vcpus)
        raise ModelError(
            f"no priced instance type holds a task of {vcpus:g} vCPUs and {memory_gib:g} GiB: "
            f"the largest has {largest.vcpus:g} vCPUs and {largest.memory_gib:g} GiB"
        )
    # Sizes of a family cost the same for each task: then the smallest that holds it.
    return min(placements, key=lambda placement: (round(placement.usd_per_hour, 9), -placement.share))
