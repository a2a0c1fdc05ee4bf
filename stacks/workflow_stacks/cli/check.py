"""`workflow-context check CONTEXT`: whether runs in a deployed context will find what they need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from . import completion
from .options import DEFAULT_PROJECT, JsonOption, ProjectOption
from .output import print_json, print_note
from .run_options import LocalOption, UserOption

if TYPE_CHECKING:
    from workflow_stacks.checks.steps import Step


def check(
    context: Annotated[
        str, typer.Argument(help="Name of the context.", metavar="CONTEXT", autocompletion=completion.contexts)
    ],
    timeout: Annotated[float, typer.Option(metavar="MINUTES", min=1, help="For how long its jobs may take.")] = 20,
    project: ProjectOption = DEFAULT_PROJECT,
    user: UserOption = "",
    local: LocalOption = False,
    json: JsonOption = False,
) -> None:
    """Check a deployed context with two or three short jobs, and say what to do about what fails.

    They mount the file system, write and change owners, use S3 in the context's place and are refused outside of it,
    and submit, end and log a task. Nothing of it stays. On AWS machines start first, which takes some minutes.

    The exit code is 0 when all is well, 1 when a step failed.
    """
    from workflow_stacks.checks.check import check as check_context

    report = check_context(
        project, context, user=user, local=local, seconds=timeout * 60, tell=lambda line: typer.echo(line, err=True)
    )
    if json:
        print_json({"context": context, "ok": not report.failed, "steps": [asdict(one) for one in report.steps]})
    else:
        _print(report.steps)
    raise typer.Exit(1 if report.failed else 0)


def _print(steps: Sequence[Step]) -> None:
    from workflow_stacks.checks.steps import State

    marks = {State.OK: "ok  ", State.FAILED: "!!  "}
    for one in steps:
        if one.state in marks:
            print_note(f"{marks[one.state]}{one.title}{f': {one.message}' if one.message else ''}", indent=4)
        if one.remedy:
            print_note(f"    -> {one.remedy}", indent=7)
    for reason in dict.fromkeys(one.message for one in steps if one.state is State.NOT_APPLICABLE):
        names = [one.name for one in steps if one.state is State.NOT_APPLICABLE and one.message == reason]
        print_note(f"-   {reason}: {', '.join(names)}", indent=4)
    rest = [one.name for one in steps if one.state is State.NOT_REACHED]
    if rest:
        print_note(f"?   not reached: {', '.join(rest)}", indent=4)
