"""What can be said of a context before any job is submitted."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from workflow_stacks.runs.why import Finding, environment_finding, queue_finding

from .steps import Report

Client = Callable[[str], Any]
Record = Mapping[str, Any]

_SETTLED = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")


@dataclass(frozen=True)
class Deployed:
    """A context that can take jobs.

    Attributes:
        outputs: The outputs of its stack.
        contract: What its engine says of checks (`workflow_context.engines.check`).
        definition: The job definition in which the check runs, as AWS Batch tells it.
    """

    outputs: Mapping[str, str]
    contract: Record
    definition: Record


def look(client: Callable[[], Client], stack: str, report: Report) -> Deployed | None:
    """Look at credentials, stack, queues, environments and job definition; None when no job can be submitted.

    Args:
        client: Gives what gives the boto3 client of a service.
        stack: The name of the stack.
        report: Takes the steps.

    Raises:
        WorkflowContextError: The local cloud is not running.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    step = "credentials"
    try:
        clients = client()
        report.ok(step, clients("sts").get_caller_identity()["Arn"])
        step = "stack"
        outputs = _stack(clients, stack, report)
        if outputs is None:
            return None
        step = "queues"
        queues = _queues(clients, outputs, report)
        step = "environments"
        _environments(clients, queues, report)
        step = "definition"
        deployed = _definition(clients, stack, outputs, report)
    except (ClientError, BotoCoreError) as error:
        report.fail(step, str(error))
        return None
    return None if report.failed else deployed


def _stack(client: Client, name: str, report: Report) -> Mapping[str, str] | None:
    from botocore.exceptions import ClientError

    try:
        [stack] = client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if "does not exist" not in str(error):
            raise
        report.fail("stack", f"the stack '{name}' is not deployed", f"deploy it: cdk deploy {name}")
        return None
    status = stack["StackStatus"]
    if status not in _SETTLED:
        why = stack.get("StackStatusReason", "")
        told = f"the stack '{name}' is {status}{f': {why}' if why else ''}"
        doing = status.endswith("_IN_PROGRESS")
        report.fail("stack", told, "wait until it is done" if doing else f"look at its events, then: cdk deploy {name}")
        return None
    report.ok("stack", f"{name} is {status}")
    return {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", [])}


def _queues(client: Client, outputs: Mapping[str, str], report: Report) -> list[Record]:
    wanted = [value for key, value in outputs.items() if key.endswith("Queue")]
    found: list[Record] = client("batch").describe_job_queues(jobQueues=wanted)["jobQueues"]
    findings = [queue_finding(one) for one in found]
    there = {one["jobQueueArn"] for one in found}
    findings += [
        Finding("queue", False, f"the queue {arn} does not exist any more", "deploy the context again")
        for arn in wanted
        if arn not in there
    ]
    _tell(report, "queues", findings)
    return found


def _environments(client: Client, queues: list[Record], report: Report) -> None:
    names = [one["computeEnvironment"] for queue in queues for one in queue["computeEnvironmentOrder"]]
    unique = list(dict.fromkeys(names))
    found = client("batch").describe_compute_environments(computeEnvironments=unique)["computeEnvironments"]
    _tell(report, "environments", [environment_finding(one) for one in found])


def _tell(report: Report, step: str, findings: list[Finding]) -> None:
    wrong = [one for one in findings if not one.ok]
    if wrong:
        report.fail(step, "; ".join(one.message for one in wrong), wrong[0].remedy)
    else:
        report.ok(step, f"{len(findings)} enabled and valid")


def _definition(client: Client, stack: str, outputs: Mapping[str, str], report: Report) -> Deployed | None:
    if "Check" not in outputs:
        report.fail(
            "definition",
            "the context does not say how its head jobs check it",
            f"deploy it with this version: cdk deploy {stack}. An engine of your own must start head jobs by "
            "`program_environment` and `head_command`",
        )
        return None
    contract = json.loads(outputs["Check"])
    found = client("batch").describe_job_definitions(jobDefinitions=[contract["definition"]])["jobDefinitions"]
    if not found or found[0]["status"] != "ACTIVE":
        report.fail("definition", f"the job definition {contract['definition']} is not active any more")
        return None
    report.ok("definition", found[0]["containerProperties"]["image"])
    return Deployed(outputs, contract, found[0])
