"""`workflow-context review [CONTEXT]`: what would a security reviewer find?"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import completion
from .options import DEFAULT_PROJECT, JsonOption, ProjectOption
from .output import print_facts, print_json, print_note, print_table

if TYPE_CHECKING:
    from workflow_stacks.review import Acknowledged, Finding, Review, RoleRights


def review(
    context: Annotated[
        str,
        typer.Argument(
            help="Name of the context. Default: all.", metavar="[CONTEXT]", autocompletion=completion.contexts
        ),
    ] = "",
    pack: Annotated[
        list[str] | None,
        typer.Option("--pack", metavar="NAME", help="AwsSolutions, HIPAA, NIST or PCI; may be repeated. Default: all."),
    ] = None,
    project: ProjectOption = DEFAULT_PROJECT,
    json: JsonOption = False,
) -> None:
    """Show what rule packs find, what is acknowledged and why, and what each role may do.

    The exit code is 1 when a finding is open.
    """
    from workflow_stacks.project import validate_project
    from workflow_stacks.review import review as look
    from workflow_stacks.security_packs import PACKS

    contexts = [context] if context else []
    _, warnings = validate_project(project, contexts or None)
    for warning in warnings:
        typer.echo(str(warning), err=True)
    found = look(project, contexts, [name for one in pack or PACKS for name in one.split(",") if name])
    if json:
        print_json(_as_json(found))
    else:
        _print(found)
    if found.open:
        raise typer.Exit(1)


def _print(found: Review) -> None:
    for pack in found.packs:
        still = [one for one in found.open if one.pack == pack]
        accepted = [one for one in found.acknowledged if one.finding.pack == pack]
        typer.echo(f"{pack}: {len(still)} open, {len(accepted)} acknowledged")
        for finding in still:
            print_note(f"  open: {finding.rule} on {finding.path}: {finding.description}", indent=4)
        _print_accepted(accepted)
    for role in found.roles:
        typer.echo("")
        _print_role(role)


def _print_accepted(accepted: list[Acknowledged]) -> None:
    def key(one: Acknowledged) -> tuple[str, str]:
        return one.finding.rule.partition("[")[0], one.reason

    for (rule, reason), group in groupby(sorted(accepted, key=key), key):
        print_note(f"  {rule}: {reason}", indent=4)
        for one in group:
            what = one.finding.rule.partition("[")[2].rstrip("]")
            typer.echo(f"    on {one.finding.path}" + (f" ({what})" if what else ""))


def _print_role(role: RoleRights) -> None:
    print_facts(
        [
            ("role", f"{role.stack}/{role.name}"),
            ("for", role.description or "-"),
            ("assumed by", ", ".join(role.assumed_by)),
            *(("only if", one) for one in role.assumed_if),
            *(("managed policy", one) for one in role.managed_policies),
        ]
    )
    rows = [
        [
            one.service,
            ", ".join(action.partition(":")[2] for action in one.actions),
            "; ".join(one.resources),
            "; ".join(one.conditions),
        ]
        for one in role.permissions
    ]
    if rows:
        print_table(("service", "may", "on", "only if"), rows)


def _as_json(found: Review) -> dict[str, Any]:
    return {
        "packs": {
            pack: {
                "open": [_finding(one) for one in found.open if one.pack == pack],
                "acknowledged": [
                    {**_finding(one.finding), "reason": one.reason}
                    for one in found.acknowledged
                    if one.finding.pack == pack
                ],
            }
            for pack in found.packs
        },
        "roles": [
            {
                "stack": role.stack,
                "role": role.name,
                "description": role.description,
                "assumedBy": list(role.assumed_by),
                "assumedIf": list(role.assumed_if),
                "managedPolicies": list(role.managed_policies),
                "permissions": [
                    {
                        "service": one.service,
                        "actions": list(one.actions),
                        "resources": list(one.resources),
                        "conditions": list(one.conditions),
                    }
                    for one in role.permissions
                ],
            }
            for role in found.roles
        ],
    }


def _finding(one: Finding) -> dict[str, str]:
    return {"rule": one.rule, "severity": one.severity, "resource": one.path, "description": one.description}
