"""The group of commands: imports a command when it is run, and turns errors into messages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from workflow_context.plugins import PluginError
from workflow_stacks.errors import WorkflowContextError

from .commands import COMMANDS, Command


class LazyGroup(TyperGroup):
    """Knows its commands by the table, so that the start and `--help` import none of them."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._table = {command.name: command for command in COMMANDS}
        for command in COMMANDS:
            self.add_command(TyperCommand(command.name, help=command.help))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Put the real command in place of its line in the table, and return it."""
        if args and args[0] in self._table:
            self.add_command(real_command(self._table[args[0]]), args[0])
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run a command. An error that the user can mend becomes a message on stderr and exit code 1."""
        try:
            return super().invoke(ctx)
        except (WorkflowContextError, PluginError) as error:
            message = str(error)
        except BrokenPipeError:
            raise  # whoever reads has what it wanted, as `head` does: click ends without a word
        except OSError as error:
            message = in_words(error)
        except ModuleNotFoundError as error:
            command = self._table.get(ctx.invoked_subcommand)
            if command is None or not command.extra:
                raise
            wanted = f"pip install 'cdk-workflow-context[{command.extra}]'"
            message = f"'{command.name}' needs the package '{error.name}', which is not installed: {wanted}"
        except Exception as error:
            # What AWS refuses, or that it cannot be reached. botocore is not imported for commands that do without it.
            if not type(error).__module__.startswith("botocore."):
                raise
            message = f"AWS says: {error}"
        typer.echo(message, err=True)
        raise typer.Exit(1)


def in_words(error: OSError) -> str:
    """Say what the system refused: a full disk, a folder that is gone, a file that may not be written."""
    try:
        Path.cwd()
    except OSError:
        return "The working directory does not exist any more. Go to another one."
    reason = error.strerror or str(error)
    return f"{error.filename}: {reason}" if error.filename else f"The output cannot be written: {reason}"


def real_command(command: Command) -> Any:
    """Import a command of the table, as click runs it."""
    target = command.load()
    if isinstance(target, typer.Typer):
        return get_command(target)
    single = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    single.command(command.name)(target)
    return get_command(single)
