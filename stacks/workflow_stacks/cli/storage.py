"""`workflow-context storage`: storage for single runs in a deployed context."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from .options import DEFAULT_PROJECT, JsonOption, ProjectOption
from .output import print_json, print_table
from .run_options import LocalOption, UserOption, age, runs_of

if TYPE_CHECKING:
    from workflow_stacks.runs.storage import ContextStorage, Storage

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="Show, provision, extend and expire storage for single runs. The context needs 'storageDispatcher: true'.",
)

ContextArgument: TypeAlias = Annotated[str, typer.Argument(help="Name of the context.", metavar="CONTEXT")]
NameArgument: TypeAlias = Annotated[str, typer.Argument(help="Name of the storage.", metavar="NAME")]
MeasureOption: TypeAlias = Annotated[
    bool, typer.Option("--measure", help="Have a job look first: how many runs and bytes, and when it goes.")
]

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


@app.command("list")
def list_storage(
    context: ContextArgument,
    measure: MeasureOption = False,
    project: ProjectOption = DEFAULT_PROJECT,
    user: UserOption = "",
    local: LocalOption = False,
    json: JsonOption = False,
) -> None:
    """List the storage for single runs of a context, the newest first."""
    storage = _storage(project, context, user, local)
    if measure:
        storage.measure()
    found = storage.find_all()
    if json:
        print_json([one.as_json() for one in found])
        return
    if not found:
        typer.echo("There is no storage for single runs.")
        return
    print_table(
        ["storage", "owner", "created", "goes", "runs", "size", "asked, TB"],
        [
            [
                one.name,
                _who(one),
                f"{age(time.time() - one.record['createdAt'])} ago",
                _goes(one),
                _runs(one),
                _size(one),
                f"{one.record['sizeTb']:g}" if one.record.get("sizeTb") else "-",
            ]
            for one in found
        ],
    )


@app.command()
def show(
    context: ContextArgument,
    name: NameArgument,
    measure: MeasureOption = False,
    project: ProjectOption = DEFAULT_PROJECT,
    user: UserOption = "",
    local: LocalOption = False,
    json: JsonOption = False,
) -> None:
    """Show the storage of a name: whose it is, what it holds, and when it goes."""
    storage = _storage(project, context, user, local)
    if measure:
        storage.find(name)
        storage.measure()
    _print(storage.find(name), json)


@app.command()
def expire(
    context: ContextArgument,
    name: NameArgument,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing, and say what would be deleted.")] = False,
    project: ProjectOption = DEFAULT_PROJECT,
    user: UserOption = "",
    local: LocalOption = False,
    json: JsonOption = False,
) -> None:
    """Delete storage now; while a run on it is going, as soon as that has ended.

    A job does it, and says what it did.
    """
    storage = _storage(project, context, user, local)
    said = storage.expire(name, dry_run=dry_run)
    left = [one.name for one in storage.find_all()]
    if json:
        print_json({"name": name, "deleted": name not in left, "dryRun": dry_run, "said": said})
        return
    for line in said:
        typer.echo(line)
    if not dry_run and name in left:
        typer.echo(f"{name} goes as soon as no run on it is going. To keep it: workflow-context storage extend")


@app.command()
def extend(
    context: ContextArgument,
    name: NameArgument,
    hours: Annotated[int, typer.Option("--hours", min=1, max=8760, help="How many hours longer it is kept.")],
    project: ProjectOption = DEFAULT_PROJECT,
    user: UserOption = "",
    local: LocalOption = False,
    json: JsonOption = False,
) -> None:
    """Keep storage longer; also such that was told to expire, and is still there."""
    _print(_storage(project, context, user, local).extend(name, hours), json)


@app.command()
def provision(
    context: ContextArgument,
    hours: Annotated[
        int | None,
        typer.Option(
            "--hours",
            min=0,
            max=8760,
            help="How long it is kept after its last run. Default: 0 on EFS, 720 on ObjectiveFS.",
        ),
    ] = None,
    size_tb: Annotated[
        float | None,
        typer.Option(
            "--size-tb",
            metavar="TB",
            min=0,
            max=50,
            help="How large it becomes, on ObjectiveFS: for the memory of tasks.",
        ),
    ] = None,
    key: Annotated[
        str, typer.Option("--key", metavar="TEXT", help="Asked again with the same key, the same storage is given.")
    ] = "",
    project: ProjectOption = DEFAULT_PROJECT,
    user: UserOption = "",
    local: LocalOption = False,
    json: JsonOption = False,
) -> None:
    """Get storage for a run, and print its name."""
    storage = _storage(project, context, user, local)
    name = storage.provision(hours, size_tb, key)
    if json:
        print_json(storage.find(name).as_json())
    else:
        typer.echo(name)


def _storage(project: Path, context: str, user: str, local: bool) -> ContextStorage:
    from workflow_stacks.runs.storage import ContextStorage

    return ContextStorage(runs_of(project, user, local).target(context))


def _print(one: Storage, json: bool) -> None:
    from .output import print_facts

    if json:
        print_json(one.as_json())
        return
    record = one.record
    print_facts(
        [
            ("storage", one.name),
            ("owner", record["owner"]),
            ("created", f"{age(time.time() - record['createdAt'])} ago"),
            ("kept", _kept(one)),
            ("goes", _goes(one)),
            ("runs", _runs(one)),
            ("size", _size(one)),
            *([("size asked", f"{record['sizeTb']:g} TB")] if record.get("sizeTb") else []),
            *([("access point", record["accessPointId"])] if record.get("accessPointId") else []),
        ]
    )


def _kept(one: Storage) -> str:
    extended = int(one.record.get("extendedHours", 0))
    return f"{one.record['hours']} hours after the last run" + (f", and {extended} more" if extended else "")


def _runs(one: Storage) -> str:
    return str(one.record.get("runs", "not measured"))


def _who(one: Storage) -> str:
    """The end of the ARN, which names the person or the session."""
    return str(one.record["owner"]).rpartition("/")[2]


def _goes(one: Storage) -> str:
    if one.record["state"] == "deleting":
        return "is being deleted"
    if one.record["state"] == "expired":
        return "as soon as no run is going"
    if "expiresAt" not in one.record:
        return "not measured"
    moment = one.record["expiresAt"]
    if moment is None:
        return "not while a run is going"
    left = moment - time.time()
    return f"in {age(left)}" if left > 0 else "with the next pass"


def _size(one: Storage) -> str:
    size = one.record.get("bytes")
    if size is None:
        return "not measured"
    number = float(size)
    for unit in _UNITS:
        if number < 1024 or unit == _UNITS[-1]:
            return f"{number:.3g} {unit}" if unit != "B" else f"{size} B"
        number /= 1024
    return f"{size} B"
