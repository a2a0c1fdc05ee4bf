"""What mkdocs runs: pages of reference, generated from the program itself."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Mapping
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

_IN_PARTS = ("WorkflowEngine",)
"""Classes whose own bases are no public names: their pages show what they inherit."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages to those in `docs/`."""
    for name, text in {
        "reference/cli.md": "\n".join(command_line()),
        "reference/project-file.md": "\n".join(project_file()),
        "reference/api.md": "\n".join(api()),
    }.items():
        files.append(File.generated(config, name, content=text))
    return files


def command_line() -> Iterator[str]:
    """The page of every command, its arguments and its options, as `--help` says them."""
    from typer.main import get_command

    from workflow_stacks.cli import app
    from workflow_stacks.cli.commands import COMMANDS
    from workflow_stacks.cli.group import real_command

    yield "# Command line\n"
    yield f"{get_command(app).help}\n"
    yield (
        "Exit codes: 0 success; 1 the project, the cloud or the machine is at fault, with a message on stderr; 2 wrong "
        "usage. `status`, `run` and `resume` say more, see below.\n"
    )
    yield (
        "Keys of JSON are written in camelCase, as in the project file; names that are yours (tags, stacks, outputs, "
        "resource types) stay as they are.\n"
    )
    for entry in COMMANDS:
        yield from _command(entry.name, real_command(entry), level=2)


def _command(path: str, command: Any, level: int) -> Iterator[str]:
    import click

    yield f"{'#' * level} workflow-context {path}\n"
    yield f"{_paragraphs(command.help or '')}\n"
    context = click.Context(command, info_name=path)
    subcommands = getattr(command, "commands", {})
    if not subcommands:
        usage = " ".join(command.collect_usage_pieces(context))
        yield f"```text\nworkflow-context {path} {usage}\n```\n"
    rows = [record for parameter in command.params if (record := parameter.get_help_record(context))]
    if rows:
        yield "| option | meaning |\n|---|---|"
        for names, meaning in rows:
            yield f"| `{names.replace('|', chr(92) + '|')}` | {_cell(meaning)} |"
        yield ""
    for name, child in subcommands.items():
        yield from _command(f"{path} {name}", child, level + 1)


def project_file() -> Iterator[str]:
    """The page of every key of `agc-project.yaml`, from its JSON Schema."""
    from workflow_stacks.project import json_schema

    schema = json_schema()
    definitions: Mapping[str, Any] = schema["$defs"]
    yield "# Project file\n"
    yield f"{_paragraphs(schema.get('description', ''))}\n"
    yield "The JSON Schema is printed by `workflow-context schema`.\n"
    yield from _keys(schema)
    for name, definition in definitions.items():
        if "properties" in definition:
            yield f"\n## {name}\n"
            yield f"{_paragraphs(definition.get('description', ''))}\n"
            yield from _keys(definition)
    yield from _checks()


def _checks() -> Iterator[str]:
    """What is checked beyond the shape of the file; the name of a check is what a warning is acknowledged by."""
    from workflow_stacks.project.checks import NAME_CHECKS, PROJECT_CHECKS
    from workflow_stacks.project.context_checks import CONTEXT_CHECKS

    yield "\n## Checks\n"
    yield (
        "`workflow-context validate` also checks what the parts mean together. Each finding ends with the name of its "
        "check, and `workflow-context:NAME` acknowledges a warning in an app of your own: "
        "`Validations.of(app).acknowledge(…)`. File systems add checks of their own.\n"
    )
    yield "| check | what must be so |\n|---|---|"
    for check in (*NAME_CHECKS, *PROJECT_CHECKS, *CONTEXT_CHECKS):
        yield f"| `{check.__name__.replace('_', '-')}` | {_cell(check.__doc__ or '')} |"


def _keys(definition: Mapping[str, Any]) -> Iterator[str]:
    required = set(definition.get("required", ()))
    yield "| key | type | meaning |\n|---|---|---|"
    for key, value in definition.get("properties", {}).items():
        mark = " (required)" if key in required else ""
        yield f"| `{key}`{mark} | {_type(value)} | {_cell(value.get('description', ''))} |"


def _type(value: Mapping[str, Any]) -> str:
    if "$ref" in value:
        name = value["$ref"].rsplit("/", 1)[-1]
        return f"[{name}](#{name.lower()})"
    if "const" in value:
        return f"`{json.dumps(value['const'])}`"
    if "enum" in value:
        return ", ".join(f"`{item}`" for item in value["enum"])
    for many in ("anyOf", "oneOf"):
        if many in value:
            types = dict.fromkeys(_type(one) for one in value[many] if one.get("type") != "null")
            return " or ".join(types)
    if value.get("type") == "array":
        return f"list of {_type(value.get('items', {}))}"
    if value.get("type") == "object":
        items = value.get("additionalProperties") or next(iter(value.get("patternProperties", {}).values()), None)
        return f"mapping of {_type(items)}" if isinstance(items, Mapping) else "mapping"
    found = value.get("type", "")
    return " or ".join(found) if isinstance(found, list) else str(found)


def api() -> Iterator[str]:
    """The page of the public names of both packages, read from their docstrings."""
    import workflow_context
    import workflow_stacks
    import workflow_stacks.testing

    yield "# Python API\n"
    for package in (workflow_context, workflow_stacks, workflow_stacks.testing):
        yield f"\n## {package.__name__}\n"
        yield f"{inspect.cleandoc(package.__doc__ or '')}\n"
        for name in package.__all__:
            found = getattr(package, name)
            module = getattr(found, "__module__", None) or package.__name__
            yield f"::: {module}.{name}\n"
            if name in _IN_PARTS:
                yield "    options:\n      inherited_members: true\n"


def _paragraphs(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
