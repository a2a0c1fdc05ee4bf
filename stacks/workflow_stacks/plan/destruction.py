"""What becomes of a stack's data when the stack goes."""

from __future__ import annotations

from dataclasses import dataclass

from workflow_context.models.prices import default_prices
from workflow_stacks.errors import WorkflowContextError
from workflow_stacks.runs.target import Client

from .changes import DATA
from .comparison import from_deployment

_GIB = 1024**3
# What one GB-month costs, by the names of the price book; a file system in another storage class costs less.
_STORAGE_PRICES = {
    "AWS::EFS::FileSystem": "efs_standard_storage",
    "AWS::FSx::FileSystem": "fsx_lustre_persistent2_125_storage",
    "AWS::S3::Bucket": "s3_standard_storage_first_50tb",
}


@dataclass(frozen=True)
class Fate:
    """What becomes of a resource that holds data.

    Attributes:
        fate: `is deleted` or `stays`.
        type: Its CloudFormation type.
        physical_id: Its id.
        cost: What it costs a month if it stays, for people; at the list prices of us-east-1.
    """

    fate: str
    type: str
    physical_id: str
    cost: str


def destruction(client: Client, stack: str) -> list[Fate]:
    """Look up what holds data in a stack, and what becomes of it when the stack is destroyed.

    Raises:
        WorkflowContextError: The stack is not deployed, or AWS cannot be asked.
    """
    template = from_deployment(client, [stack]).get(stack)
    if template is None:
        raise WorkflowContextError(f"the stack '{stack}' is not deployed")
    resources = client("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]
    ids = {one["LogicalResourceId"]: one.get("PhysicalResourceId", "") for one in resources}
    return [
        Fate(
            "stays" if one.get("DeletionPolicy") == "Retain" else "is deleted",
            one["Type"],
            ids.get(name, ""),
            _cost(client, one["Type"], ids.get(name, "")) if one.get("DeletionPolicy") == "Retain" else "",
        )
        for name, one in template["Resources"].items()
        if one["Type"] in DATA
    ]


def destroy_stack(client: Client, stack: str) -> None:
    """Destroy one stack, and wait until it is gone.

    Raises:
        WorkflowContextError: It cannot be destroyed: it is protected, or a resource of it cannot be deleted.
    """
    from botocore.exceptions import BotoCoreError, ClientError, WaiterError

    cloudformation = client("cloudformation")
    stack_id = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackId"]
    try:
        cloudformation.delete_stack(StackName=stack_id)
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack_id, WaiterConfig={"Delay": 5})
    except WaiterError as error:
        events = cloudformation.describe_stack_events(StackName=stack_id)["StackEvents"]
        why = next((one.get("ResourceStatusReason", "") for one in events if "FAILED" in one["ResourceStatus"]), "")
        raise WorkflowContextError(f"'{stack}' could not be destroyed whole: {why or error}") from error
    except (ClientError, BotoCoreError) as error:
        raise WorkflowContextError(f"'{stack}' cannot be destroyed: {error}") from error


def _cost(client: Client, type_: str, physical_id: str) -> str:
    if type_ not in _STORAGE_PRICES:
        return f"{default_prices()['secrets_manager_secret_month'].value:.2f} USD"
    rate = default_prices()[_STORAGE_PRICES[type_]].value
    size = _gib(client, type_, physical_id)
    return f"{rate} USD for each GB" if size is None else f"{size * rate:.2f} USD for {size:.0f} GiB"


def _gib(client: Client, type_: str, physical_id: str) -> float | None:
    """How much is stored, where the service says so at once."""
    if type_ == "AWS::EFS::FileSystem":
        [found] = client("efs").describe_file_systems(FileSystemId=physical_id)["FileSystems"]
        return float(found["SizeInBytes"]["Value"]) / _GIB
    if type_ == "AWS::FSx::FileSystem":
        [found] = client("fsx").describe_file_systems(FileSystemIds=[physical_id])["FileSystems"]
        return float(found["StorageCapacity"])
    return None
