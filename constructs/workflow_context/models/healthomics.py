"""What a run would cost on AWS HealthOmics, by its published prices: a private workflow with On-Demand prices only."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .estimates import CostLine, total
from .file_systems.fsx_lustre import capacity_gib
from .prices import PriceBook
from .workloads import Workload

_GIB_PER_VCPU = {"c": 2.0, "m": 4.0, "r": 8.0}
_LARGEST_VCPUS = 192
_LARGE_VCPUS = 2


@dataclass(frozen=True)
class HealthOmicsRun:
    """A run of a workload on AWS HealthOmics.

    Attributes:
        instance_type: The instance type of its tasks, the smallest that holds one.
        lines: What it costs: tasks, and the cheaper kind of run storage.
        storage: `static` or `dynamic`.
    """

    instance_type: str
    lines: tuple[CostLine, ...]
    storage: str

    @property
    def usd(self) -> float:
        """What the run costs, in USD."""
        return total(self.lines)

    def sentence(self) -> str:
        """Return it as a sentence, with the dates of the prices."""
        dates = ", ".join(sorted({line.price.as_of for line in self.lines}))
        return (
            f"for comparison: AWS HealthOmics asks {self.usd:,.2f} USD for such a run by its published prices "
            f"({dates}), tasks on {self.instance_type} and {self.storage} run storage; it runs WDL, Nextflow and CWL"
        )


def healthomics_run(workload: Workload, prices: PriceBook) -> HealthOmicsRun | None:
    """Return what a run costs there, or None where its prices are not known or it has no such instance."""
    wanted = [prices.get(f"healthomics_{name}_large_hour") for name in _GIB_PER_VCPU]
    storage_prices = [prices.get(f"healthomics_{kind}_storage_gb_hour") for kind in ("static", "dynamic")]
    if any(price is None for price in (*wanted, *storage_prices)) or workload.task_gpus:
        return None
    offers = []
    for name, gib_per_vcpu in _GIB_PER_VCPU.items():
        vcpus = _size(max(workload.task_vcpus, workload.task_memory_gib / gib_per_vcpu))
        if vcpus <= _LARGEST_VCPUS:
            price = prices[f"healthomics_{name}_large_hour"]
            offers.append((vcpus / _LARGE_VCPUS * price.value, f"omics.{name}", vcpus, price))
    if not offers:
        return None
    _, family, vcpus, price = min(offers, key=lambda each: each[0])
    task_hours = workload.tasks * workload.task_hours
    tasks = CostLine(f"HealthOmics tasks, {family}", "compute", task_hours * vcpus / _LARGE_VCPUS, price)
    static = CostLine(
        "HealthOmics static run storage",
        "storage",
        capacity_gib(workload.stored_gib) * workload.run_hours,
        prices["healthomics_static_storage_gb_hour"],
    )
    dynamic = CostLine(
        "HealthOmics dynamic run storage",
        "storage",
        workload.stored_gib * workload.run_hours,
        prices["healthomics_dynamic_storage_gb_hour"],
    )
    storage = min(static, dynamic, key=lambda line: line.usd)
    return HealthOmicsRun(
        f"{family} with {vcpus:g} vCPUs", (tasks, storage), "static" if storage is static else "dynamic"
    )


def _size(vcpus: float) -> float:
    """The next size: large (2 vCPUs), then doubled to 4xlarge (16), then 8xlarge (32) and steps of 16 to 48xlarge."""
    if vcpus <= 32:
        return float(max(2, 2 ** math.ceil(math.log2(max(vcpus, 1)) - 1e-9)))
    return next((size for size in (48.0, 64.0, 96.0, 128.0, 192.0) if size >= vcpus), math.inf)
