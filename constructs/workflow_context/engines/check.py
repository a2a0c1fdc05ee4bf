"""What an engine says of itself for `workflow-context check`: how its jobs look, so that a check makes the same."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aws_cdk import aws_batch as batch, aws_iam as iam

HEAD_COMMAND = "check"
"""The only parameter of a head job that checks its context instead of running a workflow: `scripts/check.sh`."""

TASK_IMAGE = "public.ecr.aws/docker/library/ubuntu:24.04"
"""What tasks of a check run in, for engines whose tasks have images of their users' choice."""


@dataclass(frozen=True, kw_only=True)
class CheckTask:
    """A task job as the engine makes it: with a job definition of the context, or with one that head jobs register.

    Attributes:
        definition: The deployed job definition of tasks. Default: head jobs register one.
        name: How the name of a registered job definition begins.
        container: Its container properties, without command, as AWS Batch's API takes them.
        mounts_as_head: Whether it mounts what head jobs mount, without a role. Default: only what `container` says.
        definition_tags: Tags of a registered job definition.
        tags: Tags of jobs.
        client: The AWS CLI that tasks find on their machine. Default: none, and tasks are not asked for S3.
        address: A folder in S3 that tasks may read and write.
    """

    definition: batch.IJobDefinition | None = None
    name: str = ""
    container: Mapping[str, Any] = field(default_factory=dict)
    mounts_as_head: bool = False
    definition_tags: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    client: str = ""
    address: str = ""

    def as_json(self) -> dict[str, Any]:
        """What is not empty, by the names that `pbs/check.py` knows."""
        said = {
            "definition": self.definition.job_definition_arn if self.definition else "",
            "name": self.name,
            "container": self.container,
            "mountsAsHead": self.mounts_as_head,
            "definitionTags": self.definition_tags,
            "tags": self.tags,
            "client": self.client,
            "address": self.address,
        }
        return {key: value for key, value in said.items() if value}


def task_container(
    image: str = TASK_IMAGE,
    *,
    role: iam.IRole | None = None,
    log_group_name: str = "",
    host_files: Mapping[str, str] | None = None,
    privileged: bool = False,
    memory_mib: float = 512,
) -> dict[str, Any]:
    """Container properties of a small task, as AWS Batch's API takes them.

    Args:
        image: Container image.
        role: The role of the task. Default: none.
        log_group_name: Where it logs to. Default: AWS Batch's own log group.
        host_files: Files and directories of the machine to bind, at the same path: name to path. Default: none.
        privileged: Whether it is a privileged container.
        memory_mib: Its memory.
    """
    bound = host_files or {}
    found: dict[str, Any] = {
        "image": image,
        "resourceRequirements": [
            {"type": "VCPU", "value": "1"},
            {"type": "MEMORY", "value": f"{memory_mib:g}"},
        ],
    }
    if role:
        found["jobRoleArn"] = role.role_arn
    if log_group_name:
        found["logConfiguration"] = {"logDriver": "awslogs", "options": {"awslogs-group": log_group_name}}
    if bound:
        found["volumes"] = [{"name": name, "host": {"sourcePath": path}} for name, path in bound.items()]
        found["mountPoints"] = [{"sourceVolume": name, "containerPath": path} for name, path in bound.items()]
    if privileged:
        found["privileged"] = True
    return found


def check_output(
    definition: str,
    command: list[str],
    *,
    changes_owners: bool,
    head_start: Mapping[str, str],
    task: CheckTask | None,
) -> str:
    """What `workflow-context check` reads of a context, as JSON.

    Args:
        definition: The ARN of the job definition in which a check runs.
        command: The command with which it does.
        changes_owners: Whether jobs may change the owners of files on the file system.
        head_start: Environment with which a head job of another definition only starts; empty when it is the same.
        task: What a task job is.
    """
    said = {
        "definition": definition,
        "command": command,
        "changesOwners": changes_owners,
        **({"headStart": dict(head_start)} if head_start else {}),
        **({"task": task.as_json()} if task else {}),
    }
    return json.dumps(said, separators=(",", ":"))
