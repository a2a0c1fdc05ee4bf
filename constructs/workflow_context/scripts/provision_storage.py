"""Provisions storage for one run: `POST /provision-storage-efs` and `POST /provision-storage-ofs`.

Run by AWS Lambda behind an HTTP API that has asked IAM who calls, and whether he may. What is provisioned is written
down first, as an object in S3, so that nothing is made that nobody knows of; `volumes/expire.py` deletes both.
"""

import base64
import hashlib
import json
import os
import re
import secrets
import time
from typing import Any

import boto3
from botocore.exceptions import ClientError

VERSION = 2
MAX_HOURS = 8760  # a year
MAX_SIZE_TB = 50  # as far as the memory table goes; see models/objectivefs_memory.py
MAX_BODY = 4096
KEYS = ("version", "storage_expiration_hours", "fs_size_tb")
KEY_HEADER = "idempotency-key"
# Of its own for each, so that none can read what another wrote; below 2^31, since some tools take them for signed.
FIRST_USER, USERS = 100_000, 2_000_000_000
_PRECONDITION = ("PreconditionFailed", "ConditionalRequestConflict")


class RefusedError(Exception):
    """The request cannot be answered with storage: an HTTP status, and the reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer one request of the HTTP API, in its payload format 2.0."""
    try:
        name = provision(event, boto3.client("s3"), boto3.client("efs"), dict(os.environ), time.time())
    except RefusedError as refused:
        return _answer(refused.status, {"message": str(refused)})
    return _answer(200, {"name": name})


class Efs:
    """A directory on Amazon EFS, with an access point, and so a POSIX user, of its own."""

    default_hours = 0

    @staticmethod
    def size(asked: dict[str, Any], _default: float) -> float:
        """None: it grows as it is written to."""
        if "fs_size_tb" in asked:
            raise RefusedError(400, "fs_size_tb is for ObjectiveFS only: leave it out on EFS")
        return 0

    @staticmethod
    def make(efs: Any, file_system: str, record: dict[str, Any]) -> dict[str, Any]:
        """Make the access point, which makes the directory when it is first mounted; or find the one made before."""
        user = record["user"]
        owner = {"OwnerUid": user, "OwnerGid": user, "Permissions": "0700"}
        tags = {
            "Name": record["name"],
            "workflow-context": record["context"],
            "workflow-context:storage": record["name"],
            "workflow-context:owner": re.sub(r"[^\w .:/=+@-]", "_", record["owner"])[:256],
            "workflow-context:expiration-hours": str(record["hours"]),
        }
        try:
            made = efs.create_access_point(
                ClientToken=record["name"],
                FileSystemId=file_system,
                PosixUser={"Uid": user, "Gid": user},
                RootDirectory={"Path": f"/storage/{record['name']}", "CreationInfo": owner},
                Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
            )
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "AccessPointAlreadyExists":
                return {"accessPointId": error.response["AccessPointId"]}  # type: ignore[typeddict-item]  # EFS adds it
            if code == "AccessPointLimitExceeded":
                raise RefusedError(
                    429,
                    "the file system has as many access points as Amazon EFS allows; expire storage that is not needed",
                ) from error
            raise
        return {"accessPointId": made["AccessPointId"]}


class Ofs:
    """A directory on ObjectiveFS, which head jobs make when they bind it."""

    default_hours = 720

    @staticmethod
    def size(asked: dict[str, Any], default: float) -> float:
        """In TB: tasks need memory by it."""
        size = asked.get("fs_size_tb", default)
        if not isinstance(size, int | float) or isinstance(size, bool) or not 0 <= size <= MAX_SIZE_TB:
            raise RefusedError(400, f"fs_size_tb must be 0 to {MAX_SIZE_TB}, got {json.dumps(size)}")
        return size

    @staticmethod
    def make(_efs: Any, _file_system: str, _record: dict[str, Any]) -> dict[str, Any]:
        """There is nothing to make."""
        return {}


Kind = type[Efs] | type[Ofs]
KINDS: dict[str, Kind] = {"efs": Efs, "ofs": Ofs}


def provision(event: dict[str, Any], s3: Any, efs: Any, settings: dict[str, str], now: float) -> str:
    """Provision what a request asks for, and return its name."""
    asked_kind, own = event["rawPath"].rstrip("/").rpartition("-")[2], settings["KIND"]
    if asked_kind != own:
        raise RefusedError(400, f"this context has no storage of the kind {asked_kind}; call /provision-storage-{own}")
    kind = KINDS[own]
    hours, size = read_request(kind, _body(event), float(settings["SIZE_TB"]))
    owner = event["requestContext"]["authorizer"]["iam"]["userArn"]
    key = event.get("headers", {}).get(KEY_HEADER, "")
    if key and not re.fullmatch(r"[!-~]{1,128}", key):
        raise RefusedError(400, "Idempotency-Key must be 1 to 128 characters of ASCII without spaces")
    name = name_of(settings["CONTEXT"], owner, key) if key else f"run-{secrets.token_hex(10)}"
    record = {
        "name": name,
        "kind": own,
        "context": settings["CONTEXT"],
        "owner": owner,
        "createdAt": now,
        "hours": hours,
        "sizeTb": size,
        "user": user_of(name),
        "state": "provisioning",
    }
    known = _write_new(s3, settings, record)
    if known:
        if known["state"] not in ("provisioning", "ready"):
            raise RefusedError(409, f"the storage {name} of this Idempotency-Key is being deleted; use another key")
        if any(known[field] != record[field] for field in ("kind", "hours", "sizeTb")):
            raise RefusedError(409, f"this Idempotency-Key was used for another request, which made {name}")
        if known["state"] == "ready":
            return name
        record = known
    try:
        made = kind.make(efs, settings.get("FILE_SYSTEM", ""), record)
    except RefusedError:
        s3.delete_object(Bucket=settings["BUCKET"], Key=_key(settings, name))
        raise
    _put(s3, settings, {**record, **made, "state": "ready"})
    return name


def read_request(kind: Kind, body: bytes, default_size: float) -> tuple[int, float]:
    """The hours and the size in TB that a request asks for, or the reason why it cannot be answered."""
    if len(body) > MAX_BODY:
        raise RefusedError(400, f"the body must be at most {MAX_BODY} bytes")
    try:
        asked = json.loads(body or b"{}")
    except ValueError as error:
        raise RefusedError(400, f"the body is no JSON: {error}") from error
    if not isinstance(asked, dict):
        raise RefusedError(400, 'the body must be a JSON object, such as {"version": 2}')
    unknown = sorted(set(asked) - set(KEYS))
    if unknown:
        raise RefusedError(400, f"unknown: {', '.join(unknown)}; allowed are {', '.join(KEYS)}")
    version = asked.get("version", VERSION)
    if version != VERSION or isinstance(version, bool):
        raise RefusedError(400, f"version must be {VERSION}, got {json.dumps(version)}")
    hours = asked.get("storage_expiration_hours", kind.default_hours)
    if not isinstance(hours, int) or isinstance(hours, bool) or not 0 <= hours <= MAX_HOURS:
        raise RefusedError(
            400,
            f"storage_expiration_hours must be a whole number of 0 to {MAX_HOURS} (a year), got {json.dumps(hours)}",
        )
    return hours, kind.size(asked, default_size)


def name_of(context: str, owner: str, key: str) -> str:
    """The name that a request gets each time it is sent again."""
    return "run-" + hashlib.sha256(f"{context}\n{owner}\n{key}".encode()).hexdigest()[:20]


def user_of(name: str) -> int:
    """The POSIX user and group of the jobs of one volume."""
    return FIRST_USER + int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) % USERS


def _write_new(s3: Any, settings: dict[str, str], record: dict[str, Any]) -> dict[str, Any] | None:
    """Write a record down unless there is one of its name, which is returned then."""
    try:
        _put(s3, settings, record, IfNoneMatch="*")
    except ClientError as error:
        if error.response["Error"]["Code"] not in _PRECONDITION:
            raise
        known: dict[str, Any] = json.load(
            s3.get_object(Bucket=settings["BUCKET"], Key=_key(settings, record["name"]))["Body"]
        )
        return known
    return None


def _put(s3: Any, settings: dict[str, str], record: dict[str, Any], **condition: str) -> None:
    body = json.dumps(record, indent=1).encode()
    key = _key(settings, record["name"])
    s3.put_object(Bucket=settings["BUCKET"], Key=key, Body=body, ContentType="application/json", **condition)


def _key(settings: dict[str, str], name: str) -> str:
    return f"{settings['PREFIX']}{name}.json"


def _body(event: dict[str, Any]) -> bytes:
    body = event.get("body") or ""
    try:
        return base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
    except ValueError as error:
        raise RefusedError(400, "the body cannot be decoded") from error


def _answer(status: int, content: dict[str, Any]) -> dict[str, Any]:
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": json.dumps(content)}
