"""What a context says that uses the queues of the project: nothing of machines, and nothing that others could reach."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from workflow_context.catalog import ENGINES

from .context import FILESYSTEM, Context
from .findings import DataPath, Problem, join_words, quote
from .machines import OwnMachines

if TYPE_CHECKING:
    from .model import Project

_USE = "useSharedQueues"


def contexts_have_queues_to_share(project: Project) -> Iterator[Problem]:
    """There are shared queues where contexts use them; queues that none uses are pointed out."""
    users = [name for name, context in project.contexts.items() if context.use_shared_queues]
    if project.shared_queues is None:
        for name in users:
            yield Problem(
                ("contexts", name, _USE),
                "the project has no queues that contexts share",
                remedy="add 'sharedQueues: {}' to the project, or remove it",
            )
    elif not users:
        yield Problem(
            ("sharedQueues",),
            "no context uses these queues, and they count among the account's 50 all the same",
            remedy=f"write '{_USE}: true' in contexts, or remove them",
            level="warning",
        )


def shared_queues_have_the_machines(context: Context) -> Iterator[Problem]:
    """A context on shared queues says nothing of machines and bounds of its own."""
    if not context.use_shared_queues:
        return
    for name, field in OwnMachines.model_fields.items():
        if name not in context.model_fields_set:
            continue
        yield Problem(
            (field.alias or name,),
            "jobs of this context run on the machines of the project's sharedQueues",
            remedy=f"write it in sharedQueues, for all contexts there, or remove '{_USE}: true'",
        )
    if "max_workflows" in context.engine.model_fields_set:
        yield Problem(
            ("engines", 0, "maxWorkflows"),
            "this bounds the queue of head jobs, which the contexts on the project's sharedQueues have in common",
            remedy=f"write 'maxHeadVCpus' in sharedQueues, for all contexts there, or remove '{_USE}: true'",
        )
    if context.io_mibps is not None:
        yield Problem(
            ("ioMibps",),
            "tasks that wait for the throughput of this file system would be before those of other contexts in the "
            "project's sharedQueues",
            remedy=f"remove it, or remove '{_USE}: true'",
        )


def others_may_use_the_machines(context: Context) -> Iterator[Problem]:
    """Queues are shared only where tasks of other contexts on the same machines reach nothing of the context."""
    if not context.use_shared_queues:
        return
    entry, kind = ENGINES[context.engine.engine], context.filesystem.fs_type
    if kind not in entry.shared_queues_on:
        able = [f"{one.name} on {join_words(one.shared_queues_on)}" for one in ENGINES.values() if one.shared_queues_on]
        yield Problem(
            (_USE,),
            f"tasks of {quote(entry.name)} on {quote(kind)} need machines with rights of their context, and those of "
            "shared queues have none",
            "; ".join(able),
            "remove it",
        )
        return
    written = getattr(context.filesystem, "configuration", None)
    place: DataPath = (*FILESYSTEM, "configuration")
    if getattr(written, "file_system_id", None):
        yield _unknown_policy((*place, "fileSystemId"), "a new file system")
    for number, one in enumerate(context.references):
        if one.file_system_id is not None:
            yield _unknown_policy(("references", number, "fileSystemId"), "a directory of the context's own")
    if getattr(written, "availability_zone", None):
        yield Problem(
            (*place, "availabilityZone"),
            "machines of shared queues are in every zone, and would not reach this file system from others",
            remedy=f"remove it, or remove '{_USE}: true'",
        )
    if context.compliance is not None:
        yield Problem(
            (_USE,),
            f"the context says compliance: {context.compliance}, and its tasks would run on machines beside those of "
            "other contexts",
            remedy="remove it: the context then has machines of its own",
        )


def _unknown_policy(path: DataPath, fits: str) -> Problem:
    return Problem(
        path,
        "whether an existing file system admits tasks without a right to it is not known here, and tasks of other "
        "contexts on the same machines reach it over the network",
        fits,
        f"remove it, or remove '{_USE}: true'",
    )
