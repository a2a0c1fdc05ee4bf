"""The machines of a context: which instance types, bought how, and where a task is placed on them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from .cfn import Resource, Stacks
from .errors import ModelError
from .instances import SHAPES, Shape, types_of
from .prices import Price, PriceBook

DEFAULT_TYPES = ("default_x86_64",)
GPU_TYPES = ("g4dn", "g5", "g6")
ROOT_VOLUME_GIB = 100.0
"""The root volume of a machine in a context, unless the project file says another."""


@dataclass(frozen=True)
class Task:
    """What a task asks for.

    Attributes:
        vcpus: vCPUs.
        memory_gib: Memory, in GiB.
        gpus: NVIDIA GPUs.
    """

    vcpus: float
    memory_gib: float
    gpus: int = 0

    def share_of(self, shape: Shape) -> float:
        """Return the part of a machine that it takes, above 1 where it does not fit."""
        gpus = math.inf if self.gpus and not shape.gpus else self.gpus / shape.gpus if self.gpus else 0.0
        return max(self.vcpus / shape.vcpus, self.memory_gib / shape.memory_gib, gpus)


@dataclass(frozen=True)
class Placement:
    """Where a task is priced.

    Attributes:
        instance_type: The instance type.
        share: The part of it that the task takes.
        price: The On-Demand price of the whole instance for an hour.
        tasks_per_host: How many of the tasks work on one machine.
    """

    instance_type: str
    share: float
    price: Price
    tasks_per_host: int = 1

    @property
    def usd_per_hour(self) -> float:
        """What the task costs for an hour On-Demand, with instances packed full."""
        return self.share * self.price.value


@dataclass(frozen=True)
class Machines:
    """What runs the tasks and the head job.

    Attributes:
        names: Instance types, families or AWS Batch's own names that tasks may run on.
        spot: Whether tasks run on Spot capacity; None where the workload says.
        head_names: The same for the head job, when it runs on EC2; empty for Fargate.
        root_volume_gib: The root volume of each machine, in GiB.
        behind_nat: Whether what machines fetch from outside AWS goes through a NAT gateway.
        public_addresses: Whether each machine has a public IPv4 address.
        origin: Where this is known from, for people.
        others: Other kinds of machines of the context, for tasks that these do not hold.
    """

    names: tuple[str, ...] = DEFAULT_TYPES
    spot: bool | None = None
    head_names: tuple[str, ...] | None = None
    root_volume_gib: float = ROOT_VOLUME_GIB
    behind_nat: bool = True
    public_addresses: bool = False
    origin: str = "the default of AWS Batch"
    others: tuple[Machines, ...] = ()

    def kind_for(self, task: Task) -> Machines:
        """Return the machines that a task is priced on: the first kind that holds it, these where none does.

        Args:
            task: What the task asks for.
        """
        return next((kind for kind in (self, *self.others) if kind.holds(task)), self)

    def holds(self, task: Task) -> bool:
        """Return whether a known type of them holds a task.

        Args:
            task: What the task asks for.
        """
        return any(task.share_of(SHAPES[name]) <= 1 for name in types_of(self.names))

    def place(self, task: Task, prices: PriceBook, tasks_per_host: float | None = None) -> Placement:
        """Return the cheapest placement of a task among the types whose price is known.

        Machines are taken to be packed full, which AWS Batch approaches when many tasks wait; memory is taken as on
        the type's data sheet, of which ECS keeps a few percent for itself.

        Args:
            task: What the task asks for.
            prices: The unit prices.
            tasks_per_host: How many of them a machine is to hold at least, where there is one that large.

        Raises:
            ModelError: No priced type holds the task.
        """
        found = [
            (share * price.value, SHAPES[name].vcpus, name, share, price)
            for name in types_of(self.names)
            if (share := task.share_of(SHAPES[name])) <= 1 and (price := prices.instance(name)) is not None
        ]
        if not found:
            raise ModelError(self._refusal(task, prices))
        # Sizes of a family cost the same for each task: then the smallest that holds as many as wanted.
        cost, _, name, *_ = min(found, key=lambda each: (round(each[0], 9), each[1]))
        wanted = tasks_per_host or 1
        family = [
            each for each in found if each[2].partition(".")[0] == name.partition(".")[0] and each[0] <= cost * 1.0001
        ]
        large = [each for each in family if 1 / each[3] >= wanted - 1e-9] or family[-1:]
        _, _, name, share, price = min(large, key=lambda each: each[1])
        fits = math.floor(1 / share + 1e-9)
        return Placement(name, share, price, max(1, fits))

    def whole(self, task: Task, prices: PriceBook) -> Placement:
        """Return the cheapest whole machine that holds a task which is alone on it, as a head job is.

        Raises:
            ModelError: No priced type holds the task.
        """
        names = [name for name in types_of(self.head_names or DEFAULT_TYPES) if task.share_of(SHAPES[name]) <= 1]
        found = [(price.value, name, price) for name in names if (price := prices.instance(name)) is not None]
        if not found:
            raise ModelError(self._refusal(task, prices))
        _, name, price = min(found)
        return Placement(name, 1.0, price)

    def _refusal(self, task: Task, prices: PriceBook) -> str:
        gpus = f" and {task.gpus} GPUs" if task.gpus else ""
        wanted = f"a task of {task.vcpus:g} vCPUs, {task.memory_gib:g} GiB{gpus}"
        types = types_of(self.names)
        if not types:
            return f"{', '.join(self.names)}: none of these instance types is known, so {wanted} cannot be priced"
        fitting = [name for name in types if task.share_of(SHAPES[name]) <= 1]
        if fitting:
            return f"{wanted} would run on {fitting[0]}, of which no price is known in {prices.region}; --live asks AWS"
        largest = max(types, key=lambda name: (SHAPES[name].memory_gib, SHAPES[name].vcpus))
        shape = SHAPES[largest]
        return (
            f"{wanted} fits on none of {', '.join(self.names)}: the largest is {largest} with {shape.vcpus:g} vCPUs, "
            f"{shape.memory_gib:g} GiB and {shape.gpus} GPUs"
        )


def machines_of(stacks: Stacks) -> Machines:
    """Return the machines of a context, as its templates define them."""
    environments: dict[str, list[Resource]] = {}
    for each in stacks.of_context("AWS::Batch::ComputeEnvironment"):
        environments.setdefault(_role(each), []).append(each)
    # Those of a context itself have the shortest names: another kind's begin alike and hold its name too.
    tasks, *others = sorted(environments.get("task", ()), key=lambda each: len(each.words)) or (None,)
    if tasks is None:
        return Machines()
    [head] = environments.get("head", [None])
    on_fargate = head is None or str(head.get("ComputeResources", "Type")).startswith("FARGATE")
    volumes = [
        size
        for template in stacks.of_type("AWS::EC2::LaunchTemplate")
        if template.stack == tasks.stack
        for mapping in template.get("LaunchTemplateData", "BlockDeviceMappings") or ()
        if isinstance(size := mapping.get("Ebs", {}).get("VolumeSize"), int | float)
    ]
    nat = bool(stacks.of_type("AWS::EC2::NatGateway"))
    public = "Public" in str(tasks.get("ComputeResources", "Subnets")) and not nat
    own = Machines(
        names=_types(tasks) or DEFAULT_TYPES,
        spot=_is_spot(tasks),
        head_names=() if on_fargate or head is None else _types(head) or DEFAULT_TYPES,
        root_volume_gib=volumes[0] if volumes else ROOT_VOLUME_GIB,
        behind_nat=nat,
        public_addresses=public,
        origin=_origin(tasks),
    )
    kinds = (replace(own, names=_types(each), spot=_is_spot(each), origin=_origin(each)) for each in others)
    return replace(own, others=tuple(kinds))


def _is_spot(environment: Resource) -> bool:
    return bool(environment.get("ComputeResources", "Type") == "SPOT")


def _origin(environment: Resource) -> str:
    return f"compute environment {environment.logical_id} of {environment.stack}"


def _types(environment: Resource) -> tuple[str, ...]:
    return tuple(str(name) for name in environment.items("ComputeResources", "InstanceTypes") or ())


def _role(environment: Resource) -> str:
    words = [word.lower() for word in environment.words]
    return next((role for role in ("fallback", "head", "task") if role in words), "task")
