"""Where the jobs of the local cloud run: one contract (base.py), one file for each kind of sandbox."""

import os
import sys
from functools import cache

from workflow_stacks.errors import WorkflowContextError

from . import nfs_owner
from .base import Mount, Sandbox, SandboxSpec
from .bubblewrap import Bubblewrap
from .containers import ContainerEngine
from .unshare import Unshare

__all__ = ["CHOICE", "CannotRunError", "Mount", "Sandbox", "SandboxSpec", "find_sandbox", "nfs_owner"]

CHOICE = "WORKFLOW_CONTEXT_SANDBOX"
"""The environment variable that names the kind to use, whatever else this machine has."""


class CannotRunError(WorkflowContextError):
    """This machine has no way to run jobs: a sandbox is missing, or a program."""


def _kinds() -> list[Sandbox]:
    """Every kind, the most faithful first."""
    engines: list[Sandbox] = [ContainerEngine("docker"), ContainerEngine("podman", as_caller=("--userns", "keep-id"))]
    return [*engines, Bubblewrap(), Unshare()] if sys.platform == "linux" else engines


@cache
def find_sandbox() -> Sandbox:
    """Find the best kind that works here, or the one that `WORKFLOW_CONTEXT_SANDBOX` names.

    Raises:
        CannotRunError: There is none, or that one does not work.
    """
    kinds = _kinds()
    chosen = os.environ.get(CHOICE)
    if chosen:
        kinds = [kind for kind in kinds if kind.name == chosen]
    for kind in kinds:
        if kind.works():
            return kind
    if chosen:
        names = ", ".join(kind.name for kind in _kinds())
        raise CannotRunError(
            f"{CHOICE} is '{chosen}', which does not work on this machine. Allowed are {names}; "
            "without the variable the first of them is taken that works."
        )
    wanted = "bubblewrap (apt-get install bubblewrap, dnf install bubblewrap) or " if sys.platform == "linux" else ""
    raise CannotRunError(
        "Jobs cannot run on this machine: it has no sandbox that works. "
        f"Install {wanted}a container engine (Docker, Podman), and see that your user may use it."
    )
