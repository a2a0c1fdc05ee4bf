"""`workflow-context`, the command line.

Exit codes: 0 all is fine; 1 the project or the world is at fault (message on stderr, no traceback); 2 wrong
usage.
"""

from __future__ import annotations

from typing import Annotated

import typer

from .group import LazyGroup

app = typer.Typer(
    cls=LazyGroup,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run the command line: the console script `workflow-context`."""
    app(prog_name="workflow-context")


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
