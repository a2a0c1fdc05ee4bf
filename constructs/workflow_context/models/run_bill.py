"""What the machines of a run that happened cost."""

from __future__ import annotations

import math
from collections import defaultdict

from .estimates import CostLine
from .machines import Machines, Task
from .prices import Price, PriceBook
from .run_records import JobRecord, RunRecord
from .spot import spot_record


def run_bill(record: RunRecord, prices: PriceBook, region: str, machines: Machines) -> tuple[tuple[CostLine, ...], str]:
    """Return what the tasks and head jobs of a run cost, and what was assumed.

    A job record does not tell the instance type, so each job is priced on the cheapest one of the context that holds
    it, packed full. All attempts are paid, the interrupted ones too.

    Raises:
        ModelError: A job fits on no instance type whose price is known.
    """
    hours: dict[tuple[str, str, bool], float] = defaultdict(float)
    unit: dict[str, Price] = {}
    for job in record.tasks:
        task = Task(job.vcpus, job.memory_mib / 1024, job.gpus)
        kind = machines.kind_for(task)
        placement = kind.place(task, prices)
        hours["tasks", placement.instance_type, bool(kind.spot)] += job.hours * placement.share
        unit[placement.instance_type] = placement.price
    lines = []
    for (what, name, spot), amount in sorted(hours.items()):
        found = spot_record(name, region) if spot else None
        price, bought = unit[name], "On-Demand"
        if found is not None:
            price = price.model_copy(update={"value": price.value * (1 - found.saving_percent / 100)})
            bought = f"Spot, {found.saving_percent:g} percent less ({found.as_of})"
        lines.append(CostLine(f"{what} on {name}, {bought}", "compute", amount, price))
    for head in record.heads:
        lines += _head(head, prices, machines)
    types = ", ".join(sorted(unit))
    return tuple(lines), f"the jobs ran on {types} ({machines.origin}), packed full; job records name no type"


def _head(job: JobRecord, prices: PriceBook, machines: Machines) -> list[CostLine]:
    if job.fargate:
        return [
            CostLine(
                "head job on Fargate, vCPUs",
                "compute",
                job.hours * job.vcpus,
                prices["fargate_linux_x86_vcpu_hour"],
            ),
            CostLine(
                "head job on Fargate, memory",
                "compute",
                job.hours * job.memory_mib / 1024,
                prices["fargate_linux_x86_gb_hour"],
            ),
        ]
    placement = machines.whole(Task(math.ceil(job.vcpus), job.memory_mib / 1024), prices)
    return [CostLine(f"head job alone on {placement.instance_type}", "compute", job.hours, placement.price)]
