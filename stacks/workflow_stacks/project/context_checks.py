"""What the keys of one context mean together: one function per fact, each yielding problems."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from workflow_context.catalog import ENGINES

from . import instances
from .compliance import contradictions
from .file_systems.registry import FILE_SYSTEMS, engines_on, file_systems_of
from .findings import DataPath, Problem, join_words, quote
from .model import Context

ContextCheck: TypeAlias = Callable[[Context], Iterator[Problem]]

_TYPE: DataPath = ("engines", 0, "type")

FILESYSTEM: DataPath = ("engines", 0, "filesystem")
"""Where the file system stands in a context."""


def engine_runs_the_language(context: Context) -> Iterator[Problem]:
    """The engine runs the workflow language beside it."""
    language, entry = context.engine.type, ENGINES[context.engine.engine]
    if language in entry.languages:
        return
    others = [other.name for other in ENGINES.values() if language in other.languages]
    message = f"the engine {quote(entry.name)} does not run {quote(language)}"
    yield Problem(
        _TYPE, message, join_words(entry.languages), f"engines that run {quote(language)}: {join_words(others)}"
    )


def version_has_an_image(context: Context) -> Iterator[Problem]:
    """A version is given where the engine's images are named by version, and no image beside it."""
    engine = context.engine
    if engine.version is None:
        return
    place: DataPath = ("engines", 0, "version")
    if engine.image is not None:
        yield Problem(place, "a version and an image are given", "one of the two", "remove 'version' or 'image'")
    elif not ENGINES[engine.engine].image:
        message = f"the images of {engine.engine} are not named by version alone"
        yield Problem(place, message, remedy="name the image instead: 'image: …'")


def engine_works_on_the_file_system(context: Context) -> Iterator[Problem]:
    """The engine works on the file system."""
    filesystem, entry = context.engine.filesystem, ENGINES[context.engine.engine]
    if filesystem is None or context.kind.works_with(entry):
        return
    why = f": {entry.why_no_other}" if entry.why_no_other else ""
    message = f"the engine {quote(entry.name)} does not work on {context.kind.title}{why}"
    others = engines_on(context.kind)
    remedies = [f"leave 'filesystem' out for {entry.default_storage}"]
    remedies += [f"engines that work on it: {join_words(others)}"] if others else []
    yield Problem((*FILESYSTEM, "fsType"), message, join_words(file_systems_of(entry)), "; ".join(remedies))


def engine_runs_on_the_processor(context: Context) -> Iterator[Problem]:
    """The image of the engine, in which tasks run, exists for the processor of the machines."""
    entry = ENGINES[context.engine.engine]
    if context.engine.image is None and context.architecture not in entry.architectures:
        message = f"the image of {quote(entry.name)}, in which tasks run, does not exist for {context.architecture}"
        remedy = "remove it, or give the engine an image for it"
        yield Problem(("architecture",), message, join_words(entry.architectures), remedy)


def file_system_works_on_the_processor(context: Context) -> Iterator[Problem]:
    """What the file system needs on the machines exists for their processor."""
    for problem in context.filesystem.architecture_problems(context.architecture):
        yield problem.under(*FILESYSTEM)


def expiry_needs_marks(context: Context) -> Iterator[Problem]:
    """Runs expire only where the engine marks those that ended; where results go with them, it is said."""
    key = (*FILESYSTEM, "configuration", "expirationHours")
    hours = getattr(getattr(context.filesystem, "configuration", None), "expiration_hours", None)
    entry = ENGINES.get(context.engine.engine)
    if hours is None or entry is None:
        return
    if entry.results_in_runs:
        message = f"results of {quote(entry.name)} are in the directories of runs, and are deleted with them"
        yield Problem(key, message, remedy="let a last rule copy results to S3, or remove it", level="warning")
    if not entry.marks_ended_runs:
        able = [other.name for other in ENGINES.values() if other.marks_ended_runs]
        yield Problem(
            key,
            f"runs of the engine {quote(entry.name)} cannot expire: {entry.why_no_expiry}",
            join_words(able),
            "remove expirationHours",
        )


def storage_dispatcher_needs_volumes_and_marks(context: Context) -> Iterator[Problem]:
    """Runs are given storage of their own where the file system has directories for that, and their end is marked."""
    entry, key = ENGINES[context.engine.engine], "storageDispatcher"
    if not context.storage_dispatcher:
        return
    if not context.kind.run_volumes:
        able = [name for name, kind in FILE_SYSTEMS.items() if kind.run_volumes]
        message = f"runs cannot be given storage of their own on {context.kind.title}"
        yield Problem((key,), message, join_words(able), "remove it, or choose another file system")
    elif not entry.marks_ended_runs:
        able = [other.name for other in ENGINES.values() if other.marks_ended_runs]
        message = f"storage of runs of {quote(entry.name)} cannot expire: {entry.why_no_expiry}"
        yield Problem((key,), message, join_words(able), "remove it")


def io_is_bounded_where_tasks_take_shares(context: Context) -> Iterator[Problem]:
    """The throughput of tasks is bounded only where the engine can tell AWS Batch what each takes."""
    entry = ENGINES[context.engine.engine]
    if context.io_mibps is not None and context.filesystem.fs_type not in entry.io_shares_on:
        able = [other.name for other in ENGINES.values() if other.io_shares_on]
        yield Problem(
            ("ioMibps",),
            f"tasks of {quote(entry.name)} on {quote(context.filesystem.fs_type)} cannot take a share of a throughput",
            f"{join_words(able)} on a file system that is mounted",
            "remove it, and lower maxVCpus where the file system is too slow",
        )


def tasks_share_jobs_where_the_engine_lets_them(context: Context) -> Iterator[Problem]:
    """Several tasks run in one job only where the engine submits by the front end."""
    entry, kind = ENGINES[context.engine.engine], context.filesystem.fs_type
    if context.engine.tasks_per_job > 1 and kind not in entry.tasks_share_jobs_on:
        able = [other.name for other in ENGINES.values() if other.tasks_share_jobs_on]
        yield Problem(
            ("engines", 0, "tasksPerJob"),
            f"each task of {quote(entry.name)} on {quote(kind)} is a job of its own",
            f"{join_words(able)} on a file system that is mounted",
            "remove it",
        )


def debug_instance_is_in_private_subnets(context: Context) -> Iterator[Problem]:
    """A debug instance, which has no public address, has a way to Systems Manager."""
    if context.debug_instance is not None and context.use_public_subnets:
        yield Problem(
            ("debugInstance",),
            "a debug instance has no public address, and from public subnets it reaches nothing without one",
            "contexts without usePublicSubnets",
            "remove usePublicSubnets, or mount the file system on an instance of your own",
        )


def fallback_goes_with_spot(context: Context) -> Iterator[Problem]:
    """The fallback queue is set only where there is Spot."""
    if context.fallback_to_on_demand is not None and not context.request_spot_instances:
        yield Problem(
            ("fallbackToOnDemand",),
            "this has no effect without Spot instances: tasks run on demand anyway",
            remedy="remove it, or add 'requestSpotInstances: true'",
            level="warning",
        )


def instance_types_have_a_form(context: Context) -> Iterator[Problem]:
    """Instance types look like types or families."""
    for index, written in enumerate(context.instance_types):
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


def _names(context: Context) -> Iterator[tuple[int, instances.InstanceName]]:
    for index, written in enumerate(context.instance_types):
        name = instances.parse(written)
        if name is not None:
            yield index, name


def instances_have_the_architecture(context: Context) -> Iterator[Problem]:
    """Instance types have the processor that the context asks for."""
    wanted = context.architecture
    for index, name in _names(context):
        if name.is_known_prefix and name.architecture != wanted:
            yield Problem(
                ("instanceTypes", index),
                f"the family '{name.family}' has {name.architecture} processors, but the context is {wanted}",
                f"{wanted} families, such as {'m7g' if wanted == 'arm64' else 'm7i'}",
                f"write 'architecture: {name.architecture}', or choose another family",
            )
    if wanted == "arm64" and instances.OPTIMAL in context.instance_types:
        place: DataPath = ("instanceTypes", context.instance_types.index(instances.OPTIMAL))
        yield Problem(place, "'optimal' means x86_64 families, but the context is arm64", "arm64 families, such as m7g")


def gpu_goes_with_gpu_instances(context: Context) -> Iterator[Problem]:
    """A context with GPUs lists GPU instances only; GPU instances without `gpu` are pointed out."""
    for index, name in _names(context):
        if context.gpu and not name.has_gpu:
            what = "has no NVIDIA GPU" if not name.has_other_accelerator else "has an accelerator of another kind"
            message = f"the family '{name.family}' {what}, but the context says gpu: true"
            remedy = "remove it, or leave instanceTypes out; run other tasks in a context of their own"
            yield Problem(("instanceTypes", index), message, "GPU families, such as g5, g6 or p5", remedy)
        if not context.gpu and name.has_gpu:
            message = f"the family '{name.family}' has GPUs, which tasks cannot use without gpu: true"
            remedy = "add 'gpu: true', or choose a family without GPUs, which costs less"
            yield Problem(("instanceTypes", index), message, remedy=remedy, level="warning")
    if context.gpu and instances.OPTIMAL in context.instance_types:
        place: DataPath = ("instanceTypes", context.instance_types.index(instances.OPTIMAL))
        yield Problem(
            place,
            "'optimal' means families without GPUs, but the context says gpu: true",
            "GPU families, such as g5",
        )


def max_vcpus_fit_an_instance(context: Context) -> Iterator[Problem]:
    """At least one of the listed types fits into maxVCpus."""
    sizes = {name.vcpus for _, name in _names(context)}
    known = {size for size in sizes if size is not None}
    if not known or known != sizes or instances.OPTIMAL in context.instance_types or min(known) <= context.max_vcpus:
        return
    yield Problem(
        ("maxVCpus",),
        f"{context.max_vcpus} vCPUs are fewer than the smallest listed instance has ({min(known)})",
        remedy=f"write at least 'maxVCpus: {min(known)}', or list a smaller type",
        level="warning",
    )


def kept_instances_cost(context: Context) -> Iterator[Problem]:
    """What it may cost to keep instances after their last job is pointed out."""
    minutes = context.min_scale_down_delay_minutes
    if minutes is None:
        return
    from workflow_context.models.prices import default_prices, family_price_name

    family = "m6g" if context.architecture == "arm64" else "m6i"
    cost = default_prices()[family_price_name(family)].value * context.max_vcpus * minutes / 60
    yield Problem(
        ("minScaleDownDelayMinutes",),
        f"instances that ended their last job are paid for {minutes} minutes more: {cost:,.2f} USD each time for all "
        f"{context.max_vcpus} vCPUs ({family} on demand, us-east-1{'; instances with GPUs cost more' * context.gpu})",
        remedy="keep it where steps follow one another within that time",
        level="warning",
    )


def health_data_is_kept_safe(context: Context) -> Iterator[Problem]:
    """A context with `compliance: hipaa` says nothing that contradicts it."""
    if context.compliance is None:
        return
    yield from contradictions(
        public=context.use_public_subnets,
        log_days=context.log_retention_days,
        protected=context.termination_protection,
    )
    for problem in context.filesystem.health_data_problems():
        yield problem.under(*FILESYSTEM)


CONTEXT_CHECKS: tuple[ContextCheck, ...] = (
    engine_runs_the_language,
    version_has_an_image,
    engine_works_on_the_file_system,
    engine_runs_on_the_processor,
    file_system_works_on_the_processor,
    expiry_needs_marks,
    storage_dispatcher_needs_volumes_and_marks,
    io_is_bounded_where_tasks_take_shares,
    tasks_share_jobs_where_the_engine_lets_them,
    debug_instance_is_in_private_subnets,
    fallback_goes_with_spot,
    instance_types_have_a_form,
    instances_have_the_architecture,
    gpu_goes_with_gpu_instances,
    max_vcpus_fit_an_instance,
    kept_instances_cost,
    health_data_is_kept_safe,
)
"""Every check of a context."""
