"""The debug instance of a deployed context: found, started, and how a session on it is opened."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable

from workflow_stacks.errors import WorkflowContextError

from .target import Target

_PAUSE_SECONDS = 3.0
_READY_SECONDS = 600.0
_PLUGIN = (
    "https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-working-with-install-plugin.html"
)
_CLI = "https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html"


def debug_instance_of(target: Target) -> str:
    """The id of the debug instance.

    Raises:
        WorkflowContextError: The context has none.
    """
    found = target.outputs.get("DebugInstance")
    if found is None:
        raise WorkflowContextError(
            f"the context {target.name!r} has no debug instance. Write 'debugInstance: true' and deploy it"
        )
    return found


def session_command(target: Target, instance: str) -> list[str]:
    """The command that opens a session.

    Raises:
        WorkflowContextError: The AWS CLI or its plugin is not installed here.
    """
    if shutil.which("aws") is None:
        raise WorkflowContextError(f"the AWS CLI (aws), which opens the session, is not installed: {_CLI}")
    if shutil.which("session-manager-plugin") is None:
        raise WorkflowContextError(
            f"the Session Manager plugin of the AWS CLI (session-manager-plugin) is not installed: {_PLUGIN}"
        )
    region = target.client("ssm").meta.region_name
    return ["aws", "ssm", "start-session", "--region", region, "--target", instance]


def wait_until_ready(
    target: Target,
    instance: str,
    *,
    say: Callable[[str], None],
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Start the instance where it has stopped, and wait until Systems Manager reaches it.

    Args:
        target: The context.
        instance: Its debug instance.
        say: Tells what is waited for.
        sleep: Waits some seconds.
        clock: Tells the seconds.

    Raises:
        WorkflowContextError: It is gone, AWS refuses, or it is not reached within ten minutes.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    end, told = clock() + _READY_SECONDS, ""
    try:
        while True:
            state = _state(target, instance)
            if state == "stopped":
                target.client("ec2").start_instances(InstanceIds=[instance])
                state = "starting"
            elif state in ("shutting-down", "terminated"):
                raise WorkflowContextError(f"the debug instance {instance} is {state}; deploy the context again")
            elif state == "running":
                if _is_online(target, instance):
                    return
                state = "running, and not yet under Systems Manager"
            if state != told:
                say(f"The debug instance {instance} is {state} …")
                told = state
            if clock() >= end:
                raise WorkflowContextError(
                    f"the debug instance {instance} was not ready within {_READY_SECONDS / 60:.0f} minutes: it is "
                    f"{state}. Has its subnet a way to Systems Manager (NAT gateway or interface endpoints)?"
                )
            sleep(_PAUSE_SECONDS)
    except (BotoCoreError, ClientError) as error:
        raise WorkflowContextError(f"AWS refuses to open the debug instance {instance}: {error}") from error


def _state(target: Target, instance: str) -> str:
    found = target.client("ec2").describe_instances(InstanceIds=[instance])["Reservations"]
    return str(found[0]["Instances"][0]["State"]["Name"]) if found else "terminated"


def _is_online(target: Target, instance: str) -> bool:
    filters = [{"Key": "InstanceIds", "Values": [instance]}]
    found = target.client("ssm").describe_instance_information(Filters=filters)["InstanceInformationList"]
    return any(one.get("PingStatus") == "Online" for one in found)
