"""The console script `workflow-context`: the command line, where its libraries are installed."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line, or say how to install what it needs."""
    try:
        from .cli import main as run
    except ModuleNotFoundError as error:
        if error.name not in ("rich", "typer"):
            raise
        sys.exit(f"the command line needs the package '{error.name}': pip install 'cdk-workflow-context[cli]'")
    run()
