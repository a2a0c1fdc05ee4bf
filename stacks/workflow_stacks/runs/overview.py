"""Of each context of a project: whether it is deployed, what its jobs are doing, and what it costs idle."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from workflow_stacks.project import Project

from .jobs import jobs_at_work
from .target import Client, client_of, deployed_stacks, is_denied


def overview(project_file: Path, project: Project, *, user: str = "", local: bool = False) -> list[dict[str, Any]]:
    """Look at every context of a project.

    Raises:
        WorkflowContextError: AWS cannot be asked.
    """
    client = client_of(project_file, local=local)
    stacks = deployed_stacks(client)
    found = []
    for name in project.contexts:
        stack = stacks.get(project.stack_name(name, user))
        states = [state for state, _ in jobs_at_work(client, stack.outputs)] if stack else []
        found.append(
            {
                "context": name,
                "stackStatus": stack.status if stack else None,
                "jobs": dict(Counter(states)),
                "idleUsdPerMonth": idle_usd(client, project.stack_name(name, user)) if stack else None,
            }
        )
    return found


def idle_usd(client: Client, stack: str) -> float | None:
    """What a deployed stack costs a month while nothing runs, from its template; None when that cannot be told."""
    from botocore.exceptions import ClientError

    from workflow_context.models.costs import idle_cost
    from workflow_context.models.prices import default_prices

    try:
        template = client("cloudformation").get_template(StackName=stack)["TemplateBody"]
    except ClientError as error:
        if is_denied(error):  # who runs workflows in one context may not look at the others
            return None
        raise
    return round(idle_cost(template, default_prices(), stack=stack).usd, 2) if isinstance(template, dict) else None
