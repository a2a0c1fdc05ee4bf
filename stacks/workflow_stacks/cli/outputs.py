"""`workflow-context outputs RUN`: where the outputs of a run are, or the outputs themselves."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workflow_stacks.errors import WorkflowContextError

from .options import DEFAULT_PROJECT, JsonOption, ProjectOption
from .output import print_json
from .run_options import LocalOption, RunArgument, UserOption, lines_of, runs_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workflow_context.pbs.outputs import Store


def outputs(
    run: RunArgument,
    download: Annotated[
        Path | None, typer.Option("--download", metavar="DIR", help="Copy the files into a directory.")
    ] = None,
    project: ProjectOption = DEFAULT_PROJECT,
    user: UserOption = "",
    local: LocalOption = False,
    json: JsonOption = False,
) -> None:
    """Print the outputs of a run that succeeded: names and values, files by their address."""
    from workflow_stacks.runs.stores import store_for

    runs = runs_of(project, user, local)
    target, record = runs.find(run)
    view = runs.status(target, record)
    found = runs.outputs(target, record)
    if not found and not view.state.ended:
        raise WorkflowContextError(f"the run {record.run_id} is {view.state}: it has no outputs yet")
    if download is not None:
        copied = list(_download(found, store_for(target, record.outputs), record.outputs, download))
        if json:
            print_json(copied)
        else:
            typer.echo(f"{len(copied)} file{' is' if len(copied) == 1 else 's are'} in {download}")
        return
    if json:
        print_json(found)
    elif found:
        for name, text in lines_of(found):
            typer.echo(f"{name}  {text}" if name else f"  {text}")
    else:
        typer.echo(f"The run is {view.state}, and there is nothing in {record.outputs}")


def _download(found: dict[str, Any], store: Store, folder: str, directory: Path) -> Iterator[str]:
    """Copy every file that the outputs name, by its path below the run's folder."""
    for name, address in _files(found):
        if not address.startswith(("s3://", "/")):
            continue
        content = store.read(address)
        if content is None:
            continue
        below = address.removeprefix(folder) if address.startswith(folder) else name
        file = directory / below
        if not file.resolve().is_relative_to(directory.resolve()):
            raise WorkflowContextError(f"{address} would be written outside of {directory}")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        except OSError as error:
            raise WorkflowContextError(f"{file} cannot be written: {error.strerror}") from error
        yield str(file)


def _files(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The files among outputs: where each goes when it is not in the run's folder, and its address."""
    for name, value in found.items():
        single = isinstance(value, str) and name.count("/") > 0
        for address in _texts(value):
            yield (name if single or name == PurePosixPath(address).name else PurePosixPath(address).name), address


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
