"""Whether a request only reads: then there is nothing to save after it."""

from collections.abc import Mapping
from urllib.parse import parse_qs

_READS = ("describe", "get", "list", "head", "filter", "lookup", "batchget", "search", "validate", "estimate")
# These make something, in spite of their names.
_WRITES = ("getsessiontoken",)


def only_reads(method: str, path: str, query: str, headers: Mapping[bytes, bytes], body: bytes) -> bool:
    """Whether a request changes nothing, by the name of its operation; when in doubt it does."""
    if method in ("GET", "HEAD") and "Action=" not in query:
        return True
    operation = _operation(path, query, headers, body).lower()
    return operation.startswith(_READS) and operation not in _WRITES


def _operation(path: str, query: str, headers: Mapping[bytes, bytes], body: bytes) -> str:
    target = headers.get(b"x-amz-target", b"").decode()
    if target:
        return target.rpartition(".")[2]
    named = parse_qs(query).get("Action") or parse_qs(body.decode(errors="replace")).get("Action") or []
    if named:
        return named[0]
    # AWS Batch: /v1/describejobs. Other REST APIs write by POST.
    return path.removeprefix("/v1/") if path.startswith("/v1/") else ""
