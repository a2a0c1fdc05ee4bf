"""Synthesizing a context for commands that read its templates."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .project import load_project

if TYPE_CHECKING:
    import aws_cdk as cdk

_ACCOUNT = "123456789012"


def synthesized(project_file: Path, context: str) -> dict[str, dict[str, Any]]:
    """Return the template of each stack that a context needs, by the stack's name.

    A context in one Availability Zone is synthesized for the Region of that zone, with the zones `a` to `c` of it and
    the named one: a deployment would ask AWS for them, an estimate or a picture does not need an account.

    Raises:
        WorkflowContextError: The project file is wrong, or has no such context.
    """
    from .project import validate_project

    validate_project(project_file, [context])  # a wrong file is told before the CDK is imported, which takes seconds
    with tempfile.TemporaryDirectory() as outdir:
        assembly = built(project_file, [context], outdir).synth()
        return {stack.stack_name: dict(stack.template) for stack in assembly.stacks}


def built(project_file: Path, contexts: Sequence[str], outdir: str) -> cdk.App:
    """Return the app of some contexts, ready to be synthesized where no account is known.

    Contexts in one Availability Zone are synthesized for the Region of the first of them: see `synthesized`.

    Args:
        project_file: The project file.
        contexts: Names of contexts; empty for all.
        outdir: Where it is synthesized to.

    Raises:
        WorkflowContextError: The project file is wrong, or has no such context.
    """
    from .app import build_app

    names = list(contexts) or list(load_project(project_file).contexts)
    zone = next((found for name in names if (found := _zone(project_file, name))), None)
    # Without CDK's own words for the warnings, and its report in a folder that is gone: commands print them themselves.
    return build_app(
        project_file, contexts=names, context=_zones(zone), env=_environment(zone), outdir=outdir, warn=False
    )


def _zone(project_file: Path, context: str) -> str | None:
    described = load_project(project_file).contexts.get(context)
    return (
        getattr(getattr(described.filesystem, "configuration", None), "availability_zone", None)
        if (described is not None and described.filesystem is not None)
        else None
    )


def _region(zone: str) -> str:
    return zone.rstrip("abcdefghijklmnopqrstuvwxyz")


def _zones(zone: str | None) -> dict[str, list[str]]:
    if zone is None:
        return {}
    region = _region(zone)
    zones = sorted({f"{region}a", f"{region}b", f"{region}c", zone})
    return {f"availability-zones:account={_account()}:region={region}": zones}


def _environment(zone: str | None) -> cdk.Environment | None:
    if zone is None:
        return None
    import aws_cdk as cdk

    return cdk.Environment(account=_account(), region=_region(zone))


def _account() -> str:
    return os.environ.get("CDK_DEFAULT_ACCOUNT") or _ACCOUNT
