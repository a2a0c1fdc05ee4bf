"""What a run of a workload costs on a file system: storage, throughput, requests, mounts, machines, and around them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .estimates import CostLine, Estimate, Unpriced, priced, total
from .file_systems.base import FileSystemModel, Use, split
from .machines import DEFAULT_TYPES, GPU_TYPES, Machines, Placement, Task
from .prices import PriceBook
from .spot import spot_record
from .workloads import Workload


@dataclass(frozen=True)
class RunCost:
    """A workload on a file system, priced.

    Attributes:
        choice: The file system.
        workload: The workload, with the number of tasks on a machine that was found.
        use: What the file system does to it.
        compute: The machines of one run, slowed down as the file system slows them down.
        around: What a run costs besides: root volumes, image pulls, logs, addresses.
        unpriced: What costs and has no price.
        assumptions: What was assumed, in sentences.
        placement: Where its tasks are priced.
        spot_range_usd: What a run costs at least and at most on Spot; None On-Demand.
    """

    choice: FileSystemModel
    workload: Workload
    use: Use
    compute: tuple[CostLine, ...]
    around: tuple[CostLine, ...]
    unpriced: tuple[Unpriced, ...]
    assumptions: tuple[str, ...]
    placement: Placement
    spot_range_usd: tuple[float, float] | None = None

    @property
    def per_run(self) -> Estimate:
        """What one more run costs."""
        return Estimate((*self.use.per_run, *self.compute, *self.around), self.unpriced, self.assumptions)

    @property
    def usd_per_sample(self) -> float:
        """What one sample costs in a run, in USD, with its part of what stands all month."""
        return self.usd_per_month / self.workload.runs_per_month / self.workload.samples

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


def run_cost(
    choice: FileSystemModel,
    workload: Workload,
    prices: PriceBook,
    region: str = "us-east-1",
    machines: Machines | None = None,
) -> RunCost:
    """Price a workload on a file system.

    Args:
        choice: The file system, for example one of `file_systems.CHOICES`.
        workload: The workload.
        prices: The unit prices.
        region: The Region, which sets the ceilings of the file systems.
        machines: The machines of a context. Default: those that AWS Batch takes by itself.

    Raises:
        ModelError: The file system or the known instance types cannot hold it.
    """
    task = Task(workload.task_vcpus, workload.task_memory_gib, workload.task_gpus)
    found = (machines or Machines(names=GPU_TYPES if workload.task_gpus else DEFAULT_TYPES)).kind_for(task)
    placement = found.place(task, prices, workload.tasks_per_host)
    placed = workload.varied(tasks_per_host=float(placement.tasks_per_host))
    use = choice.use(placed, prices, region)
    bill = _Bill(placed, prices, region, found, placement, use)
    compute, missing = split(bill.compute(head_on_ec2=choice.head_on_ec2))
    around, missing_around = split(bill.around())
    rest = total((*use.per_run, *around)) + sum(line.usd for line in compute if not line.item.startswith("tasks"))
    spot_range = None
    if bill.spot:
        cheap, dear = bill.task_bounds()
        spot_range = rest + cheap, rest + dear
    assumptions = (
        f"{', '.join(workload.assumed)} of workload {workload.name} are assumed, not measured",
        "reads and writes come evenly over a run, and runs evenly over the month"
        if workload.peak_factor == 1
        else f"reads and writes come at {workload.peak_factor:g} times their mean, and runs evenly over the month",
        *bill.sentences(),
        f"list prices of {prices.region}: no free tier, no discount, no tax",
        "left out: transfer between zones",
    )
    unpriced = (*use.unpriced, *missing, *missing_around)
    return RunCost(choice, placed, use, compute, around, unpriced, assumptions, placement, spot_range)


@dataclass(frozen=True)
class _Bill:
    workload: Workload
    prices: PriceBook
    region: str
    machines: Machines
    placement: Placement
    use: Use

    @property
    def spot(self) -> bool:
        return self.workload.spot if self.machines.spot is None else self.machines.spot

    @property
    def _record(self) -> tuple[float | None, float, str]:
        """The saving in percent, the work done again in percent, and where both are from."""
        if not self.spot:
            retried = self.workload.retry_percent or 0.0
            return None, retried, f"{retried:g} percent of the work is done again" if retried else ""
        found = spot_record(self.placement.instance_type, self.region)
        saving, again = self.workload.spot_saving_percent, self.workload.retry_percent
        if saving is None and found is not None:
            saving = found.saving_percent
        if again is None:
            again = found.redone_percent if found is not None else 0.0
        if found is None and self.workload.spot_saving_percent is None:
            said = f"no Spot saving of {self.placement.instance_type} in {self.region} is known, so it is On-Demand's"
        elif found is None:
            said = f"Spot saves {saving:g} percent, as the workload says"
        else:
            band = (
                f"more than {found.interrupted_from:g}"
                if found.interrupted_to > 20
                else (f"{found.interrupted_from:g} to {found.interrupted_to:g}")
            )
            by = (
                "as the workload says"
                if self.workload.spot_saving_percent is not None
                else (f"as the Spot Instance Advisor had it on {found.as_of}")
            )
            said = (
                f"Spot saves {saving:g} percent, {by}; {band} percent of such instances were interrupted in that "
                f"month, so {again:.3g} percent of the work is done again"
            )
        return saving, again, said

    @property
    def _task_hours(self) -> float:
        """Hours of whole machines for the tasks, without what is done again."""
        return self.workload.tasks * self.workload.task_hours * self.use.slowdown * self.placement.share

    def task_bounds(self) -> tuple[float, float]:
        """The least and the most that the tasks cost on Spot: nothing interrupted; all of it On-Demand in the end."""
        saving, again, _ = self._record
        whole = self._task_hours * self.placement.price.value
        return whole * (1 - (saving or 0.0) / 100), whole * (1 + again / 100)

    def compute(self, *, head_on_ec2: bool) -> Iterator[CostLine | Unpriced]:
        saving, again, _ = self._record
        price, bought = self.placement.price, "Spot" if self.spot else "On-Demand"
        if saving is not None:
            note = f"On-Demand less {saving:g} percent"
            price = price.model_copy(update={"value": price.value * (1 - saving / 100), "note": note})
        yield CostLine(
            f"tasks on {self.placement.instance_type}, {bought}", "compute", self._task_hours * (1 + again / 100), price
        )
        hours = self.workload.run_hours * self.use.slowdown
        names = self.machines.head_names
        if names or (names is None and head_on_ec2):
            memory = self.workload.head_memory_gib + self.use.extra_task_memory_gb
            head = self.machines.whole(Task(self.workload.head_vcpus, memory), self.prices)
            yield CostLine(f"head job alone on {head.instance_type}", "compute", hours, head.price)
            return
        for name, item, amount in (
            ("fargate_linux_x86_vcpu_hour", "vCPUs", self.workload.head_vcpus),
            ("fargate_linux_x86_gb_hour", "memory", self.workload.head_memory_gib),
        ):
            yield priced(self.prices, name, f"head job on Fargate, {item}", "compute", hours * amount)

    def around(self) -> Iterator[CostLine | Unpriced]:
        workload, prices = self.workload, self.prices
        _, again, _ = self._record
        hours = workload.machine_hours * self.use.slowdown * (1 + again / 100)
        gib = hours * self.machines.root_volume_gib / prices.hours_per_month
        yield priced(
            prices, "ebs_gp3_storage", f"root volumes of {self.machines.root_volume_gib:g} GiB", "storage", gib
        )
        pulled = workload.image_gib * workload.hosts
        if pulled and self.machines.behind_nat:
            yield priced(prices, "nat_gateway_data", "image pulls through the NAT gateway", "network", pulled)
        logs = workload.log_mib_per_task * workload.tasks / 1024
        if logs:
            yield priced(prices, "cloudwatch_logs_ingest", "ingested logs", "other", logs)
        if self.machines.public_addresses:
            yield priced(prices, "public_ipv4_address_hour", "public IPv4 addresses of machines", "network", hours)

    def sentences(self) -> Iterator[str]:
        holds = self.placement.tasks_per_host
        yield (
            f"machines of type {self.placement.instance_type} ({self.machines.origin}) are packed full, "
            f"{holds} such {'tasks' if holds > 1 else 'task'} on each"
        )
        said = self._record[2]
        if said:
            yield said
        if self.machines.spot is not None and self.machines.spot != self.workload.spot:
            bought = "on Spot" if self.machines.spot else "On-Demand"
            yield f"the context runs tasks {bought}, whatever the workload says"
        if self.workload.image_gib and self.machines.behind_nat:
            yield f"each machine of a run pulls {self.workload.image_gib:g} GiB of images once"
