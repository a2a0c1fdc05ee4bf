"""Records in S3 and access points of EFS, by signed HTTPS requests: no library is needed."""

from __future__ import annotations

import hashlib
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from workflow_context.pbs.batch_api import domain_of, sign
from workflow_context.pbs.credentials import find_credentials
from workflow_context.pbs.fetch import Bucket
from workflow_context.pbs.script import PbsError

Record = dict[str, Any]

_SECONDS = 60.0
_TRIES = 5
_GONE = 404
_BUSY = 429, 500, 502, 503, 504
_ACCESS_POINTS = "/2015-02-01/access-points"


class Aws:
    """The volumes of a context.

    Args:
        bucket: The bucket of the records.
        prefix: Where in it, with a final slash.
        file_system: The EFS file system; empty where volumes have no access points.
        region: The region.
    """

    def __init__(self, bucket: str, prefix: str, file_system: str, region: str) -> None:
        self._bucket = bucket
        self._prefix = prefix
        self._file_system = file_system
        self._region = region

    def records(self) -> list[Record]:
        """The record of every volume."""
        bucket = self._records
        keys = [key for key, _ in bucket.files(self._prefix).values() if key.endswith(".json")]
        return [json.loads(bucket.get(key, {})) for key in keys]

    def save(self, record: Record) -> None:
        """Write a record."""
        self._records.put(self._key(record), json.dumps(record, indent=1).encode())

    def forget(self, record: Record) -> None:
        """Delete a record, if it is there."""
        self._records.delete(self._key(record))

    def remove_access_point(self, record: Record) -> None:
        """Delete the access point of a volume, if it has one."""
        if self._file_system:
            for point in [record["accessPointId"]] if record.get("accessPointId") else self._found(record["name"]):
                self._ask_efs("DELETE", f"{_ACCESS_POINTS}/{point}")

    @property
    def _records(self) -> Bucket:
        """The bucket, with credentials that are fresh: a pass may take longer than they last."""
        return Bucket(self._bucket, self._region)

    def _key(self, record: Record) -> str:
        return f"{self._prefix}{record['name']}.json"

    def _found(self, name: str) -> list[str]:
        """The access point of a volume whose provisioning was interrupted before that was written down."""
        found: list[str] = []
        question = {"FileSystemId": self._file_system}
        while True:
            page = json.loads(self._ask_efs("GET", _ACCESS_POINTS, question) or b"{}")
            found += [one["AccessPointId"] for one in page.get("AccessPoints", []) if one.get("ClientToken") == name]
            if not page.get("NextToken"):
                return found
            question["NextToken"] = page["NextToken"]

    def _ask_efs(self, method: str, path: str, question: dict[str, str] | None = None) -> bytes:
        endpoint = (
            os.environ.get("AWS_ENDPOINT_URL_EFS")
            or os.environ.get("AWS_ENDPOINT_URL")
            or f"https://elasticfilesystem.{self._region}.{domain_of(self._region)}"
        ).rstrip("/")
        host = urllib.parse.urlsplit(endpoint).netloc
        query = urllib.parse.urlencode(sorted((question or {}).items()), quote_via=urllib.parse.quote)
        address = f"{endpoint}{path}" + (f"?{query}" if query else "")
        more = {"x-amz-content-sha256": hashlib.sha256(b"").hexdigest()}
        for left in reversed(range(_TRIES)):
            headers = sign(
                find_credentials(),
                self._region,
                host,
                path,
                b"",
                time.gmtime(),
                "elasticfilesystem",
                more,
                method=method,
                query=query,
            )
            request = urllib.request.Request(address, headers=headers, method=method)  # noqa: S310  https
            try:
                with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
                    return bytes(answer.read())
            except urllib.error.HTTPError as error:
                if error.code == _GONE and method == "DELETE":
                    return b""
                if error.code not in _BUSY or not left:
                    text = error.read(300).decode(errors="replace")
                    raise PbsError(f"{method} {path}: {error.code} {text}") from error
            time.sleep(2.0 ** (_TRIES - left - 1))
        raise PbsError(f"{method} {path}: no answer")
