"""Holding a project against rule packs: what is open, and what is acknowledged and why."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workflow_context.models.cfn import Stacks
from workflow_context.nag import Acknowledgement, recorded_acknowledgements
from workflow_stacks.security_packs import security_packs
from workflow_stacks.synthesis import built

from .roles import RoleRights, roles_of

if TYPE_CHECKING:
    from cdk_nag import NagPack

_ACKNOWLEDGED = "aws:cdk:acknowledged-rules"
_CDK_PREFIX = "Annotation::"
"""What CDK puts before the id of an acknowledged rule."""


@dataclass(frozen=True)
class Finding:
    """What a rule says of a resource.

    Attributes:
        pack: Name of the pack, as in `PACKS`.
        rule: Id of the rule.
        severity: `error` or `warning`.
        path: Path of the resource in the construct tree; it begins with the name of the stack.
        description: What the rule asks for.
    """

    pack: str
    rule: str
    severity: str
    path: str
    description: str


@dataclass(frozen=True)
class Acknowledged:
    """A finding that is right as it is.

    Attributes:
        finding: The finding.
        reason: Why.
    """

    finding: Finding
    reason: str


@dataclass(frozen=True)
class Review:
    """What came of a review.

    Attributes:
        packs: Names of the packs.
        open: Findings that nobody acknowledged.
        acknowledged: Those that somebody did.
        roles: What each role may do.
    """

    packs: Sequence[str]
    open: Sequence[Finding]
    acknowledged: Sequence[Acknowledged]
    roles: Sequence[RoleRights]


def review(project_file: Path, contexts: Sequence[str], packs: Iterable[str]) -> Review:
    """Synthesize contexts, and what they share, and hold them against rule packs.

    Args:
        project_file: The project file.
        contexts: Names of contexts; empty for all.
        packs: Names of packs, as in `PACKS`.

    Raises:
        WorkflowContextError: The project file is wrong, or names are asked for that are not there.
    """
    chosen = security_packs(packs)
    with tempfile.TemporaryDirectory() as outdir, recorded_acknowledgements() as record:
        app = built(project_file, contexts, outdir)
        assembly = app.synth()
        templates: Mapping[str, Mapping[str, Any]] = {stack.stack_name: stack.template for stack in assembly.stacks}
        made = [*record, *_made_otherwise(Path(outdir))]
        found = [finding for name, pack in chosen.items() for finding in _findings(name, pack, app)]
    reasons = {(one.path, one.rule): one.reason for one in reversed(made)}
    judged = [(finding, _reason(finding, reasons)) for finding in found]
    return Review(
        packs=list(chosen),
        open=[finding for finding, reason in judged if reason is None],
        acknowledged=[Acknowledged(finding, reason) for finding, reason in judged if reason is not None],
        roles=roles_of(Stacks(templates)),
    )


def _findings(name: str, pack: NagPack, app: Any) -> Iterator[Finding]:
    for violation in pack.validate_scope(app).violations:
        for resource in violation.violating_resources:
            yield Finding(
                pack=name,
                rule=violation.rule_name,
                severity=violation.severity or "error",
                path=resource.construct_path or "",
                description=violation.description,
            )


def _reason(finding: Finding, reasons: Mapping[tuple[str, str], str]) -> str | None:
    """The reason on the resource, or on the nearest construct around it."""
    path = finding.path
    while path:
        if (path, finding.rule) in reasons:
            return reasons[path, finding.rule]
        path = path.rpartition("/")[0]
    return None


def _made_otherwise(outdir: Path) -> Iterator[Acknowledgement]:
    """Those that were made by CDK's own `Validations.acknowledge`: cdk-nag leaves their findings out itself.

    From the files of the assembly: `CloudFormationStackArtifact.manifest` has a type that jsii does not find.
    """
    for artifact in json.loads((outdir / "manifest.json").read_text())["artifacts"].values():
        beside = artifact.get("additionalMetadataFile")
        metadata = json.loads((outdir / beside).read_text()) if beside else artifact.get("metadata", {})
        for path, entries in metadata.items():
            for entry in entries:
                if entry["type"] == _ACKNOWLEDGED:
                    for rule, reason in entry["data"].items():
                        yield Acknowledgement(path.lstrip("/"), rule.removeprefix(_CDK_PREFIX), reason)
