"""What jobs on storage of a single run are made with, and that all of it is taken back, wherever a call is stopped."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import boto3
import pytest

from workflow_context.scripts.use_storage import GoneError, RefusedError, Volumes, read_name

NAME, OTHER = "run-0123456789abcdef0123", "run-ffffffffffffffffffff"
NOW = 1_800_000_000.0
ALLOW = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}


class Stopped(BaseException):
    """The function was ended."""


class Batch:
    """Job definitions, as AWS Batch keeps them; moto has none that name file systems."""

    def __init__(self, *definitions: Mapping[str, Any]) -> None:
        self.known = {one["jobDefinitionArn"]: dict(one) for one in definitions}

    def describe_job_definitions(self, *, jobDefinitions: list[str]) -> dict[str, Any]:  # noqa: N803  of boto3
        return {"jobDefinitions": [self.known[arn] for arn in jobDefinitions]}

    def get_paginator(self, operation: str) -> "Batch":
        assert operation == "describe_job_definitions"
        return self

    def paginate(self, *, jobDefinitionName: str, status: str) -> Iterator[dict[str, Any]]:  # noqa: N803  of boto3
        found = [one for one in self.known.values() if one["jobDefinitionName"] == jobDefinitionName]
        yield {"jobDefinitions": [one for one in found if one["status"] == status]}

    def register_job_definition(self, **definition: Any) -> dict[str, Any]:
        name = definition["jobDefinitionName"]
        revision = 1 + sum(one["jobDefinitionName"] == name for one in self.known.values())
        arn = f"arn:aws:batch:us-east-1:123456789012:job-definition/{name}:{revision}"
        self.known[arn] = {**definition, "jobDefinitionArn": arn, "revision": revision, "status": "ACTIVE"}
        return {"jobDefinitionArn": arn}

    def deregister_job_definition(self, *, jobDefinition: str) -> None:  # noqa: N803  of boto3
        self.known[jobDefinition]["status"] = "INACTIVE"

    def active(self, name: str) -> list[dict[str, Any]]:
        found = [one for one in self.known.values() if name in one["jobDefinitionName"]]
        return [one for one in found if one["status"] == "ACTIVE"]


def definition(name: str, *, host: bool = False) -> dict[str, Any]:
    """A job definition of the context."""
    efs = {"fileSystemId": "fs-1", "authorizationConfig": {"accessPointId": "fsap-context", "iam": "ENABLED"}}
    volume = {"host": {"sourcePath": "/mnt/shared"}} if host else {"efsVolumeConfiguration": efs}
    return {
        "jobDefinitionName": name,
        "jobDefinitionArn": f"arn:{name}",
        "status": "ACTIVE",
        "parameters": {"session": "new"} if "head" in name else {},
        "timeout": {"attemptDurationSeconds": 60},
        "platformCapabilities": ["EC2"],
        "containerProperties": {
            "image": "image",
            "jobRoleArn": "arn:role-of-the-context",
            "environment": [{"name": "KEPT", "value": "as it is"}, {"name": "OVERHEAD", "value": "3072"}],
            "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "5000"}],
            "volumes": [{"name": "own", **volume}, {"name": "genome", "host": {"sourcePath": "/ref"}}],
            "mountPoints": [
                {"sourceVolume": "own", "containerPath": "/mnt/shared"},
                {"sourceVolume": "genome", "containerPath": "/ref"},
            ],
        },
    }


class Context:
    """A context with storage, S3 and IAM by moto."""

    def __init__(self, kind: str = "efs") -> None:
        self.s3, self.iam = boto3.client("s3"), boto3.client("iam")
        self.batch = Batch(definition("head", host=kind == "ofs"), definition("task", host=kind == "ofs"))
        self.s3.create_bucket(Bucket="lab")
        self.policies = {
            name: self.iam.create_policy(
                PolicyName=name,
                PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [ALLOW]}),
            )["Policy"]["Arn"]
            for name in ("shared", "head")
        }
        self.jobs = {
            "task": {"definition": "arn:task", "policies": [self.policies["shared"]]},
            "head": {
                "definition": "arn:head",
                "policies": [self.policies["shared"], self.policies["head"]],
                "environment": {"NAMES": "{names}", "TASKS": "{tasks}", "POINT": "{accessPoint}"},
            },
        }
        self.settings = {
            "AWS_REGION": "us-east-1",
            "ACCOUNT": "123456789012",
            "BUCKET": "lab",
            "PREFIX": "one-storage/",
            "CONTEXT": "LabOne",
            "FILE_SYSTEM": "fs-1",
            "MOUNT_PATH": "/mnt/shared",
            "ROLES": "arn:aws:iam::123456789012:role/workflow-context/LabOne/",
            "ROLE_PATH": "/workflow-context/LabOne/",
            "OVERHEAD_MIB": "3072" if kind == "ofs" else "0",
            **({"MEMORY_GIB": "[[1,2],[10,3],[20,4],[30,5]]", "MEMORY_VARIABLES": "OVERHEAD"} if kind == "ofs" else {}),
        }
        for name, size in ((NAME, 25), (OTHER, 0.5)):
            point = {"accessPointId": f"fsap-{name}"} if kind == "efs" else {}
            self.write({"name": name, "kind": kind, "state": "ready", "sizeTb": size, **point})

    def write(self, record: Mapping[str, Any]) -> None:
        self.s3.put_object(Bucket="lab", Key=f"one-storage/{record['name']}.json", Body=json.dumps(record))

    def record(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.load(self.s3.get_object(Bucket="lab", Key=f"one-storage/{name}.json")["Body"])
        return found

    @property
    def volumes(self) -> Volumes:
        return Volumes(self.s3, self.iam, self.batch, {**self.settings, "JOBS": json.dumps(self.jobs)})

    def roles(self) -> dict[str, dict[str, str]]:
        """The tags of each role."""
        names = [one["RoleName"] for one in self.iam.list_roles(PathPrefix="/workflow-context/LabOne/")["Roles"]]
        return {
            name: {tag["Key"]: tag["Value"] for tag in self.iam.list_role_tags(RoleName=name)["Tags"]} for name in names
        }

    def attached(self, role: str) -> set[str]:
        found = self.iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
        return {one["PolicyName"] for one in found}


@pytest.fixture
def context(aws: None) -> Context:  # noqa: ARG001
    return Context()


@pytest.fixture
def ofs(aws: None) -> Context:  # noqa: ARG001
    return Context("ofs")


def variables(definition: Mapping[str, Any]) -> dict[str, str]:
    return {one["name"]: one["value"] for one in definition["containerProperties"]["environment"]}


def memory(definition: Mapping[str, Any]) -> str:
    [found] = [
        one["value"] for one in definition["containerProperties"]["resourceRequirements"] if one["type"] == "MEMORY"
    ]
    return str(found)


def test_roles_say_by_their_tags_which_storage_their_jobs_have(context: Context) -> None:
    context.volumes.use(NAME, NOW)
    tags = {"workflow-context": "LabOne", "workflow-storage": NAME, "workflow-access-point": f"fsap-{NAME}"}
    head, task = f"{NAME}-us-east-1-head", f"{NAME}-us-east-1-task"
    assert context.roles() == {head: tags, task: tags}
    assert context.attached(head) == {"shared", "head"}
    assert context.attached(task) == {"shared"}
    [statement] = context.iam.get_role(RoleName=head)["Role"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "ecs-tasks.amazonaws.com"}
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}


def test_jobs_mount_the_storage_where_those_of_the_context_mount_its_directory(context: Context) -> None:
    head = context.batch.known[context.volumes.use(NAME, NOW)]
    [task] = context.batch.active(f"{NAME}-task")
    assert head["jobDefinitionName"] == f"LabOne_{NAME}-head"
    for one, kind in ((head, "head"), (task, "task")):
        container = one["containerProperties"]
        own, genome = container["volumes"]
        assert own["efsVolumeConfiguration"]["authorizationConfig"] == {
            "accessPointId": f"fsap-{NAME}",
            "iam": "ENABLED",
        }
        assert genome["host"] == {"sourcePath": "/ref"}
        assert container["jobRoleArn"].endswith(f":role/workflow-context/LabOne/{NAME}-us-east-1-{kind}")
        assert one["tags"] == {"workflow-context": "LabOne"}
        assert one["timeout"] == {"attemptDurationSeconds": 60}
        assert memory(one) == "5000"
    assert head["parameters"] == {"session": "new"}
    assert variables(head) == {
        "KEPT": "as it is",
        "OVERHEAD": "3072",
        "NAMES": f"LabOne_{NAME}",
        "TASKS": task["jobDefinitionArn"],
        "POINT": f"fsap-{NAME}",
    }


def test_a_second_run_finds_what_is_there(context: Context) -> None:
    first = context.volumes.use(NAME, NOW)
    assert context.volumes.use(NAME, NOW + 1) == first
    assert len(context.batch.active(NAME)) == 2
    assert context.record(NAME)["usedAt"] == NOW + 1


def test_after_the_context_was_deployed_anew_jobs_are_like_those_that_it_has_now(context: Context) -> None:
    first = context.volumes.use(NAME, NOW)
    context.batch.known["arn:new-head"] = {**definition("new-head"), "parameters": {"session": "other"}}
    context.jobs["head"]["definition"] = "arn:new-head"
    second = context.volumes.use(NAME, NOW)
    assert second != first
    assert context.batch.known[second]["parameters"] == {"session": "other"}
    # Of a run that is going, which submits by it.
    assert context.batch.known[first]["status"] == "ACTIVE"


@pytest.mark.parametrize("stopped_at", range(7))  # two roles with three policies, and two definitions
def test_what_a_call_that_was_stopped_has_left_is_completed_and_taken_back(
    context: Context, monkeypatch: pytest.MonkeyPatch, stopped_at: int
) -> None:
    left = stopped_at

    def stops(real: Any) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                raise Stopped
            return real(*arguments, **named)

        return call

    changing = {
        context.iam: ("create_role", "attach_role_policy", "detach_role_policy", "delete_role"),
        context.batch: ("register_job_definition", "deregister_job_definition"),
    }
    for act, there in ((context.volumes.use, (2, 2)), (context.volumes.remove, (0, 0))):
        arguments = (NAME, NOW) if there[0] else (NAME,)
        left = stopped_at
        with monkeypatch.context() as patch:
            for client, names in changing.items():
                for name in names:
                    patch.setattr(client, name, stops(getattr(client, name)))
            with pytest.raises(Stopped):
                act(*arguments)
        act(*arguments)
        kinds = {one["jobDefinitionName"] for one in context.batch.active(NAME)}
        assert (len(context.roles()), len(kinds)) == there
    context.volumes.remove(NAME)  # a third time: nothing is there


def test_nothing_of_another_storage_is_taken_back(context: Context) -> None:
    context.volumes.use(NAME, NOW)
    context.volumes.use(OTHER, NOW)
    context.volumes.remove(NAME)
    assert {one["workflow-storage"] for one in context.roles().values()} == {OTHER}
    assert len(context.batch.active(OTHER)) == 2


class TestIsRefused:
    def test_what_is_not_there(self, context: Context) -> None:
        with pytest.raises(GoneError, match="it never was, or it has expired"):
            context.volumes.use("run-nobody", NOW)
        assert context.roles() == {}

    @pytest.mark.parametrize(
        ("state", "why"), [("expired", "extend it"), ("deleting", "is just being deleted"), ("provisioning", "is prov")]
    )
    def test_what_goes_or_has_not_come(self, context: Context, state: str, why: str) -> None:
        context.write({**context.record(NAME), "state": state})
        with pytest.raises(RefusedError, match=why):
            context.volumes.use(NAME, NOW)
        assert context.roles() == {}

    def test_what_goes_while_it_is_prepared_and_nothing_is_left(
        self, context: Context, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = context.batch.register_job_definition

        def gone(**definition: Any) -> Any:
            context.s3.delete_object(Bucket="lab", Key=f"one-storage/{NAME}.json")
            return real(**definition)

        monkeypatch.setattr(context.batch, "register_job_definition", gone)
        with pytest.raises(GoneError):
            context.volumes.use(NAME, NOW)
        assert context.roles() == {}
        assert context.batch.active(NAME) == []

    @pytest.mark.parametrize("body", ["", "{", "[]", '{"name": 5}', '{"name": "a", "more": 1}', '{"name": "../x"}'])
    def test_a_request_that_names_none(self, body: str) -> None:
        with pytest.raises(RefusedError):
            read_name({"body": body})


class TestObjectiveFs:
    def test_jobs_see_the_directory_of_the_storage_alone(self, ofs: Context) -> None:
        head = ofs.batch.known[ofs.volumes.use(NAME, NOW)]
        own, genome = head["containerProperties"]["volumes"]
        assert own == {"name": "own", "host": {"sourcePath": f"/mnt/shared/storage/{NAME}"}}
        assert genome["host"] == {"sourcePath": "/ref"}

    def test_every_task_gets_the_memory_that_the_size_asks_for(self, ofs: Context) -> None:
        head = ofs.batch.known[ofs.volumes.use(NAME, NOW)]
        [task] = ofs.batch.active(f"{NAME}-task")
        # 25 TB take 5 GiB, 2 more than what the context expects.
        assert (variables(head)["OVERHEAD"], memory(head), memory(task)) == ("5120", "7048", "7048")

    def test_a_smaller_one_gets_no_less_than_the_context_since_machines_mount_it_whole(self, ofs: Context) -> None:
        head = ofs.batch.known[ofs.volumes.use(OTHER, NOW)]
        assert (variables(head)["OVERHEAD"], memory(head)) == ("3072", "5000")
