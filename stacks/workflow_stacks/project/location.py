"""Locations in S3: what a `data` entry may name."""

from __future__ import annotations

import re
from typing import Any

from pydantic_core import PydanticCustomError

from .findings import quote, repr_value
from .values import Text, value_error

_ALLOWED = "s3://bucket or s3://bucket/prefix, optionally with /* at the end"
_BUCKET_ALLOWED = "3 to 63 characters: a-z, 0-9, '-' and '.', a letter or digit at both ends"
_BUCKET = re.compile(r"[a-z0-9](?:[a-z0-9.-]{1,61})[a-z0-9]")
_ADDRESS = re.compile(r"[0-9]+(\.[0-9]+){3}")
_BUCKET_ARN = re.compile(r"arn:aws[a-z-]*:s3:::(.+)")
_WEB = re.compile(r"https?://([a-z0-9.-]+?)\.s3[.-][a-z0-9.-]*amazonaws\.com(?:\.cn)?/?(.*)")
_RESERVED_STARTS = ("xn--", "sthree-", "amzn-s3-demo-")
_ACCESS_POINT_ENDS = ("-s3alias", "--ol-s3", ".mrap", "--xa-s3")
_OTHER_ENDS = ("--x-s3", "--table-s3")
_MAX_LEN_KEY = 1024  # bytes, of S3


def bucket_of(location: str) -> str:
    """Return the name of a location's bucket."""
    return location.removeprefix("s3://").partition("/")[0]


def prefix_of(location: str) -> str:
    """Return the prefix of a location's keys, without a `/` or `/*` at its end; empty for the whole bucket."""
    return location.removeprefix("s3://").partition("/")[2].removesuffix("*").rstrip("/")


class Location(Text):
    """A bucket or a prefix of one, as `s3://bucket/prefix`."""

    def __init__(self) -> None:
        super().__init__(_ALLOWED, longest=_MAX_LEN_KEY + 70)

    def parse(self, value: Any) -> Any:
        """Read a location and keep it as it was written."""
        location = super().parse(value)
        if not location.startswith("s3://"):
            raise value_error(
                f"{repr_value(location)} is not a location in S3", allowed=_ALLOWED, remedy=_nearest(location)
            )
        bucket, _, prefix = location.removeprefix("s3://").partition("/")
        if not bucket:
            raise value_error(f"{repr_value(location)} names no bucket", allowed=_ALLOWED)
        problem = _bucket_problem(bucket) or _prefix_problem(prefix)
        if problem:
            raise problem
        return location

    def limits(self) -> dict[str, Any]:
        """Return what the kind adds to the JSON Schema."""
        return {**super().limits(), "pattern": r"^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?$"}


def _nearest(location: str) -> str:
    arn, web = _BUCKET_ARN.fullmatch(location), _WEB.fullmatch(location)
    if arn:
        return f"did you mean {quote('s3://' + arn[1])}?"
    if location.startswith("arn:"):
        return "access points cannot be used: name their bucket, as s3://bucket/prefix"
    if web:
        return f"did you mean {quote(f's3://{web[1]}/{web[2]}'.rstrip('/'))}?"
    if location[:5].lower() == "s3://" or location[:4].lower() in ("s3:/", "s3n:", "s3a:"):
        bucket, slash, prefix = location.partition(":")[2].lstrip("/").partition("/")
        return f"did you mean {quote(f's3://{bucket.lower()}{slash}{prefix}')}?"
    if "://" in location:
        return "only S3 can be named: copy the data to a bucket"
    return f"did you mean {quote('s3://' + location.lstrip('/'))}?" if _BUCKET.match(location) else ""


def _bucket_problem(bucket: str) -> PydanticCustomError | None:
    name = quote(bucket)
    if bucket.startswith("arn:") or bucket.endswith(_ACCESS_POINT_ENDS):
        return value_error(
            f"{name} is an access point, not a bucket",
            allowed=_ALLOWED,
            remedy="access points cannot be used: name their bucket",
        )
    if bucket.endswith(_OTHER_ENDS):
        return value_error(f"{name} is a directory or table bucket", allowed="general purpose buckets")
    if _BUCKET.fullmatch(bucket) and ".." not in bucket and not _ADDRESS.fullmatch(bucket):
        if bucket.startswith(_RESERVED_STARTS):
            return value_error(f"{name} begins with letters that S3 keeps for itself", allowed=_BUCKET_ALLOWED)
        return None
    lower = bucket.lower()
    remedy = f"did you mean {quote('s3://' + lower)}?" if lower != bucket and _BUCKET.fullmatch(lower) else ""
    return value_error(f"{name} is not the name of a bucket", allowed=_BUCKET_ALLOWED, remedy=remedy)


def _prefix_problem(prefix: str) -> PydanticCustomError | None:
    stem = "" if prefix == "*" else prefix.removesuffix("/*")
    if any(wild in stem for wild in ("*", "?", "${")):
        return value_error(
            f"the prefix {quote(prefix)} holds '*', '?' or '${{'",
            allowed=_ALLOWED,
            remedy="everything below a prefix is meant: end it with '/' or '/*'",
        )
    if len(stem.encode()) > _MAX_LEN_KEY:
        return value_error(f"the prefix {quote(prefix)} is longer than {_MAX_LEN_KEY} bytes", allowed=_ALLOWED)
    return None
