"""What the commands about runs share: options, how runs are shown, and following one to its end."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from . import completion

if TYPE_CHECKING:
    from workflow_stacks.runs.record import RunRecord
    from workflow_stacks.runs.service import Runs, RunView
    from workflow_stacks.runs.target import Target

RunArgument: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="Id of a run, a unique beginning of it, or a workflow's name (its latest run).",
        autocompletion=completion.workflows,
    ),
]
WorkflowArgument: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="WORKFLOW",
        autocompletion=completion.workflows,
        help="A workflow of the project file, or a file, folder, zip archive, or https://, s3:// or git+https:// "
        "address.",
    ),
]
InputsArgument: TypeAlias = Annotated[
    list[str] | None,
    typer.Argument(help="Inputs: name=value, or JSON or YAML files of them.", metavar="[INPUT]..."),
]
UserOption: TypeAlias = Annotated[
    str, typer.Option("--user", metavar="NAME", help="The `user` of the deployment (cdk deploy -c user=…).")
]
LocalOption: TypeAlias = Annotated[bool, typer.Option("--local", help="On the local cloud, not on AWS.")]

EXIT_FAILED, EXIT_GOING = 1, 3
"""Exit codes of a run that failed or was stopped, and of one that is still going."""

_POLL_SECONDS = 5.0
_LOCAL_POLL_SECONDS = 0.5


def runs_of(project: Path, user: str, local: bool) -> Runs:
    """The runs of a project."""
    from workflow_stacks.runs.service import Runs

    return Runs(project, user=user, local=local)


def as_json(view: RunView) -> dict[str, Any]:
    """A run for programs."""
    return {
        **view.record.as_json(),
        "state": str(view.state),
        "end": view.end.as_json() if view.end else None,
        "tasks": dict(view.tasks),
    }


def exit_code(view: RunView) -> int:
    """0 when a run succeeded, 1 when it failed or was stopped, 3 while it is going."""
    from workflow_stacks.runs.record import RunState

    if view.state is RunState.SUCCEEDED:
        return 0
    return EXIT_FAILED if view.state.ended else EXIT_GOING


def age(seconds: float) -> str:
    """A time span in one or two units, such as `2 h 5 min`."""
    whole = max(int(seconds), 0)
    for unit, size, smaller, part in (("d", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if whole >= size:
            rest = whole % size // part
            return f"{whole // size} {unit} {rest} {smaller}" if rest else f"{whole // size} {unit}"
    return f"{whole} s"


def duration(view: RunView) -> float:
    """How long a run took, or has taken so far, in seconds."""
    return (view.end.ended_at if view.end else time.time()) - view.record.submitted_at


def in_words(jobs: Mapping[str, int]) -> str:
    """How many jobs are in each state."""
    return ", ".join(f"{number} {state.lower()}" for state, number in sorted(jobs.items())) or "none"


def print_view(view: RunView) -> None:
    """Tell how a run is going."""
    from .output import print_facts

    record, end = view.record, view.end
    why = [("reason", end.reason)] if end and end.reason else []
    code = [("exit code", str(end.exit_code))] if end and end.exit_code else []
    print_facts(
        [
            ("run", record.run_id),
            ("workflow", f"{record.workflow} ({record.language}, by {record.engine})"),
            ("context", record.context),
            *([("storage", record.storage)] if record.storage else []),
            ("state", f"{view.state}, {'after' if end else 'for'} {age(duration(view))}"),
            *why,
            *code,
            ("tasks", in_words(view.tasks)),
            ("head job", record.head_jobs[-1] if record.head_jobs else "none"),
        ]
    )
    # On a line of its own, so that it can be copied whatever the width of the terminal.
    typer.echo(f"outputs in {record.outputs}")


def follow(runs: Runs, target: Target, record: RunRecord, *, on_stderr: bool = False) -> RunView:
    """Print the log of a run's head job as it grows, until the run has ended. Ctrl-C asks whether to stop the run.

    Args:
        runs: The runs of the project.
        target: The context.
        record: The run.
        on_stderr: Whether stdout is kept for something else.
    """
    from botocore.exceptions import ConnectionError as LostConnectionError, HTTPClientError

    pause = _LOCAL_POLL_SECONDS if target.is_local else _POLL_SECONDS
    seen, last = 0, ""
    try:
        while True:
            view: RunView | None = None
            events: list[tuple[int, str]] = []
            try:
                head = runs.jobs(target, record).head()
                view = runs.status(target, record)
                events = runs.events(target, head) if head else []
            except (LostConnectionError, HTTPClientError):
                # The run needs neither this program nor this network.
                told = "AWS cannot be reached; the run goes on, and this tries again (Ctrl-C to leave)"
            else:
                told = f"{record.workflow} is {view.state}; tasks: {in_words(view.tasks)}"
            for _, line in events[seen:]:
                typer.echo(line, err=on_stderr)
            seen = max(seen, len(events))
            if told != last:
                typer.echo(f"[{time.strftime('%H:%M:%S')}] {told}", err=True)
                last = told
            if view is not None and view.state.ended:
                return view
            time.sleep(pause)
    except KeyboardInterrupt:
        typer.echo("", err=True)
        if _confirmed(f"Stop the run {record.run_id} too? It goes on otherwise."):
            return runs.stop(target, record)
        typer.echo(f"It goes on: workflow-context status {record.run_id}", err=True)
        return runs.status(target, record)


def _confirmed(question: str) -> bool:
    try:
        return typer.confirm(question, default=False, err=True)
    except (typer.Abort, EOFError):
        return False  # nobody is there to ask, so the run goes on


def lines_of(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Outputs as names and texts; a list takes a line for each item."""
    found: list[tuple[str, str]] = []
    for name, value in values.items():
        items: Sequence[Any] = value if isinstance(value, list) else [value]
        found += [(name if number == 0 else "", str(item)) for number, item in enumerate(items)]
    return found
