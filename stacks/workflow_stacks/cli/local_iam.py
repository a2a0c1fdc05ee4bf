"""What the roles of a run did with their rights, for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from .output import print_note, print_table

if TYPE_CHECKING:
    from workflow_stacks.local import LocalCloud

Report = Sequence[dict[str, Any]]


def iam_report(cloud: LocalCloud) -> Report:
    """What roles did since the local cloud started; nothing where it does not run."""
    return cloud.iam_report() if cloud.status() else []


def iam_of_run(before: Report, after: Report) -> Report:
    """What the roles that made a call meanwhile did: the calls of this time only.

    What a role never used, it has not used since the local cloud started.
    """
    earlier = {
        (one["role"], call["action"], call["resource"]): (call["allowed"], call["denied"])
        for one in before
        for call in one["calls"]
    }
    found = []
    for one in after:
        calls = []
        for call in one["calls"]:
            allowed, denied = earlier.get((one["role"], call["action"], call["resource"]), (0, 0))
            now = {**call, "allowed": call["allowed"] - allowed, "denied": call["denied"] - denied}
            if now["allowed"] or now["denied"]:
                calls.append(now)
        if calls:
            found.append({**one, "calls": calls})
    return found


def print_iam(report: Report) -> None:
    """Print the calls of each role, those that were denied first, and what it was granted and never used."""
    for one in report:
        typer.echo(f"\nRole {one['role'].rpartition('/')[2]}")
        calls = sorted(one["calls"], key=lambda call: (not call["denied"], call["action"], call["resource"]))
        rows = [(call["action"], call["resource"], str(call["allowed"]), str(call["denied"])) for call in calls]
        print_table(("Action", "Resource", "Allowed", "Denied"), rows)
        if one["neverUsed"]:
            print_note(f"Granted, never used: {', '.join(one['neverUsed'])}")
