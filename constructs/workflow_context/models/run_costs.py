"""What a run of a workload costs on a file system: storage, throughput, requests, mounts, machines."""

from __future__ import annotations

from dataclasses import dataclass

from .estimates import CostLine, Estimate, total
from .file_systems.base import FileSystemModel, Use
from .instances import cheapest
from .prices import PriceBook
from .workloads import Workload


@dataclass(frozen=True)
class RunCost:
    """A workload on a file system, priced.

    Attributes:
        choice: The file system.
        workload: The workload.
        use: What the file system does to it.
        compute: The machines of one run, slowed down as the file system slows them down.
        assumptions: What was assumed, in sentences.
    """

    choice: FileSystemModel
    workload: Workload
    use: Use
    compute: tuple[CostLine, ...]
    assumptions: tuple[str, ...]

    @property
    def per_run(self) -> Estimate:
        """What one more run costs."""
        return Estimate(self.use.per_run + self.compute, (), self.assumptions)

    @property
    def usd_storage_per_month(self) -> float:
        """What the file system costs a month, without machines, in USD."""
        return total(self.use.per_month) + self.workload.runs_per_month * total(self.use.per_run)

    @property
    def usd_per_month(self) -> float:
        """What a month of runs costs, in USD; without what the context costs while idle."""
        return total(self.use.per_month) + self.workload.runs_per_month * self.per_run.usd

    @property
    def run_hours(self) -> float:
        """How long a run takes on this file system."""
        return self.workload.run_hours * self.use.slowdown


def run_cost(choice: FileSystemModel, workload: Workload, prices: PriceBook, region: str = "us-east-1") -> RunCost:
    """Price a workload on a file system.

    Args:
        choice: The file system, for example one of `file_systems.CHOICES`.
        workload: The workload.
        prices: The unit prices.
        region: The Region, which sets the ceilings of EFS.

    Raises:
        ModelError: The file system or the known instance types cannot hold it.
    """
    use = choice.use(workload, prices, region)
    compute, assumption = _machines(workload, prices, use.slowdown)
    assumptions = (
        f"{', '.join(workload.assumed)} of workload {workload.name} are assumed, not measured",
        "reads and writes are spread evenly over a run, and runs evenly over the month",
        assumption,
        "list prices: no free tier, no discount, no tax",
        "left out: data through a NAT gateway, ingested logs, root volumes, transfer between zones",
    )
    return RunCost(choice, workload, use, compute, assumptions)


def _machines(workload: Workload, prices: PriceBook, slowdown: float) -> tuple[tuple[CostLine, ...], str]:
    hours = workload.run_hours * slowdown
    placement = cheapest(workload.task_vcpus, workload.task_memory_gib, prices)
    task_hours = workload.tasks * workload.task_hours * slowdown * placement.share
    bought, price, assumption = "On-Demand", placement.price, f"tasks fill instances of type {placement.instance_type}"
    if workload.spot:
        bought = "Spot"
        saving = workload.spot_saving_percent
        if saving is None:
            assumption += "; no typical Spot saving is published, so Spot is priced as On-Demand"
        else:
            note = f"On-Demand less {saving:g} percent, the saving that the workload gives"
            price = price.model_copy(update={"value": price.value * (1 - saving / 100), "note": note})
    lines = (
        CostLine(f"tasks on {placement.instance_type}, {bought}", "compute", task_hours, price),
        CostLine(
            "head job on Fargate, vCPUs", "compute", hours * workload.head_vcpus, prices["fargate_linux_x86_vcpu_hour"]
        ),
        CostLine(
            "head job on Fargate, memory",
            "compute",
            hours * workload.head_memory_gib,
            prices["fargate_linux_x86_gb_hour"],
        ),
    )
    return lines, assumption
