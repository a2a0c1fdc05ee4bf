"""`workflow-context init`: a project to begin with."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated

import typer

from workflow_context.catalog import ENGINES
from workflow_stacks.errors import WorkflowContextError
from workflow_stacks.project import json_schema

CDK_CLI = "aws-cdk@2.1148.1"
"""The release of the CDK CLI that can read the assembly of the library."""

_APP = """\
#!/usr/bin/env python3
from workflow_stacks import build_app

build_app().synth()
"""
_IGNORE = """\
.venv/
.workflow-context/
cdk.out/
node_modules/
"""
_PROJECT = """\
# yaml-language-server: $schema=agc-project.schema.json
name: {name}
schemaVersion: 1
workflows:
  hello:
    type: {{language: {language}, version: {version}}}
    sourceURL: {source}
# Places in S3 that workflows read, or write unless readOnly is true:
# data:
#   - location: s3://my-references/hg38/*
#     readOnly: true
contexts:
  dev:
    requestSpotInstances: true
    engines:
      - type: {language}
        engine: {engine}
"""
_VERSIONS = {"wdl": "1.0", "nextflow": "dsl2", "cwl": "1.2"}


def init(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="Name of the project. Default: made of the folder's name."),
    ] = None,
    engine: Annotated[str, typer.Option("--engine", metavar="ENGINE", help="The workflow engine.")] = "miniwdl",
    directory: Annotated[
        Path, typer.Option("--directory", metavar="DIRECTORY", help="Where to write it; made if it does not exist.")
    ] = Path(),
) -> None:
    """Write a project that can be deployed: project file, CDK app, and a small workflow.

    Files that exist are never changed: if one of them does, nothing is written.
    """
    if engine not in ENGINES:
        raise WorkflowContextError(f"there is no engine {engine!r}; the engines are {', '.join(ENGINES)}")
    written = _files(_checked(name or _from_folder(directory)), engine)
    taken = [path for path in written if (directory / path).exists()]
    if taken:
        raise WorkflowContextError(
            f"nothing was written: {', '.join(taken)} exists already in {directory.resolve()}. "
            "Choose another --directory, or move it away"
        )
    try:
        for path, text in written.items():
            (directory / path).parent.mkdir(parents=True, exist_ok=True)
            (directory / path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise WorkflowContextError(f"{directory / path} cannot be written: {error.strerror}") from error
    typer.echo(f"Written to {directory.resolve()}: {', '.join(written)}")
    typer.echo("Next:")
    for command, meaning in (
        ("workflow-context validate", "check the project file"),
        ("workflow-context cost dev", "what it costs while nothing runs"),
        ("workflow-context local run dev hello", "run the workflow on this machine, without AWS"),
        (f"npx {CDK_CLI} deploy --all", "deploy to AWS (cdk bootstrap must have been run once)"),
    ):
        typer.echo(f"  {command:<38}# {meaning}")


def _checked(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]{0,63}", name):
        raise WorkflowContextError(
            f"{name!r} is not a valid name of a project: use letters and digits, at most 64, and begin with a letter"
        )
    return name


def _from_folder(directory: Path) -> str:
    letters = re.sub(r"[^A-Za-z0-9]", "", directory.resolve().name).lstrip("0123456789")
    return letters[:64] or "MyProject"


def _files(name: str, engine: str) -> dict[str, str]:
    """The files of a new project: path to text."""
    language = ENGINES[engine].languages[0]
    flags = json.loads(files("workflow_stacks").joinpath("cdk.json").read_text(encoding="utf-8"))["context"]
    sample = files("workflow_stacks").joinpath("samples", language)
    workflow = {f"workflows/hello/{one.name}": one.read_text(encoding="utf-8") for one in _listed(sample)}
    return {
        "agc-project.yaml": _PROJECT.format(
            name=name,
            engine=engine,
            language=language,
            version=_VERSIONS.get(language, "1.0"),
            source=next(iter(workflow), "workflows/hello"),
        ),
        "agc-project.schema.json": json.dumps(json_schema(), indent=2) + "\n",
        "app.py": _APP,
        "cdk.json": json.dumps({"app": "python app.py", "context": flags}, indent=2) + "\n",
        ".gitignore": _IGNORE,
        **workflow,
    }


def _listed(folder: Traversable) -> list[Traversable]:
    return sorted(folder.iterdir(), key=lambda one: one.name) if folder.is_dir() else []
