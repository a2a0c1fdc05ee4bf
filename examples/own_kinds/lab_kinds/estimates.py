"""What the estimates and the picture need to know of the file system."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from workflow_context.models.cfn import Resource
from workflow_context.models.estimates import CostLine, Unpriced
from workflow_context.models.file_systems import FileSystemDefaults, Use
from workflow_context.models.idle_costs import Pricing
from workflow_context.models.prices import Price, PriceBook
from workflow_context.models.workloads import Workload
from workflow_stacks.diagram.boxes import Box

STORAGE = Price(
    value=0.09,
    unit="USD per GB-month",
    source="https://aws.amazon.com/fsx/openzfs/pricing/",
    as_of="2026-11",
    confidence="typed in by hand",
)


def price(resource: Resource, pricing: Pricing) -> Iterator[CostLine | Unpriced]:
    """Price the storage; what the throughput costs, this laboratory has not looked up."""
    capacity = resource.number("StorageCapacity")
    if capacity is not None:
        yield CostLine("FSx for OpenZFS, whole capacity", "storage", capacity, STORAGE, resource.logical_id)
    yield Unpriced(resource.type, "no price for its throughput", resource.logical_id)


@dataclass(frozen=True)
class OpenZfsModel(FileSystemDefaults):
    """A workload on the smallest file system that holds it."""

    key: str = "FSxOpenZFS"
    fs_type: str = "FSxOpenZFS"

    def use(self, workload: Workload, prices: PriceBook, region: str) -> Use:
        capacity = max(64, math.ceil(workload.stored_gib))
        line = CostLine(f"FSx for OpenZFS, {capacity} GiB", "storage", capacity, STORAGE)
        return Use((), (line,), 1.0, f"{capacity} GiB", ("the price of its throughput is not in here",))


def details(resource: Resource) -> Iterator[str]:
    """Tell its size."""
    yield f"{resource.get('StorageCapacity')} GiB"


COST_MODELS = (OpenZfsModel(),)
PRICERS = {"AWS::FSx::FileSystem:OPENZFS": price}
BOXES = {"AWS::FSx::FileSystem:OPENZFS": Box("filesystem", "FSx for OpenZFS", details)}
