"""A check of a deployed context, from the credentials to the log of a task."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from workflow_stacks.errors import WorkflowContextError
from workflow_stacks.project import find_context, load_project
from workflow_stacks.runs.target import Target, client_of, cloud_of

from .before import look
from .probe import Probe
from .steps import Report

_POLL_SECONDS, _LOCAL_POLL_SECONDS = 5.0, 0.5


def check(
    project_file: Path,
    context: str,
    *,
    user: str = "",
    local: bool = False,
    seconds: float = 1200,
    tell: Callable[[str], None] = lambda _: None,
) -> Report:
    """Check a context: what can be seen, then what its jobs can do. Nothing of it stays.

    Args:
        project_file: The project file.
        context: The name of the context.
        user: The `user` it was deployed with.
        local: On the local cloud of the project, not on AWS.
        seconds: For how long jobs may take.
        tell: Is told how it goes.

    Raises:
        WorkflowContextError: The project has no such context, the local cloud is not running, or AWS refuses
            what a check needs of you.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    project = load_project(project_file)
    find_context(project, context)
    report = Report()
    deployed = look(lambda: client_of(project_file, local=local), project.stack_name(context, user), report)
    if deployed is None:
        return report
    cloud = cloud_of(project_file) if local else None
    client = client_of(project_file, local=local)
    target = Target(client, project, project_file.resolve(), context, user, deployed.outputs, cloud)
    if local:
        from workflow_stacks.local.runs.host import equip_local_context

        equip_local_context(project_file, context, user=user)
    try:
        Probe(target, deployed, report, tell, _LOCAL_POLL_SECONDS if local else _POLL_SECONDS).run(seconds)
    except (ClientError, BotoCoreError) as error:
        raise WorkflowContextError(f"the check of {context} cannot go on: {error}") from error
    return report
