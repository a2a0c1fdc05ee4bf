"""Where the two sides of a plan come from: a project file, or what is deployed."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workflow_stacks.errors import WorkflowContextError
from workflow_stacks.project import load_project
from workflow_stacks.runs.target import Client

from .changes import Change, Effect, Template, changes

Templates = Mapping[str, Template]
_NOTHING: Template = {"Resources": {}}


@dataclass(frozen=True)
class StackPlan:
    """What happens to a stack.

    Attributes:
        stack: The name of the stack.
        changes: What happens to its resources, the worst first.
        running_jobs: Jobs that are in queues which go, by the logical id of the queue; empty when nothing was asked.
    """

    stack: str
    changes: list[Change]
    running_jobs: Mapping[str, int] = field(default_factory=dict)


def from_file(
    project_file: Path,
    context: str,
    *,
    user: str = "",
    settings: Mapping[str, str] | None = None,
    client: Client | None = None,
) -> Templates:
    """The templates that a project file makes of a context and of core; none when it has no such context.

    Args:
        project_file: The project file.
        context: The name of the context.
        user: The `user` of the deployment.
        settings: More CDK context, as `cdk deploy -c` would give it.
        client: Where it would be deployed. Default: nowhere, with the zones that a template for any account has.
    """
    import aws_cdk as cdk

    from workflow_stacks.app import build_app

    if context not in load_project(project_file).contexts:
        return {}
    given: dict[str, Any] = {**(settings or {}), **({"user": user} if user else {})}
    env = None
    if client:
        account, region = _account(client)
        env = cdk.Environment(account=account, region=region)
        zones = client("ec2").describe_availability_zones()["AvailabilityZones"]
        names = sorted(zone["ZoneName"] for zone in zones if zone["State"] == "available")
        given[f"availability-zones:account={account}:region={region}"] = names
    with tempfile.TemporaryDirectory() as outdir:
        app = build_app(project_file, contexts=[context], context=given, env=env, outdir=outdir)
        return {stack.stack_name: dict(stack.template) for stack in app.synth().stacks}


def _account(client: Client) -> tuple[str, str]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        sts = client("sts")
        return sts.get_caller_identity()["Account"], sts.meta.region_name
    except (BotoCoreError, ClientError) as error:
        raise WorkflowContextError(
            f"cannot ask AWS for the account: {error}. "
            "Set credentials and a region (AWS_PROFILE, AWS_DEFAULT_REGION), or use --local for the local cloud"
        ) from error


def from_deployment(client: Client, stacks: list[str]) -> Templates:
    """The templates of stacks as they are deployed; those that are not are left out.

    Raises:
        WorkflowContextError: AWS cannot be asked.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    found: dict[str, Template] = {}
    for stack in stacks:
        try:
            answer = client("cloudformation").get_template(StackName=stack, TemplateStage="Processed")
        except ClientError as error:
            if "does not exist" in str(error):
                continue
            raise WorkflowContextError(f"cannot read the template of '{stack}': {error}") from error
        except BotoCoreError as error:
            raise WorkflowContextError(
                f"cannot ask AWS for '{stack}': {error}. "
                "Set credentials and a region (AWS_PROFILE, AWS_DEFAULT_REGION), or use --local for the local cloud"
            ) from error
        body: Any = answer["TemplateBody"]
        found[stack] = json.loads(body) if isinstance(body, str) else body
    return found


def plan(before: Templates, after: Templates) -> list[StackPlan]:
    """Compare the stacks of two sides. A stack that one side lacks is made, or left as it is."""
    return [StackPlan(stack, changes(before.get(stack, _NOTHING), template)) for stack, template in after.items()]


def with_running_jobs(one: StackPlan, client: Client) -> StackPlan:
    """Count the jobs in the queues that go: those that AWS Batch will end."""
    gone = {
        change.logical_id
        for change in one.changes
        if change.effect is Effect.JOBS_END and change.type == "AWS::Batch::JobQueue"
    }
    if not gone:
        return one
    resources = client("cloudformation").describe_stack_resources(StackName=one.stack)["StackResources"]
    counted = {
        resource["LogicalResourceId"]: _jobs(client, resource["PhysicalResourceId"])
        for resource in resources
        if resource["LogicalResourceId"] in gone
    }
    return StackPlan(one.stack, one.changes, counted)


def _jobs(client: Client, queue: str) -> int:
    pages = (
        page
        for status in ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING")
        for page in client("batch").get_paginator("list_jobs").paginate(jobQueue=queue, jobStatus=status)
    )
    return sum(len(page["jobSummaryList"]) for page in pages)
