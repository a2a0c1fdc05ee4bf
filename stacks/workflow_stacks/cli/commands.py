"""The table of commands. A new command is a module of this package, and a line here."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class Command:
    """A command, known by name until it is run.

    Attributes:
        name: What the user types.
        target: `module:attribute` in this package: a function, or a Typer application of commands.
        help: What it does, in one line.
        extra: The extra of the distribution that it needs; empty when none.
    """

    name: str
    target: str
    help: str
    extra: str = ""

    def load(self) -> Any:
        """Import the module and return its function or Typer application.

        Raises:
            ModuleNotFoundError: A package that the command needs is not installed.
        """
        module, _, attribute = self.target.partition(":")
        return getattr(import_module(f".{module}", __package__), attribute)


COMMANDS: tuple[Command, ...] = (
    Command("init", "init:init", "Write a project to begin with."),
    Command("validate", "validate:validate", "Check the project file."),
    Command("list", "list:list_contexts", "List the contexts of the project."),
    Command("describe", "describe:describe", "Show what a context will be."),
    Command("plan", "plan:plan", "Show what a deployment would change, end or delete."),
    Command("review", "review:review", "Show security findings, acknowledged ones, and what each role may do."),
    Command("destroy", "destroy:destroy", "Remove one context, and say what stays."),
    Command("config", "config:config", "Print what the engine's client needs."),
    Command("run", "run:run", "Start a workflow in a deployed context."),
    Command("runs", "runs:list_runs", "List the runs of workflows."),
    Command("status", "status:status", "Show how a run, or every context, is doing."),
    Command("logs", "logs:logs", "Print what the jobs of a run wrote."),
    Command("stop", "stop:stop", "Stop a run and its tasks."),
    Command("resume", "resume:resume", "Go on with a run that has ended."),
    Command("outputs", "outputs:outputs", "Show or download the outputs of a run."),
    Command("storage", "storage:app", "Show, provision, extend and expire storage for single runs."),
    Command("wes", "wes:wes", "Serve GA4GH WES on this machine.", extra="wes"),
    Command("shell", "shell:shell", "Open a shell on the debug instance of a context."),
    Command("browse", "browse:browse", "List, print and tail files of a context's file system."),
    Command("why", "why:why", "Say why a job does not run, or failed."),
    Command("check", "check:check", "Check a deployed context with short jobs, before the first run."),
    Command("local", "local:app", "Deploy to an embedded AWS on this machine.", extra="local"),
    Command("cost", "cost:cost", "Estimate what a context costs, idle and for each run of a workload."),
    Command("throughput", "throughput:throughput", "Simulate EFS throughput and burst credits under a load."),
    Command("recommend", "recommend:recommend", "Compare file systems for a workload."),
    Command("analyze", "analyze:analyze", "Write the workload that a run was, and the right sizes of its tasks."),
    Command("diagram", "diagram:diagram", "Draw the architecture of a context.", extra="plots"),
    Command("engines", "engines:engines", "Show which engine works on which file system."),
    Command("schema", "schema:schema", "Print the JSON Schema of the project file."),
)
"""Every command, in the order of the help."""
