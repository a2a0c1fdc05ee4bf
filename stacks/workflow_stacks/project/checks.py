"""What the parts of a project mean together: one function per fact, each yielding problems."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias, TypeVar

from .context import FILESYSTEM, Context
from .context_checks import CONTEXT_CHECKS
from .findings import Problem, join_words, quote
from .machine_checks import MACHINE_CHECKS
from .model import Project
from .shared_queue_checks import contexts_have_queues_to_share

_T = TypeVar("_T")


@dataclass(frozen=True)
class Names:
    """What a project and its contexts are called.

    Attributes:
        project: The name of the project.
        contexts: The names of its contexts.
    """

    project: str
    contexts: Sequence[str]


NameCheck: TypeAlias = Callable[[Names], Iterator[Problem]]
ProjectCheck: TypeAlias = Callable[[Project], Iterator[Problem]]

CORE = "core"
"""The name that the shared stack has where a context has its own."""

QUEUES_PER_ACCOUNT = 50
"""How many job queues, and how many compute environments, AWS Batch allows in an account and Region. Neither quota can
be raised: https://docs.aws.amazon.com/batch/latest/userguide/service_limits.html."""

_MAX_LEN_STACK_NAME = 128
_MAX_NAMES = 3


def queue_count(project: Project) -> int:
    """Count the job queues of all contexts, and those that they share."""
    own = sum(len(context.queues) for context in project.contexts.values() if not context.use_shared_queues)
    return own + (len(project.shared_queues.queues) if project.shared_queues else 0)


def there_are_contexts(project: Project) -> Iterator[Problem]:
    """A project without contexts is pointed out."""
    if not project.contexts:
        remedy = "add 'contexts' with at least one context"
        yield Problem(
            ("contexts",),
            "the project has no context: nothing can be deployed",
            remedy=remedy,
            level="warning",
        )


def stack_names_are_allowed(names: Names) -> Iterator[Problem]:
    """The names of the stacks are names to CloudFormation."""
    if names.project[:1].isdigit():
        message = f"{quote(names.project)} begins with a digit, which the name of a stack must not"
        yield Problem(("name",), message, "a name that begins with a letter", f"write, say, 'P{names.project}'")
    for name in names.contexts:
        stack = f"{names.project}-{name}"
        if len(stack) > _MAX_LEN_STACK_NAME:
            message = f"the stack name {quote(stack)} has more than {_MAX_LEN_STACK_NAME} characters"
            yield Problem(("contexts", name), message, remedy="shorten the name of the context or of the project")


def context_names_differ(names: Names) -> Iterator[Problem]:
    """Context names differ by more than case, and none is that of the shared stack."""
    first: dict[str, str] = {}
    for name in names.contexts:
        if name.lower() == CORE:
            message = f"{quote(name)} is the name of the stack that the contexts share"
            yield Problem(("contexts", name), message, remedy="rename the context")
        other = first.setdefault(name.lower(), name)
        if other != name:
            message = f"{quote(name)} and {quote(other)} differ only by case, so their stacks would have one name"
            yield Problem(("contexts", name), message, remedy="rename one of the two")


def queues_fit_the_account(project: Project) -> Iterator[Problem]:
    """More queues and compute environments than an account can have are pointed out: each queue has one of its own."""
    count = queue_count(project)
    if count > QUEUES_PER_ACCOUNT:
        yield Problem(
            ("contexts",),
            f"all contexts together have {count} job queues and {count} compute environments; AWS Batch allows "
            f"{QUEUES_PER_ACCOUNT} of each in an account and Region, and raises neither quota",
            remedy="let contexts of nextflow and snakemake on EFS share queues ('useSharedQueues'), deploy some of the "
            "contexts at a time, give one context several 'machines' instead of many contexts, or use several accounts "
            "or Regions",
            level="warning",
        )


def machines_of_shared_queues_are_right(project: Project) -> Iterator[Problem]:
    """What is said of the machines behind shared queues means together what it would in a context."""
    if project.shared_queues is not None:
        for problem in _run(MACHINE_CHECKS, project.shared_queues):
            yield problem.under("sharedQueues")


def workflows_have_a_context(project: Project) -> Iterator[Problem]:
    """A workflow whose language no context runs is pointed out."""
    languages = {context.engine.type for context in project.contexts.values()}
    if not languages:
        return
    for name, workflow in project.workflows.items():
        language = workflow.type.language
        if language not in languages:
            yield Problem(
                ("workflows", name, "type", "language"),
                f"no context runs {quote(language)}, the language of this workflow",
                remedy=f"add a context for it (contexts run {join_words(sorted(languages))})",
                level="warning",
            )


def data_says_what_may_be_written(project: Project) -> Iterator[Problem]:
    """Locations that can be written to and deleted from by default only are pointed out, once."""
    silent = [index for index, location in enumerate(project.data) if "read_only" not in location.model_fields_set]
    if not silent:
        return
    first = quote(project.data[silent[0]].location)
    more = f" and {len(silent) - 1} more" if len(silent) > 1 else ""
    yield Problem(
        ("data", silent[0]),
        f"workflows may write and delete in {first}{more}: 'readOnly' is not written, and its default is false",
        remedy="write 'readOnly: true', or 'readOnly: false' where workflows are to write",
        level="warning",
    )


def data_locations_agree(project: Project) -> Iterator[Problem]:
    """A location that is listed twice, once read-only, is pointed out."""
    places = Counter((location.bucket, location.prefix) for location in project.data)
    seen: dict[tuple[str, str], bool] = {}
    for index, location in enumerate(project.data):
        place = (location.bucket, location.prefix)
        if places[place] > 1 and seen.setdefault(place, location.read_only) != location.read_only:
            message = f"{quote(location.location)} is listed twice, once read-only: it can be written to"
            yield Problem(("data", index), message, remedy="keep one of the two", level="warning")


def keys_are_those_of_the_project(project: Project) -> Iterator[Problem]:
    """File systems that are under a key of AWS, where the project has one of its own, are pointed out."""
    if project.kms_key_arn is None:
        return
    for name, context in project.contexts.items():
        if context.filesystem.has_key_of_aws:
            yield Problem(
                ("contexts", name),
                "the file system is under a key of AWS: the kmsKeyArn of the project is not used for it",
                remedy="write kmsKeyArn in the configuration of its filesystem; a changed one replaces the file system",
                level="warning",
            )


NAME_CHECKS: tuple[NameCheck, ...] = (stack_names_are_allowed, context_names_differ)
"""The checks that look at names only."""

PROJECT_CHECKS: tuple[ProjectCheck, ...] = (
    there_are_contexts,
    queues_fit_the_account,
    contexts_have_queues_to_share,
    machines_of_shared_queues_are_right,
    workflows_have_a_context,
    data_says_what_may_be_written,
    data_locations_agree,
    keys_are_those_of_the_project,
)
"""Every check of a project as a whole."""


def problems_of(project: Project, contexts: Collection[str] | None = None) -> list[Problem]:
    """Run every check.

    Args:
        project: The project.
        contexts: Names of the contexts to look at. Default: all.

    Returns:
        Errors and warnings, in no particular order.
    """
    chosen = {name: context for name, context in project.contexts.items() if contexts is None or name in contexts}
    names = Names(project.name, tuple(project.contexts))
    found = [*_run(NAME_CHECKS, names), *_run(PROJECT_CHECKS, project), *_problems_of_contexts(chosen)]
    if any(problem.level == "error" for problem in found):
        return found  # what will be deployed is not known yet
    return [*found, *file_system_warnings(chosen)]


def problems_of_rest(names: Names | None, contexts: Mapping[str, Context]) -> list[Problem]:
    """Run the checks that make sense on a project whose shape is wrong elsewhere.

    Args:
        names: The names of the project and of all contexts; None when the project's is wrong itself.
        contexts: The contexts whose own shape is right.
    """
    return [*(_run(NAME_CHECKS, names) if names else ()), *_problems_of_contexts(contexts)]


def _problems_of_contexts(contexts: Mapping[str, Context]) -> Iterator[Problem]:
    for name, context in contexts.items():
        own_machines = () if context.use_shared_queues else _run(MACHINE_CHECKS, context)
        for problem in (*_run(CONTEXT_CHECKS, context), *own_machines):
            yield problem.under("contexts", name)


def _run(checks: Iterable[Callable[[_T], Iterator[Problem]]], subject: _T) -> Iterator[Problem]:
    """Run checks; what one finds has its name, unless it says another."""
    for check in checks:
        for problem in check(subject):
            yield problem if problem.check else replace(problem, check=check.__name__.replace("_", "-"))


def file_system_warnings(contexts: Mapping[str, Context]) -> Iterator[Problem]:
    """What a file system may surprise with is pointed out once, at the first context, however many share it."""
    shared: dict[Problem, list[str]] = {}
    for name, context in contexts.items():
        for problem in context.filesystem.deploy_warnings(context.max_vcpus):
            shared.setdefault(problem, []).append(name)
    for problem, (first, *others) in shared.items():
        also = f" (also in {join_words(others[:_MAX_NAMES])}{_and_more(others)})" if others else ""
        told = replace(problem, message=f"{problem.message}{also}")
        yield told.under("contexts", first, *FILESYSTEM)


def _and_more(names: Collection[str]) -> str:
    return f" and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else ""
