"""The rule packs of cdk-nag that a synthesis, or a review, can be held against."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from .errors import WorkflowContextError
from .project.findings import closest, did_you_mean

if TYPE_CHECKING:
    from cdk_nag import NagPack

PACKS: Mapping[str, str] = MappingProxyType(
    {
        "AwsSolutions": "AwsSolutionsChecks",
        "HIPAA": "HIPAASecurityChecks",
        "NIST": "NIST80053R5Checks",
        "PCI": "PCIDSS321Checks",
    }
)
"""What a pack is called on the command line, and its class in cdk-nag: HIPAA is HIPAA Security, NIST is 800-53
revision 5, PCI is PCI DSS 3.2.1. https://github.com/cdklabs/cdk-nag/blob/main/RULES.md"""


def security_packs(names: Iterable[str]) -> dict[str, NagPack]:
    """Make packs by their names.

    Args:
        names: Some of `PACKS`.

    Raises:
        WorkflowContextError: There is no pack of that name, or cdk-nag is not installed.
    """
    chosen = list(dict.fromkeys(names))
    for name in chosen:
        if name not in PACKS:
            meant = closest(name, PACKS)
            hint = f"{did_you_mean(name, PACKS)} " if meant else ""
            raise WorkflowContextError(f"unknown rule pack {name!r}: {hint}Packs: {', '.join(PACKS)}")
    return {name: getattr(_cdk_nag(), PACKS[name])() for name in chosen}


def _cdk_nag() -> Any:
    try:
        return import_module("cdk_nag")
    except ModuleNotFoundError as error:
        if error.name != "cdk_nag":
            raise
        raise WorkflowContextError(
            "rule packs need the package 'cdk-nag', which is not installed: pip install 'cdk-workflow-context[review]'"
        ) from error
