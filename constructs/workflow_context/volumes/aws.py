"""Records in S3, access points of EFS and what else volumes have, by signed HTTPS requests: no library is needed."""

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
_GONE, _CHANGED = 404, (409, 412)
_BUSY = 429, 500, 502, 503, 504
_ACCESS_POINTS = "/2015-02-01/access-points"


class Aws:
    """The volumes of a context.

    Args:
        bucket: The bucket of the records.
        prefix: Where in it, with a final slash.
        file_system: The EFS file system; empty where volumes have no access points.
        region: The region.
        api: The address of the API that made what runs on volumes need; empty where none can use them.
    """

    def __init__(self, bucket: str, prefix: str, file_system: str, region: str, api: str = "") -> None:
        self._bucket = bucket
        self._prefix = prefix
        self._file_system = file_system
        self._region = region
        self._api = api
        self._read: dict[str, str] = {}

    def records(self) -> list[Record]:
        """The record of every volume."""
        bucket = Bucket(self._bucket, self._region)
        keys = [one.key for one in bucket.listed(self._prefix) if one.key.endswith(".json")]
        found: list[Record] = []
        for key in keys:
            content, version = self._send("s3", "GET", self._path(key))
            if content:  # not of one that was taken back meanwhile
                record = json.loads(content)
                self._read[record["name"]] = version
                found.append(record)
        return found

    def save(self, record: Record) -> None:
        """Write a record, if it is still what was read.

        Raises:
            PbsError: Somebody has changed it meanwhile: what is said of it now counts, with the next pass.
        """
        version = {"if-match": self._read[record["name"]]}
        body = json.dumps(record, indent=1).encode()
        _, self._read[record["name"]] = self._send("s3", "PUT", self._key(record), body=body, more=version)

    def forget(self, record: Record) -> None:
        """Delete a record, if it is there."""
        self._send("s3", "DELETE", self._key(record))

    def remove_jobs(self, record: Record) -> None:
        """Delete the job definitions and roles of jobs on a volume, if a run used it.

        Raises:
            PbsError: Not all of them are gone.
        """
        if self._api and record.get("usedAt"):
            asked = json.dumps({"name": record["name"]}).encode()
            place = urllib.parse.urlsplit(self._api)
            answer, _ = self._send(
                "execute-api",
                "POST",
                f"{place.path}/remove-storage-use",
                body=asked,
                endpoint=f"{place.scheme}://{place.netloc}",
            )
            if not answer:
                raise PbsError(f"{self._api} is not there")

    def remove_access_point(self, record: Record) -> None:
        """Delete the access point of a volume, if it has one."""
        if self._file_system:
            for point in [record["accessPointId"]] if record.get("accessPointId") else self._found(record["name"]):
                self._send("elasticfilesystem", "DELETE", f"{_ACCESS_POINTS}/{point}")

    def _found(self, name: str) -> list[str]:
        """The access point of a volume whose provisioning was interrupted before that was written down."""
        found: list[str] = []
        question = {"FileSystemId": self._file_system}
        while True:
            content, _ = self._send("elasticfilesystem", "GET", _ACCESS_POINTS, question=question)
            page = json.loads(content or b"{}")
            found += [one["AccessPointId"] for one in page.get("AccessPoints", []) if one.get("ClientToken") == name]
            if not page.get("NextToken"):
                return found
            question["NextToken"] = page["NextToken"]

    def _key(self, record: Record) -> str:
        return self._path(f"{self._prefix}{record['name']}.json")

    def _path(self, key: str) -> str:
        return urllib.parse.quote(f"/{self._bucket}/{key}")

    def _send(
        self,
        service: str,
        method: str,
        path: str,
        *,
        question: dict[str, str] | None = None,
        body: bytes = b"",
        more: dict[str, str] | None = None,
        endpoint: str = "",
    ) -> tuple[bytes, str]:
        """The content and the entity tag of the answer; both empty for what is not there."""
        endpoint = (
            endpoint
            or os.environ.get(f"AWS_ENDPOINT_URL_{'S3' if service == 's3' else 'EFS'}")
            or os.environ.get("AWS_ENDPOINT_URL")
            or f"https://{service}.{self._region}.{domain_of(self._region)}"
        ).rstrip("/")
        query = urllib.parse.urlencode(sorted((question or {}).items()), quote_via=urllib.parse.quote)
        address = f"{endpoint}{path}" + (f"?{query}" if query else "")
        signed = {"x-amz-content-sha256": hashlib.sha256(body).hexdigest(), **(more or {})}
        for left in reversed(range(_TRIES)):
            host = urllib.parse.urlsplit(endpoint).netloc
            headers = sign(
                find_credentials(),
                self._region,
                host,
                path,
                body,
                time.gmtime(),
                service,
                signed,
                method=method,
                query=query,
            )
            request = urllib.request.Request(address, data=body or None, headers=headers, method=method)  # noqa: S310  https
            try:
                with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
                    return bytes(answer.read()), answer.headers.get("ETag", "")
            except urllib.error.HTTPError as error:
                if error.code == _GONE and method != "PUT":
                    return b"", ""
                if error.code in (_GONE, *_CHANGED):
                    raise PbsError("its record was changed meanwhile") from error
                if error.code not in _BUSY or not left:
                    text = error.read(300).decode(errors="replace")
                    raise PbsError(f"{method} {path}: {error.code} {text}") from error
            time.sleep(2.0 ** (_TRIES - left - 1))
        raise PbsError(f"{method} {path}: no answer")
