"""`workflow-context`, the command line.

Exit codes: 0 all is fine; 1 the project or the world is at fault (message on stderr, no traceback); 2 wrong
usage.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer

from .group import LazyGroup, in_words

app = typer.Typer(
    cls=LazyGroup,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run the command line: the console script `workflow-context`."""
    code: Any = 0
    try:
        app(prog_name="workflow-context")
    except SystemExit as ended:
        code = ended.code
    try:
        sys.stdout.flush()
    except OSError as error:
        sys.stderr.write(f"{in_words(error)}\n")
        # What is still in the buffer cannot be written either; without this, Python would say so at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    sys.exit(code)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"workflow-context {version('cdk-workflow-context')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def workflow_context(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Genomics workflow contexts on AWS, from an agc-project.yaml."""
    del version
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
