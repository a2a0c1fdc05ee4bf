"""The ways to open a project file: its shape alone, or its shape and its meaning."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from workflow_stacks.errors import WorkflowContextError

from .checks import Names, problems_of, problems_of_rest
from .context import Context
from .findings import (
    Finding,
    Problem,
    ProjectFileError,
    did_you_mean,
    join_words,
    quote,
)
from .model import Project
from .shape import SchemaError, parse_model, well_shaped_contexts
from .yaml.load import Source, parse_source, read_source

_MAX_FINDINGS = 1000
"""How many errors of shape are put into words."""


@dataclass(frozen=True)
class ProjectFile:
    """A project with the place of every key in its file.

    Attributes:
        project: The project.
        source: Where everything stands in the file.
    """

    project: Project
    source: Source


def read_project(path: Path | str) -> ProjectFile:
    """Read a project file and keep the lines.

    Raises:
        ProjectFileError: The file cannot be read, or its shape is wrong; all errors at once.
    """
    return _shaped(read_source(path))


def parse_project(content: bytes, file: Path | str = "agc-project.yaml") -> ProjectFile:
    """Read the content of a project file; `file` names it in messages.

    Raises:
        ProjectFileError: Its shape is wrong; all errors at once.
    """
    return _shaped(parse_source(content, Path(file)))


def load_project(path: Path | str) -> Project:
    """Read a project file: the shape alone, without the checks of its meaning.

    Raises:
        ProjectFileError: The file cannot be read, or its shape is wrong; all errors at once.
    """
    return read_project(path).project


def check_project(project_file: ProjectFile, contexts: Collection[str] | None = None) -> list[Finding]:
    """Check the meaning of a project: engines, file systems, instance types, names, quotas.

    Args:
        project_file: The project, with its lines.
        contexts: Names of the contexts to look at. Default: all.

    Returns:
        Errors and warnings, in the order of the file.
    """
    found = [project_file.source.finding(problem) for problem in problems_of(project_file.project, contexts)]
    return sorted(found, key=lambda finding: (finding.line, finding.column))


def validate_project(path: Path | str, contexts: Collection[str] | None = None) -> tuple[Project, list[Finding]]:
    """Read a project file and check its meaning: what a deployment begins with.

    Args:
        path: The project file.
        contexts: Names of the contexts to deploy; the others may be wrong in meaning. Default: all.

    Returns:
        The project, and its warnings.

    Raises:
        ProjectFileError: The file cannot be read, or its shape or its meaning is wrong; all errors at once.
        WorkflowContextError: The project has no context of a given name.
    """
    source = read_source(path)
    try:
        project_file = _shaped(source)
    except ProjectFileError as error:
        raise ProjectFileError([*error.findings, *_other_findings(source, contexts)]) from None
    for name in contexts or ():
        find_context(project_file.project, name)
    found = check_project(project_file, contexts)
    if any(finding.level == "error" for finding in found):
        raise ProjectFileError(found)
    return project_file.project, found


def find_context(project: Project, name: str) -> Context:
    """Return the context of a name.

    Raises:
        WorkflowContextError: The project has none; the message lists its contexts.
    """
    if name in project.contexts:
        return project.contexts[name]
    names = project.contexts
    has = f"its contexts are {join_words(names)}" if names else "it has no context"
    hint = did_you_mean(name, names)
    message = f"the project '{project.name}' has no context {quote(name)}: {has}"
    raise WorkflowContextError(f"{message}\n    {hint}" if hint else message)


def _other_findings(source: Source, contexts: Collection[str] | None) -> Iterator[Finding]:
    """What is wrong with the meaning of a file whose shape is wrong too: as much as can be told already."""
    data = source.data
    right = well_shaped_contexts(data)
    chosen = {name: context for name, context in right.items() if contexts is None or name in contexts}
    names = data["contexts"] if isinstance(data.get("contexts"), dict) else ()
    name = data.get("name")
    well_named = isinstance(name, str) and name.isascii() and name.isalnum()
    for problem in problems_of_rest(Names(str(name), tuple(names)) if well_named else None, chosen):
        yield source.finding(problem)


def _shaped(source: Source) -> ProjectFile:
    found = source.findings()
    shaped = parse_model(source.data)
    if isinstance(shaped, list):
        raise ProjectFileError([*found, *_in_words(source, shaped)])
    if found:
        raise ProjectFileError(found)
    return ProjectFile(shaped, source)


def _in_words(source: Source, misfits: list[SchemaError]) -> Iterator[Finding]:
    """Put the first misfits of the file into words, and count the rest."""
    in_order = sorted(misfits, key=lambda misfit: source.locate(misfit.path))
    for misfit in in_order[:_MAX_FINDINGS]:
        yield source.finding(misfit.problem())
    more = in_order[_MAX_FINDINGS:]
    if more:
        message = f"{len(more)} more errors follow"
        yield source.finding(Problem(more[0].path, message, remedy="mend those above first"))
