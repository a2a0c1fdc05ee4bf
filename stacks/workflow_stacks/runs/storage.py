"""Storage for single runs in a deployed context: what there is, what it holds, and what is asked of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workflow_context.volumes.times import MAX_HOURS
from workflow_stacks.errors import WorkflowContextError

from .chores import answer_of
from .staging import split
from .target import Target, credentials_of

EXPIRY_JOB = "storage-expiry"
"""The name of the job that deletes storage; its end starts no other one."""

_HOUR = 3600
_ANSWER_SECONDS = 30
_OK, _NOT_FOUND = 200, 404
_CHANGED = ("PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey", "404")
_TIMES = 3


@dataclass(frozen=True)
class Storage:
    """Storage for one run.

    Attributes:
        record: What was written down of it. What it holds, and when it goes, stands there once a job has looked.
    """

    record: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.record["name"])

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        always = ("name", "kind", "state", "owner", "createdAt", "hours", "extendedHours", "sizeTb", "accessPointId")
        measured = ("runs", "bytes", "expiresAt", "measuredAt")
        return {
            **{key: self.record[key] for key in always if key in self.record},
            **{key: self.record.get(key) for key in measured},
        }


class ContextStorage:
    """The storage for single runs of a context.

    Args:
        target: The context.

    Raises:
        WorkflowContextError: It gives no run storage of its own.
    """

    def __init__(self, target: Target) -> None:
        if "StorageRecords" not in target.outputs:
            raise WorkflowContextError(
                f"the context {target.name!r} has no storage for single runs. Write 'storageDispatcher: true' and "
                "deploy it"
            )
        self._target = target
        self._s3 = target.client("s3")
        self._bucket, prefix = split(target.outputs["StorageRecords"])
        self._prefix = f"{prefix.rstrip('/')}/"

    def find_all(self) -> list[Storage]:
        """All of it, the newest first."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix)
        keys = [one["Key"] for page in pages for one in page.get("Contents", []) if one["Key"].endswith(".json")]
        found = [Storage(found[0]) for key in keys if (found := self._read(key)) is not None]
        return sorted(found, key=lambda one: (-one.record["createdAt"], one.name))

    def find(self, name: str) -> Storage:
        """One of it.

        Raises:
            WorkflowContextError: There is none of this name.
        """
        return Storage(self._known(name)[0])

    def expire(self, name: str, *, dry_run: bool = False) -> list[str]:
        """Have it deleted now, or as soon as no run on it is going, and return what the job that deletes says.

        Args:
            name: Its name.
            dry_run: Change nothing, and say what would be.

        Raises:
            WorkflowContextError: There is none of this name, or AWS refuses.
        """
        self._known(name)
        if not dry_run:
            self._change(name, lambda record: {**record, "state": "expired"})
        return self._job("dry-run" if dry_run else "delete", name)

    def extend(self, name: str, hours: int) -> Storage:
        """Keep it longer. One that was told to expire, and is still there, is kept again.

        Args:
            name: Its name.
            hours: How many hours longer.

        Raises:
            WorkflowContextError: There is none of this name, it is just being deleted, or it would be kept for more
                than a year.
        """

        def changed(record: dict[str, Any]) -> dict[str, Any]:
            more = int(record.get("extendedHours", 0)) + hours
            if int(record["hours"]) + more > MAX_HOURS:
                raise WorkflowContextError(
                    f"the storage {name} would be kept for {record['hours'] + more:,} hours; {MAX_HOURS:,} hours (a "
                    "year) are the longest. Copy what shall stay to S3"
                )
            record.pop("expiresAt", None)  # not true any more
            return {**record, "extendedHours": more, "state": "ready"}

        self._change(name, changed)
        return self.find(name)

    def measure(self) -> None:
        """Have a job write down what each holds: runs and bytes, and when it goes.

        Raises:
            WorkflowContextError: AWS refuses, or the job failed.
        """
        self._job("measure", "all")

    def use(self, name: str) -> str:
        """Have made what a run on it needs, and return the job definition of its head job.

        Raises:
            WorkflowContextError: There is none of this name, it is going, or runs of this context cannot use any.
        """
        if "StorageUse" not in self._target.outputs:
            raise WorkflowContextError(
                f"runs of {self._target.context.engine.engine} in '{self._target.name}' cannot use storage of their "
                "own; deploy the context again if it was deployed by an earlier release"
            )
        status, said = self._call("use-storage", {"name": name})
        if status == _NOT_FOUND:
            raise WorkflowContextError(
                f"there is no storage '{name}' in the context '{self._target.name}': it never was, or it has expired. "
                f"workflow-context storage list {self._target.name} tells what there is, and "
                f"workflow-context storage provision {self._target.name} makes another one"
            )
        if status != _OK:
            raise WorkflowContextError(_refusal(f"the storage '{name}' cannot be used", status, said, "grant_use"))
        return str(said["headJobDefinition"])

    def provision(self, hours: int | None = None, size_tb: float | None = None, key: str = "") -> str:
        """Ask for new storage, and return its name.

        Args:
            hours: How long it is kept after the end of its last run. Default: that of its kind.
            size_tb: How large it becomes, on ObjectiveFS. Default: that of the context.
            key: The same name comes for the same key. Default: new storage.

        Raises:
            WorkflowContextError: It is refused.
        """
        asked = {"version": 2, "storage_expiration_hours": hours, "fs_size_tb": size_tb}
        status, said = self._call(
            f"provision-storage-{self._target.outputs['StorageKind']}",
            {name: value for name, value in asked.items() if value is not None},
            **({"Idempotency-Key": key} if key else {}),
        )
        if status != _OK:
            raise WorkflowContextError(_refusal("no storage is given", status, said, "grant_provision"))
        return str(said["name"])

    def _call(self, route: str, asked: Mapping[str, Any], **headers: str) -> tuple[int, dict[str, Any]]:
        """Call the API of the context: the status, and what it says."""
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.exceptions import HTTPClientError
        from botocore.httpsession import URLLib3Session
        from botocore.utils import get_environ_proxies

        url = f"{self._target.outputs['StorageApi']}/{route}"
        body = json.dumps(asked).encode()
        request = AWSRequest("POST", url, data=body, headers={"content-type": "application/json", **headers})
        SigV4Auth(credentials_of(self._target), "execute-api", self._s3.meta.region_name).add_auth(request)
        # The local cloud is on this machine, behind no proxy.
        proxies = {} if self._target.is_local else get_environ_proxies(url)
        try:
            answer = URLLib3Session(timeout=_ANSWER_SECONDS, proxies=proxies).send(request.prepare())
        except HTTPClientError as error:
            raise WorkflowContextError(f"{url} does not answer: {error}") from error
        return answer.status_code, _said(answer.text)

    def _job(self, mode: str, name: str) -> list[str]:
        definition = self._target.outputs["StorageExpiryJobDefinition"]
        return answer_of(self._target, definition, EXPIRY_JOB, {"mode": mode, "name": name})

    def _known(self, name: str) -> tuple[dict[str, Any], str]:
        """The record of a name, and its version."""
        found = self._read(f"{self._prefix}{name}.json") if "/" not in name else None
        if found is None:
            raise WorkflowContextError(
                f"there is no storage '{name}' in the context '{self._target.name}': workflow-context storage list "
                f"{self._target.name}"
            )
        return found

    def _read(self, key: str) -> tuple[dict[str, Any], str] | None:
        from botocore.exceptions import ClientError

        try:
            answer = self._s3.get_object(Bucket=self._bucket, Key=key)
        except self._s3.exceptions.NoSuchKey:
            return None
        except ClientError as error:
            raise WorkflowContextError(f"s3://{self._bucket}/{key} cannot be read: {error}") from error
        record: dict[str, Any] = json.load(answer["Body"])
        return record, answer["ETag"]

    def _change(self, name: str, change: Any) -> None:
        """Write a changed record, if it is still what was read; the job that deletes writes it too."""
        from botocore.exceptions import ClientError

        for _ in range(_TIMES):
            record, version = self._known(name)
            if record["state"] == "deleting":
                raise WorkflowContextError(f"the storage {name} is just being deleted")
            try:
                self._s3.put_object(
                    Bucket=self._bucket,
                    Key=f"{self._prefix}{name}.json",
                    Body=json.dumps(change(record), indent=1).encode(),
                    ContentType="application/json",
                    IfMatch=version,
                )
            except ClientError as error:
                if error.response["Error"]["Code"] not in _CHANGED:
                    raise WorkflowContextError(f"the record of {name} cannot be written: {error}") from error
                continue
            return
        raise WorkflowContextError(f"the record of {name} is changed by somebody else all the time; try again")


def _refusal(what: str, status: int, said: dict[str, Any], grant: str) -> str:
    who = f"; who may call is granted with StorageDispatcher.{grant}" if "Forbidden" in str(said) else ""
    return f"{what}: {said.get('message', said)} ({status}){who}"


def _said(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {"message": text[:200]}
    return found if isinstance(found, dict) else {"message": text[:200]}
