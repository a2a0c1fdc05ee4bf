"""Templates deployed by CloudFormation alone: a hundred updates in the time that the CDK CLI takes for a few."""

import json
import shutil
from collections.abc import Collection, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from botocore.exceptions import ClientError, WaiterError
from templates import Template

from workflow_stacks.local import LocalCloud
from workflow_stacks.local.cloud.cdk_cli import BOOTSTRAP_VERSION
from workflow_stacks.local.cloud.process import ACCOUNT
from workflow_stacks.plan.changes import DATA

JOBS = ("AWS::Batch::JobQueue", "AWS::Batch::ComputeEnvironment")


class UpdateRefusedError(Exception):
    """CloudFormation did not take a template, or rolled it back."""


class DirectStacks:
    """Stacks of a local cloud, and what is in them.

    Args:
        cloud: The local cloud, started.

    Attributes:
        client: Gives clients of its services.
    """

    def __init__(self, cloud: LocalCloud) -> None:
        self._cloud = cloud
        self.client = cache(cloud.client)  # each new one would take longer than what it is asked
        self._formation = self.client("cloudformation")
        self._templates = "cdk-templates"  # beside the bucket of the assets, which is the CDK's too
        self.client("s3").create_bucket(Bucket=self._templates)
        self.client("ssm").put_parameter(Name=BOOTSTRAP_VERSION, Value="30", Type="String", Overwrite=True)

    def create(self, name: str, template: Template) -> None:
        """Make a stack."""
        self._start(name, self._uploaded(template), {})
        self._wait(name, "stack_create_complete")

    def deploy(self, assembly: Path) -> None:
        """Make the stacks of a synthesized app, with their assets and tags; those that wait for no other at once.

        Args:
            assembly: The folder that `cdk synth` wrote.
        """
        artifacts = json.loads((assembly / "manifest.json").read_text())["artifacts"]
        stacks = {id: one for id, one in artifacts.items() if one["type"] == "aws:cloudformation:stack"}
        for one in artifacts.values():
            if one["type"] == "cdk:asset-manifest":
                self._publish(assembly, one["properties"]["file"])
        done: set[str] = set()
        while waiting := [
            id for id, one in stacks.items() if id not in done and done >= stacks.keys() & set(one["dependencies"])
        ]:
            for id in waiting:
                properties = stacks[id]["properties"]
                bucket, _, key = _here(properties["stackTemplateAssetObjectUrl"], self._cloud)[5:].partition("/")
                url = f"{self._cloud.server().endpoint}/{bucket}/{key}"
                self._start(properties.get("stackName", id), url, properties.get("tags", {}))
            for id in waiting:
                self._wait(stacks[id]["properties"].get("stackName", id), "stack_create_complete")
            done.update(waiting)
        assert done == set(stacks)

    def update(self, name: str, template: Template) -> None:
        """Update a stack as the CDK CLI does: each parameter keeps its value.

        Raises:
            UpdateRefusedError: CloudFormation does not take the template, or rolls it back.
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
            StackName=name, WaiterConfig={"Delay": 0.25, "MaxAttempts": 240}
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
        client = self.client
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

    def _start(self, name: str, template_url: str, tags: Mapping[str, str]) -> None:
        self._formation.create_stack(
            StackName=name,
            TemplateURL=template_url,
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        )

    def _publish(self, assembly: Path, manifest: str) -> None:
        """Put the files of a stack where its template looks for them."""
        s3 = self.client("s3")
        for asset in json.loads((assembly / manifest).read_text())["files"].values():
            content = _content(assembly / asset["source"]["path"])
            for place in asset["destinations"].values():
                bucket = _here(place["bucketName"], self._cloud)
                s3.create_bucket(Bucket=bucket)  # which is no error in us-east-1 where it is there
                s3.put_object(Bucket=bucket, Key=place["objectKey"], Body=content)

    def _uploaded(self, template: Template) -> str:
        # More than 51,200 characters are taken from S3 only.
        self.client("s3").put_object(Bucket=self._templates, Key="template.json", Body=json.dumps(template))
        return f"{self._cloud.server().endpoint}/{self._templates}/template.json"

    def _stack(self, name: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._formation.describe_stacks(StackName=name)["Stacks"][0]
        return found

    def _wait(self, name: str, event: str) -> None:
        try:
            self._formation.get_waiter(event).wait(StackName=name, WaiterConfig={"Delay": 0.25, "MaxAttempts": 240})
        except WaiterError as error:
            events = self._formation.describe_stack_events(StackName=name)["StackEvents"]
            failed = [one for one in events if "FAILED" in one["ResourceStatus"]]
            why = [f"{one['LogicalResourceId']}: {one.get('ResourceStatusReason')}" for one in failed]
            raise UpdateRefusedError(f"{name}: {why[-3:]}") from error


def _here(text: str, cloud: LocalCloud) -> str:
    """A text of an assembly, in the account and the Region of a local cloud."""
    for name, value in (("AccountId", ACCOUNT), ("Region", cloud.region), ("Partition", "aws")):
        text = text.replace(f"${{AWS::{name}}}", value)
    return text


def _content(source: Path) -> bytes:
    """A file, or a folder as an archive."""
    if source.is_file():
        return source.read_bytes()
    with TemporaryDirectory() as folder:
        return Path(shutil.make_archive(f"{folder}/asset", "zip", source)).read_bytes()
