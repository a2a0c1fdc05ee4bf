"""What is said of the machines that tasks run on: of those of the context itself, and of each other kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from typing import TypeAlias

from workflow_context.catalog import ENGINES

from . import instances
from .context import FILESYSTEM, Context
from .findings import DataPath, Problem, join_words, quote
from .machines import MAX_KINDS, Machines, OwnMachines

MachineCheck: TypeAlias = Callable[[OwnMachines], Iterator[Problem]]


def _of_each_kind(
    check: Callable[[OwnMachines | Machines], Iterator[Problem]],
) -> MachineCheck:
    """Run a check on the machines of a context, or of shared queues, and on each other kind beside them."""

    @wraps(check, assigned=("__module__", "__name__", "__doc__"))
    def of_all(own: OwnMachines) -> Iterator[Problem]:
        yield from check(own)
        for name, kind in own.machines.items():
            for problem in check(kind):
                yield problem.under("machines", name)

    return of_all


def machines_are_chosen_by_tasks(context: Context) -> Iterator[Problem]:
    """There are several kinds of machines only where the engine chooses among them for each task."""
    entry, kind = ENGINES[context.engine.engine], context.filesystem.fs_type
    if not context.machines:
        return
    if kind not in entry.chooses_machines_on:
        able = [other.name for other in ENGINES.values() if other.chooses_machines_on]
        yield Problem(
            ("machines",),
            f"tasks of {quote(entry.name)} on {quote(kind)} cannot choose among machines: {entry.why_one_kind}",
            f"{join_words(able)} on a file system that is mounted, nextflow on S3 too",
            "remove it, and make a context for each kind of machines",
        )


def kinds_of_machines_are_few(own: OwnMachines) -> Iterator[Problem]:
    """There are not more kinds of machines than head jobs can be told of."""
    if len(own.machines) > MAX_KINDS:
        yield Problem(
            ("machines",),
            f"{len(own.machines)} kinds of machines are listed, and head jobs cannot be told of so many",
            f"at most {MAX_KINDS} beside the usual ones",
            "put the rest into another context",
        )


def engine_runs_on_the_processor(context: Context) -> Iterator[Problem]:
    """The image of the engine, in which tasks run, exists for the processor of the machines."""
    entry = ENGINES[context.engine.engine]
    for path, architecture in _architectures(context):
        if context.engine.image is None and architecture not in entry.architectures:
            message = f"the image of {quote(entry.name)}, in which tasks run, does not exist for {architecture}"
            remedy = "remove it, or give the engine an image for it"
            yield Problem(path, message, join_words(entry.architectures), remedy)


def file_system_works_on_the_processor(context: Context) -> Iterator[Problem]:
    """What the file system needs on the machines exists for their processor."""
    for architecture in dict.fromkeys(architecture for _, architecture in _architectures(context)):
        for problem in context.filesystem.architecture_problems(architecture):
            yield problem.under(*FILESYSTEM)


def _architectures(context: Context) -> Iterator[tuple[DataPath, str]]:
    """Where a processor is said, and which."""
    shared = context.use_shared_queues
    yield ("useSharedQueues" if shared else "architecture",), context.architecture
    for name, kind in context.machines.items():
        yield ("useSharedQueues",) if shared else ("machines", name, "architecture"), kind.architecture


@_of_each_kind
def fallback_goes_with_spot(machines: OwnMachines | Machines) -> Iterator[Problem]:
    """The fallback queue is set only where there is Spot."""
    if machines.fallback_to_on_demand is not None and not machines.request_spot_instances:
        yield Problem(
            ("fallbackToOnDemand",),
            "this has no effect without Spot instances: tasks run on demand anyway",
            remedy="remove it, or add 'requestSpotInstances: true'",
            level="warning",
        )


@_of_each_kind
def instance_types_have_a_form(machines: OwnMachines | Machines) -> Iterator[Problem]:
    """Instance types look like types or families."""
    for index, written in enumerate(machines.instance_types):
        name = instances.parse(written)
        if name is None and written != instances.OPTIMAL:
            yield Problem(
                ("instanceTypes", index),
                f"{quote(written)} is not an instance type",
                "a type such as m6i.xlarge, a family such as m6i, or optimal",
                instances.suggestion(written),
            )
        elif name is not None and not name.is_known_prefix:
            message = f"no instance family is known that begins with {quote(name.prefix)}"
            remedy = "check the spelling: AWS refuses an unknown type when you deploy"
            yield Problem(("instanceTypes", index), message, remedy=remedy, level="warning")


def _names(machines: OwnMachines | Machines) -> Iterator[tuple[int, instances.InstanceName]]:
    for index, written in enumerate(machines.instance_types):
        name = instances.parse(written)
        if name is not None:
            yield index, name


@_of_each_kind
def instances_have_the_architecture(machines: OwnMachines | Machines) -> Iterator[Problem]:
    """Instance types have the processor that is asked for."""
    wanted = machines.architecture
    for index, name in _names(machines):
        if name.is_known_prefix and name.architecture != wanted:
            yield Problem(
                ("instanceTypes", index),
                f"the family '{name.family}' has {name.architecture} processors, but architecture is {wanted}",
                f"{wanted} families, such as {'m7g' if wanted == 'arm64' else 'm7i'}",
                f"write 'architecture: {name.architecture}', or choose another family",
            )
    if wanted == "arm64" and instances.OPTIMAL in machines.instance_types:
        place: DataPath = ("instanceTypes", machines.instance_types.index(instances.OPTIMAL))
        yield Problem(
            place, "'optimal' means x86_64 families, but architecture is arm64", "arm64 families, such as m7g"
        )


@_of_each_kind
def gpu_goes_with_gpu_instances(machines: OwnMachines | Machines) -> Iterator[Problem]:
    """Machines with GPUs are GPU instances only; GPU instances without `gpu` are pointed out."""
    for index, name in _names(machines):
        if machines.gpu and not name.has_gpu:
            what = "has no NVIDIA GPU" if not name.has_other_accelerator else "has an accelerator of another kind"
            message = f"the family '{name.family}' {what}, but gpu is true"
            remedy = "remove it, or leave instanceTypes out; run other tasks on other machines"
            yield Problem(("instanceTypes", index), message, "GPU families, such as g5, g6 or p5", remedy)
        if not machines.gpu and name.has_gpu:
            message = f"the family '{name.family}' has GPUs, which tasks cannot use without gpu: true"
            remedy = "add 'gpu: true', or choose a family without GPUs, which costs less"
            yield Problem(("instanceTypes", index), message, remedy=remedy, level="warning")
    if machines.gpu and instances.OPTIMAL in machines.instance_types:
        place: DataPath = ("instanceTypes", machines.instance_types.index(instances.OPTIMAL))
        yield Problem(
            place,
            "'optimal' means families without GPUs, but gpu is true",
            "GPU families, such as g5",
        )


@_of_each_kind
def max_vcpus_fit_an_instance(machines: OwnMachines | Machines) -> Iterator[Problem]:
    """At least one of the listed types fits into maxVCpus."""
    sizes = {name.vcpus for _, name in _names(machines)}
    known = {size for size in sizes if size is not None}
    if not known or known != sizes or instances.OPTIMAL in machines.instance_types or min(known) <= machines.max_vcpus:
        return
    yield Problem(
        ("maxVCpus",),
        f"{machines.max_vcpus} vCPUs are fewer than the smallest listed instance has ({min(known)})",
        remedy=f"write at least 'maxVCpus: {min(known)}', or list a smaller type",
        level="warning",
    )


def kept_instances_cost(own: OwnMachines) -> Iterator[Problem]:
    """What it may cost to keep instances after their last job is pointed out."""
    minutes = own.min_scale_down_delay_minutes
    if minutes is None:
        return
    from workflow_context.models.prices import default_prices, family_price_name

    family = "m6g" if own.architecture == "arm64" else "m6i"
    vcpus = own.max_vcpus + sum(kind.max_vcpus for kind in own.machines.values())
    has_gpus = own.gpu or any(kind.gpu for kind in own.machines.values())
    cost = default_prices()[family_price_name(family)].value * vcpus * minutes / 60
    yield Problem(
        ("minScaleDownDelayMinutes",),
        f"instances that ended their last job are paid for {minutes} minutes more: {cost:,.2f} USD each time for all "
        f"{vcpus} vCPUs ({family} on demand, us-east-1{'; instances with GPUs cost more' * has_gpus})",
        remedy="keep it where steps follow one another within that time",
        level="warning",
    )


MACHINE_CHECKS: tuple[MachineCheck, ...] = (
    kinds_of_machines_are_few,
    fallback_goes_with_spot,
    instance_types_have_a_form,
    instances_have_the_architecture,
    gpu_goes_with_gpu_instances,
    max_vcpus_fit_an_instance,
    kept_instances_cost,
)
"""Every check of machines, whoever has them."""
