"""Synthesizing a context for commands that read its templates."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any


def synthesized(project_file: Path, context: str) -> dict[str, dict[str, Any]]:
    """Return the template of each stack that a context needs, by the stack's name.

    Raises:
        WorkflowContextError: The project file is wrong, or has no such context.
    """
    from .app import build_app

    with tempfile.TemporaryDirectory() as outdir:
        assembly = build_app(project_file, contexts=[context], outdir=outdir).synth()
        return {stack.stack_name: dict(stack.template) for stack in assembly.stacks}
