"""Lets the jobs of a run use storage of its own: `POST /use-storage`; and takes that back: `POST /remove-storage-use`.

Run by AWS Lambda behind an HTTP API: IAM lets those call the first who start runs, and the second only the job that
deletes storage. The jobs of one storage have job definitions of their own, copies of those of the context that mount it
in place of the context's directory, and roles of their own, whose tags say to the policies of the context which storage
that is.
"""

import base64
import hashlib
import json
import os
import time
from typing import Any

import boto3
from botocore.exceptions import ClientError

Record = dict[str, Any]

_TRIES = 5
_CHANGED = ("PreconditionFailed", "ConditionalRequestConflict")
_KEPT = ("parameters", "retryStrategy", "timeout", "platformCapabilities")


class RefusedError(Exception):
    """The storage cannot be used: an HTTP status, and the reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer one request of the HTTP API, in its payload format 2.0."""
    volumes = Volumes(boto3.client("s3"), boto3.client("iam"), boto3.client("batch"), dict(os.environ))
    try:
        name = read_name(event)
        if event["rawPath"].endswith("/remove-storage-use"):
            volumes.remove(name)
            return _answer(200, {"name": name})
        return _answer(200, {"name": name, "headJobDefinition": volumes.use(name, time.time())})
    except RefusedError as refused:
        return _answer(refused.status, {"message": str(refused)})


class GoneError(RefusedError):
    """The storage is not there any more."""


class Volumes:
    """What the jobs of each storage are made with.

    Args:
        s3: The client of Amazon S3.
        iam: That of IAM.
        batch: That of AWS Batch.
        settings: The environment of the function.
    """

    def __init__(self, s3: Any, iam: Any, batch: Any, settings: dict[str, str]) -> None:
        self._s3 = s3
        self._iam = iam
        self._batch = batch
        self._settings = settings
        self._jobs: Record = json.loads(settings["JOBS"])

    def use(self, name: str, now: float) -> str:
        """Make what a run on a storage needs, and return the job definition of its head job.

        Raises:
            RefusedError: There is no such storage, or it is going.
        """
        # Written down before anything is made: what was just asked for is not deleted.
        record = self._change(name, {"usedAt": now})
        # A context that was deployed anew has other definitions, of which others must be made.
        source = hashlib.sha256(self._settings["JOBS"].encode()).hexdigest()
        known: Record = record.get("definitions", {})
        if known.get("of") == source:
            return str(known["head"])
        try:
            for kind in self._jobs:
                self._make_role(record, kind)
            head = self._register_all(record)
            self._change(name, {"definitions": {"of": source, "head": head}})
        except GoneError:
            self.remove(name)
            raise
        return head

    def remove(self, name: str) -> None:
        """Take back what `use` made. What is not there any more is no reason to stop."""
        for kind in self._jobs:
            definitions = self._batch.get_paginator("describe_job_definitions").paginate(
                jobDefinitionName=self._definition(name, kind), status="ACTIVE"
            )
            for one in [one for page in definitions for one in page["jobDefinitions"]]:
                self._batch.deregister_job_definition(jobDefinition=one["jobDefinitionArn"])
            role = self._role(name, kind)
            try:
                for policy in self._jobs[kind]["policies"]:
                    self._detach(role, policy)
                self._iam.delete_role(RoleName=role)
            except self._iam.exceptions.NoSuchEntityException:
                continue

    def _detach(self, role: str, policy: str) -> None:
        try:
            self._iam.detach_role_policy(RoleName=role, PolicyArn=policy)
        except self._iam.exceptions.NoSuchEntityException:
            return  # the role is not there, or an earlier call came as far as this

    def _make_role(self, record: Record, kind: str) -> None:
        """Make the role of head or task jobs, or complete one that an interrupted call has left."""
        role, settings = self._role(record["name"], kind), self._settings
        tags = {
            "workflow-context": settings["CONTEXT"],
            "workflow-storage": record["name"],
            **({"workflow-access-point": record["accessPointId"]} if record.get("accessPointId") else {}),
        }
        trusted = {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"Service": "ecs-tasks.amazonaws.com"},
            "Condition": {"StringEquals": {"aws:SourceAccount": settings["ACCOUNT"]}},
        }
        try:
            self._iam.create_role(
                RoleName=role,
                Path=settings["ROLE_PATH"],
                Description=f"{kind.capitalize()} jobs on storage of a run of the workflow context",
                AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trusted]}),
                Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
            )
        except self._iam.exceptions.EntityAlreadyExistsException:
            pass  # its name is that of the storage, which is used a second time
        except self._iam.exceptions.LimitExceededException as error:
            raise RefusedError(
                429, "the account has as many roles as IAM allows; expire storage that is not needed"
            ) from error
        for policy in self._jobs[kind]["policies"]:
            self._iam.attach_role_policy(RoleName=role, PolicyArn=policy)

    def _register_all(self, record: Record) -> str:
        """Register the definition of task jobs, if there is one, and that of head jobs, which names it."""
        values = {"names": self._names(record["name"]), "accessPoint": record.get("accessPointId", "")}
        if "task" in self._jobs:
            values["tasks"] = self._register(record, "task", values)
        return self._register(record, "head", values)

    def _register(self, record: Record, kind: str, values: dict[str, str]) -> str:
        jobs, name = self._jobs[kind], record["name"]
        [source] = self._batch.describe_job_definitions(jobDefinitions=[jobs["definition"]])["jobDefinitions"]
        container = json.loads(json.dumps(source["containerProperties"]))
        changes = {variable: text.format(**values) for variable, text in jobs.get("environment", {}).items()}
        made = self._batch.register_job_definition(
            jobDefinitionName=self._definition(name, kind),
            type="container",
            containerProperties={
                **container,
                "jobRoleArn": f"{self._settings['ROLES']}{self._role(name, kind)}",
                "volumes": self._mounted(container, record),
                **self._with_memory(container, changes, self._more_memory(record)),
            },
            **{key: source[key] for key in _KEPT if source.get(key)},
            propagateTags=True,
            tags={"workflow-context": self._settings["CONTEXT"]},
        )
        return str(made["jobDefinitionArn"])

    def _mounted(self, container: Record, record: Record) -> list[Record]:
        """The volumes of a job: what the context's jobs find at the mount path is the storage."""
        path = self._settings["MOUNT_PATH"]
        [own] = [one["sourceVolume"] for one in container["mountPoints"] if one["containerPath"] == path]
        others = [one for one in container["volumes"] if one["name"] != own]
        if not record.get("accessPointId"):
            return [{"name": own, "host": {"sourcePath": f"{path}/storage/{record['name']}"}}, *others]
        efs = {
            "fileSystemId": self._settings["FILE_SYSTEM"],
            "transitEncryption": "ENABLED",
            "authorizationConfig": {"accessPointId": record["accessPointId"], "iam": "ENABLED"},
        }
        return [{"name": own, "efsVolumeConfiguration": efs}, *others]

    def _with_memory(self, container: Record, changes: dict[str, str], more: int) -> Record:
        """The environment and the memory of a job where its storage takes so many MiB more than the context's."""
        environment = {one["name"]: one["value"] for one in container.get("environment", [])} | changes
        for name in filter(environment.get, self._settings.get("MEMORY_VARIABLES", "").split(",")):
            environment[name] = str(int(environment[name]) + more)
        resources = [
            {**one, "value": str(int(one["value"]) + more)} if one["type"] == "MEMORY" else one
            for one in container["resourceRequirements"]
        ]
        variables = [{"name": name, "value": value} for name, value in environment.items()]
        return {"environment": variables, "resourceRequirements": resources}

    def _more_memory(self, record: Record) -> int:
        """How many MiB a job takes more than on a directory of the size that the context expects."""
        table = json.loads(self._settings.get("MEMORY_GIB", "[]"))
        needed = next((memory * 1024 for limit, memory in table if record["sizeTb"] <= limit), 0)
        # Never less: the machine mounts the whole file system, whatever of it a job sees.
        return max(int(needed) - int(self._settings["OVERHEAD_MIB"]), 0)

    def _change(self, name: str, changes: Record) -> Record:
        """Write into the record of a storage, if that can be used, and return it."""
        place = {"Bucket": self._settings["BUCKET"], "Key": f"{self._settings['PREFIX']}{name}.json"}
        for _ in range(_TRIES):
            try:
                answer = self._s3.get_object(**place)
            except self._s3.exceptions.NoSuchKey as error:
                raise GoneError(404, f"there is no storage {name}: it never was, or it has expired") from error
            record: Record = {**json.load(answer["Body"]), **changes}
            if record["state"] == "deleting":
                raise GoneError(409, f"the storage {name} is just being deleted")
            if record["state"] != "ready":
                raise RefusedError(409, f"the storage {name} is {record['state']}; extend it, or provision another one")
            body = json.dumps(record, indent=1).encode()
            try:
                self._s3.put_object(**place, Body=body, ContentType="application/json", IfMatch=answer["ETag"])
            except ClientError as error:
                if error.response["Error"]["Code"] not in _CHANGED:
                    raise
                continue  # who deletes or measures storage writes it too
            return record
        raise RefusedError(409, f"the record of {name} is changed by somebody else all the time; try again")

    def _names(self, name: str) -> str:
        # No hyphen behind the context: so the names of its other job definitions begin.
        return f"{self._settings['CONTEXT']}_{name}"

    def _definition(self, name: str, kind: str) -> str:
        return f"{self._names(name)}-{kind}"

    def _role(self, name: str, kind: str) -> str:
        """Roles are of the account, so the Region stands in their names."""
        return f"{name}-{self._settings['AWS_REGION']}-{kind}"


def read_name(event: dict[str, Any]) -> str:
    """The name of the storage that a request is about."""
    body = event.get("body") or ""
    try:
        text = base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
        asked = json.loads(text)
    except ValueError as error:
        raise RefusedError(400, f"the body is no JSON: {error}") from error
    if not isinstance(asked, dict) or set(asked) != {"name"} or not isinstance(asked["name"], str):
        raise RefusedError(400, 'the body must be a JSON object with the name of the storage: {"name": "run-…"}')
    name: str = asked["name"]
    if not name or not name.isascii() or not name.replace("-", "").isalnum():
        raise RefusedError(404, f"there is no storage {json.dumps(name)}")
    return name


def _answer(status: int, content: Record) -> Record:
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": json.dumps(content)}
