"""What becomes of a stack's data when the stack goes."""

from __future__ import annotations

import time
from dataclasses import dataclass

from workflow_context.models.errors import ModelError
from workflow_context.models.idle_costs import Stored, idle_cost
from workflow_context.models.prices import PriceBook, default_prices
from workflow_stacks.errors import WorkflowContextError
from workflow_stacks.runs.jobs import NAME_IN_BATCH, end_jobs, jobs_at_work
from workflow_stacks.runs.target import Client
from workflow_stacks.stack_outputs import stack_outputs

from .changes import DATA, Resource
from .comparison import from_deployment

_GIB = 1024**3
_JOBS_END_WITHIN = 180.0
"""Seconds: a job has 30 to end by itself."""
_BUCKET = "s3_standard_storage_first_50tb"


@dataclass(frozen=True)
class Fate:
    """What becomes of a resource that holds data.

    Attributes:
        fate: `is deleted` or `stays`.
        type: Its CloudFormation type.
        physical_id: Its id.
        cost: What it costs a month if it stays, for people; at the list prices of its Region.
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
    data = {name: one for name, one in template["Resources"].items() if one["Type"] in DATA}
    return [_fate(client, one, ids.get(name, "")) for name, one in data.items()]


def _fate(client: Client, resource: Resource, physical_id: str) -> Fate:
    if resource.get("DeletionPolicy") != "Retain":
        return Fate("is deleted", resource["Type"], physical_id, "")
    return Fate("stays", resource["Type"], physical_id, _cost(client, resource, physical_id))


def jobs_on_shared_queues(client: Client, stack: str) -> list[str]:
    """The ids of a context's jobs that are at work on shared queues, which stay when the context goes."""
    outputs = stack_outputs(client, stack)
    if NAME_IN_BATCH not in outputs:
        return []  # they end with its queues
    return [job["jobId"] for _, job in jobs_at_work(client, outputs)]


def end_jobs_on_shared_queues(client: Client, stack: str) -> None:
    """End the jobs of a context on shared queues, while they have their roles, and wait until they have ended.

    Raises:
        WorkflowContextError: They do not end.
    """
    deadline = time.monotonic() + _JOBS_END_WITHIN
    while ids := jobs_on_shared_queues(client, stack):
        if time.monotonic() > deadline:
            raise WorkflowContextError(f"{len(ids)} jobs of '{stack}' do not end, so it was not destroyed; try again")
        end_jobs(client, ids, f"{stack} is destroyed")
        time.sleep(2)


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


def _cost(client: Client, resource: Resource, physical_id: str) -> str:
    region = client("cloudformation").meta.region_name
    try:
        prices = default_prices(region)
    except ModelError:
        return f"no prices of {region} come with this package"
    if resource["Type"] == "AWS::S3::Bucket":
        return f"{prices[_BUCKET].value:g} USD for each GiB"  # S3 does not say at once how much a bucket holds
    if resource["Type"] == "AWS::EFS::FileSystem":
        return _cost_of_efs(client, resource, physical_id, prices)
    return _in_words(resource, prices, Stored())


def _cost_of_efs(client: Client, resource: Resource, physical_id: str, prices: PriceBook) -> str:
    [found] = client("efs").describe_file_systems(FileSystemId=physical_id)["FileSystems"]
    size = found["SizeInBytes"]
    infrequent = size.get("ValueInIA", 0) + size.get("ValueInArchive", 0)
    stored = Stored((size["Value"] - infrequent) / _GIB, infrequent / _GIB)
    return f"{_in_words(resource, prices, stored)} for {size['Value'] / _GIB:,.1f} GiB"


def _in_words(resource: Resource, prices: PriceBook, stored: Stored) -> str:
    """As `workflow-context cost` reckons it: capacity, provisioned throughput and backups too."""
    found = idle_cost({"Resources": {"It": dict(resource)}}, prices, stored)
    return "; ".join([f"{found.usd:,.2f} USD", *(one.reason for one in found.unpriced)])
