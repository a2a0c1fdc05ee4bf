"""Templates deployed by CloudFormation alone: a hundred updates in the time that the CDK CLI takes for a few."""

import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError, WaiterError
from templates import Template

from workflow_stacks.local import LocalCloud
from workflow_stacks.local.cloud.cdk_cli import BOOTSTRAP_VERSION
from workflow_stacks.plan.changes import DATA

JOBS = ("AWS::Batch::JobQueue", "AWS::Batch::ComputeEnvironment")


class UpdateRefusedError(Exception):
    """CloudFormation did not take a template."""


class DirectStacks:
    """Stacks of a local cloud, and what is in them.

    Args:
        cloud: The local cloud, started.

    Attributes:
        client: Gives clients of its services.
    """

    def __init__(self, cloud: LocalCloud) -> None:
        self._cloud = cloud
        self.client = cloud.client
        self._formation = cloud.client("cloudformation")
        self._templates = "templates"
        cloud.client("s3").create_bucket(Bucket=self._templates)
        cloud.client("ssm").put_parameter(Name=BOOTSTRAP_VERSION, Value="30", Type="String", Overwrite=True)

    def create(self, name: str, template: Template) -> None:
        """Make a stack."""
        self._formation.create_stack(
            StackName=name, TemplateURL=self._uploaded(template), Capabilities=["CAPABILITY_IAM"]
        )
        self._wait(name, "stack_create_complete")

    def update(self, name: str, template: Template) -> None:
        """Update a stack as the CDK CLI does: each parameter keeps its value.

        Raises:
            UpdateRefusedError: CloudFormation does not take the template.
        """
        known = {one["ParameterKey"] for one in self._stack(name).get("Parameters", [])}
        parameters = [{"ParameterKey": key, "UsePreviousValue": True} for key in template["Parameters"] if key in known]
        try:
            self._formation.update_stack(
                StackName=name,
                TemplateURL=self._uploaded(template),
                Capabilities=["CAPABILITY_IAM"],
                Parameters=parameters,
            )
            self._wait(name, "stack_update_complete")
        except ClientError as error:
            if "No updates are to be performed" not in str(error):
                raise UpdateRefusedError(str(error)) from error

    def delete(self, name: str) -> None:
        """Delete a stack, when it is there."""
        with suppress(ClientError):
            self._formation.update_termination_protection(StackName=name, EnableTerminationProtection=False)
        self._formation.delete_stack(StackName=name)
        self._formation.get_waiter("stack_delete_complete").wait(
            StackName=name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 600}
        )

    def ids(self, name: str, types: Collection[str]) -> dict[str, str]:
        """The resources of some types in a stack: logical to physical id."""
        found = self._formation.describe_stack_resources(StackName=name)["StackResources"]
        return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in found if one["ResourceType"] in types}

    def everything(self, *names: str) -> dict[str, str]:
        """All resources of some stacks, with their states."""
        return {
            f"{name} {one['LogicalResourceId']}": f"{one.get('PhysicalResourceId')}"
            for name in names
            for one in self._formation.describe_stack_resources(StackName=name)["StackResources"]
            if not one["ResourceStatus"].startswith("DELETE")
        }

    def data(self, name: str) -> dict[str, str]:
        """What holds data in a stack."""
        return self.ids(name, DATA | {"AWS::S3Files::FileSystem"})

    def exists(self, physical_id: str) -> bool:
        """Whether what holds data is there, in a stack or not."""
        client = self._cloud.client
        systems = [one["FileSystemId"] for one in client("efs").describe_file_systems()["FileSystems"]]
        buckets = [one["Name"] for one in client("s3").list_buckets()["Buckets"]]
        secrets = [one for one in client("secretsmanager").list_secrets()["SecretList"] if "DeletedDate" not in one]
        names = [one[key] for one in secrets for key in ("ARN", "Name")]
        views = [one["fileSystemArn"] for one in client("s3files").list_file_systems()["fileSystems"]]
        return physical_id in {*systems, *buckets, *names, *views} or physical_id in self._lustres()

    def _lustres(self) -> set[str]:
        """Those that were made and not deleted: FSx has no other record on the local cloud."""
        pages = self._formation.get_paginator("describe_stack_events").paginate(StackName="Edits-one")
        events = [
            event for page in pages for event in page["StackEvents"] if event["ResourceType"] == "AWS::FSx::FileSystem"
        ]
        made, gone = (
            {event["PhysicalResourceId"] for event in events if event["ResourceStatus"] == status}
            for status in ("CREATE_COMPLETE", "DELETE_COMPLETE")
        )
        return made - gone

    def _uploaded(self, template: Template) -> str:
        # More than 51,200 characters are taken from S3 only.
        self._cloud.client("s3").put_object(Bucket=self._templates, Key="template.json", Body=json.dumps(template))
        return f"{self._cloud.server().endpoint}/{self._templates}/template.json"

    def _stack(self, name: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._formation.describe_stacks(StackName=name)["Stacks"][0]
        return found

    def _wait(self, name: str, event: str) -> None:
        try:
            self._formation.get_waiter(event).wait(StackName=name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 600})
        except WaiterError as error:
            events = self._formation.describe_stack_events(StackName=name)["StackEvents"]
            failed = [one for one in events if "FAILED" in one["ResourceStatus"]]
            why = [f"{one['LogicalResourceId']}: {one.get('ResourceStatusReason')}" for one in failed]
            raise AssertionError(f"{name}: {why[-3:]}") from error
