"""From a project file to templates, for tests."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import aws_cdk as cdk


def synth(
    project_file: str | Path,
    *,
    contexts: Sequence[str] | None = None,
    context: Mapping[str, Any] | None = None,
    env: cdk.Environment | None = None,
) -> dict[str, dict[str, Any]]:
    """Synthesize the stacks of a project file; nothing of it stays on disk.

    It costs seconds, so make it once for a test module, in a fixture of the scope `module` or `session`.

    Args:
        project_file: The project file.
        contexts: Names of the contexts to define. Default: all of the file.
        context: CDK context, as `cdk -c key=value` gives it. Default: none.
        env: Account and region. Default: any, so that templates do not depend on the machine's credentials.

    Returns:
        The template of each stack, by the name of the stack.

    Raises:
        WorkflowContextError: The project file is wrong, or has no such context.
    """
    from workflow_stacks.app import build_app

    with tempfile.TemporaryDirectory() as folder:
        app = build_app(project_file, contexts=contexts, context=context, env=env, outdir=folder)
        return {stack.stack_name: dict(stack.template) for stack in app.synth().stacks}
