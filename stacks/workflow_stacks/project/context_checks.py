"""What the keys of one context mean together: one function per fact, each yielding problems."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from workflow_context.catalog import ENGINES

from .compliance import contradictions
from .context import FILESYSTEM, Context
from .file_systems.registry import FILE_SYSTEMS, engines_on, file_systems_of
from .findings import DataPath, Problem, join_words, quote
from .machine_checks import (
    engine_runs_on_the_processor,
    file_system_works_on_the_processor,
    machines_are_chosen_by_tasks,
)
from .shared_queue_checks import (
    others_may_use_the_machines,
    shared_queues_have_the_machines,
)

ContextCheck: TypeAlias = Callable[[Context], Iterator[Problem]]

_TYPE: DataPath = ("engines", 0, "type")


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


def references_are_mounted_beside(context: Context) -> Iterator[Problem]:
    """Reference mounts go with engines whose jobs can carry them, each at a path of its own."""
    entry, written = ENGINES[context.engine.engine], context.references
    if not written:
        return
    if context.filesystem.fs_type not in entry.references_on:
        able = [
            f"{other.name} on {join_words(other.references_on)}" for other in ENGINES.values() if other.references_on
        ]
        message = f"tasks of {quote(entry.name)} on {quote(context.filesystem.fs_type)} mount nothing beside it"
        yield Problem(("references",), message, "; ".join(able), "remove them")
    taken = [f"{context.kind.mount_path}/"] if context.kind.mount_path else []
    for number, one in enumerate(written):
        place = ("references", number)
        yield from (problem.under(*place) for problem in one.problems())
        if one.directory is not None and not context.kind.directories:
            message = f"{quote(context.filesystem.fs_type)} has no directories with rights of their own"
            kinds = join_words(name for name, kind in FILE_SYSTEMS.items() if kind.directories)
            yield Problem((*place, "directory"), message, kinds, "name another EFS by fileSystemId")
        elif context.storage_dispatcher and f"{one.directory}/".startswith("/storage/"):
            message = f"{one.directory} holds the storage of single runs, which no other run may read"
            yield Problem((*place, "directory"), message, remedy="name another directory")
        path = f"{one.path}/"
        other = next((other for other in taken if path.startswith(other) or other.startswith(path)), None)
        if other is not None:
            message = f"{one.path} overlaps {other.rstrip('/')}"
            yield Problem((*place, "path"), message, remedy="give it a path of its own")
        taken.append(path)


def debug_instance_is_in_private_subnets(context: Context) -> Iterator[Problem]:
    """A debug instance, which has no public address, has a way to Systems Manager."""
    if context.debug_instance is not None and context.use_public_subnets:
        yield Problem(
            ("debugInstance",),
            "a debug instance has no public address, and from public subnets it reaches nothing without one",
            "contexts without usePublicSubnets",
            "remove usePublicSubnets, or mount the file system on an instance of your own",
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
    machines_are_chosen_by_tasks,
    expiry_needs_marks,
    storage_dispatcher_needs_volumes_and_marks,
    io_is_bounded_where_tasks_take_shares,
    tasks_share_jobs_where_the_engine_lets_them,
    references_are_mounted_beside,
    debug_instance_is_in_private_subnets,
    shared_queues_have_the_machines,
    others_may_use_the_machines,
    health_data_is_kept_safe,
)
"""Every check of a context, but for those of its machines."""
