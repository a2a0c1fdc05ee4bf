"""The command: run a suite, and write the table."""

from pathlib import Path
from typing import Annotated

import typer

from .cases import CLASSES
from .runner import Plan, run
from .suites import SUITES
from .table import table, write_into

app = typer.Typer(no_args_is_help=True, add_completion=False)
StateOption = Annotated[Path, typer.Option(help="The folder for results and for the state of the local cloud.")]


@app.command("run")
def run_suite(
    suite: Annotated[str, typer.Argument(help=f"One of {', '.join(SUITES)}.")],
    checkout: Annotated[Path, typer.Argument(help="A checkout of the suite.", exists=True, file_okay=False)],
    state: StateOption = Path(".workflow-context/conformance"),
    file_system: Annotated[str, typer.Option(help="Default: the first one that the suite runs on.")] = "",
    cases: Annotated[str, typer.Option(help="Only cases whose name matches this regular expression.")] = "",
    first: Annotated[int | None, typer.Option(help="Only so many of them.")] = None,
    at_once: Annotated[int, typer.Option(help="How many head jobs run at a time.")] = 2,
    again: Annotated[list[str] | None, typer.Option(help=f"Run cases again that are {', '.join(CLASSES)}.")] = None,
) -> None:
    """Run the cases of a suite that have not been run, on the local cloud and, those that fail, by the engine alone."""
    if suite not in SUITES:
        raise typer.BadParameter(f"{suite!r} is none of {', '.join(SUITES)}")
    found = SUITES[suite](checkout.resolve())
    chosen = file_system or found.file_systems[0]
    if chosen not in found.file_systems:
        raise typer.BadParameter(f"{suite} does not run on {chosen}, but on {', '.join(found.file_systems)}")
    run(Plan(found, chosen, state, cases, first, at_once, again or ()))


@app.command("table")
def write_table(
    state: StateOption = Path(".workflow-context/conformance"),
    write: Annotated[
        Path | None, typer.Option(help="A page to put it into, between its marks; rows of suites without results stay.")
    ] = None,
) -> None:
    """Print the table of the results, or put it into a page."""
    files = sorted(state.glob("*.jsonl"))
    if write is None:
        typer.echo(table(files), nl=False)
    else:
        write_into(write, files)


def main() -> None:
    """Run the command."""
    app()
