"""What a deployed context says of itself: the outputs of its stack, read from CloudFormation."""

from collections.abc import Callable
from typing import Any

from .errors import WorkflowContextError


def stack_outputs(client: Callable[[str], Any], stack: str) -> dict[str, str]:
    """The outputs of a deployed stack: name to value.

    Args:
        client: Gives the boto3 client of a service.
        stack: The name of the stack.

    Raises:
        WorkflowContextError: The stack is not deployed, or AWS cannot be asked.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        [found] = client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        if "does not exist" in str(error):
            raise WorkflowContextError(f"the stack '{stack}' is not deployed. Deploy it: cdk deploy {stack}") from error
        raise WorkflowContextError(f"cannot read the stack '{stack}': {error}") from error
    except BotoCoreError as error:
        raise WorkflowContextError(
            f"cannot ask AWS for the stack '{stack}': {error} "
            "Set credentials and a region (AWS_PROFILE, AWS_DEFAULT_REGION), or use --local for the local cloud."
        ) from error
    return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}
