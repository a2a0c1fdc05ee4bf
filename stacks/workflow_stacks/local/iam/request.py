"""A request to the local cloud, and what it asks of IAM."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs

Record = dict[str, Any]


class UnknownOperationError(Exception):
    """What the request asks for is nothing that the local cloud lets a job do."""


@dataclass(frozen=True)
class Call:
    """One action on one resource that must be allowed.

    Attributes:
        action: Such as `s3:GetObject`.
        resource: The ARN, or `*`.
        context: Condition keys with their values, beside those of every request.
    """

    action: str
    resource: str = "*"
    context: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """A request.

    Attributes:
        service: The service it is for.
        method: Its HTTP method.
        path: Its path, decoded.
        query: Its parameters.
        headers: Its headers, in lower case.
        body: Its body; empty where nothing needs it.
        region: Where it is sent.
        account: Whose resources it is about.
    """

    service: str
    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes
    region: str
    account: str

    def arn(self, resource: str, service: str = "") -> str:
        """The ARN of a resource in this region and account."""
        return f"arn:aws:{service or self.service}:{self.region}:{self.account}:{resource}"

    def parameter(self, name: str) -> str:
        """A parameter of the query, or nothing."""
        return next(iter(self.query.get(name, [])), "")

    @cached_property
    def json(self) -> Record:
        """The body as JSON."""
        try:
            found = json.loads(self.body or b"{}")
        except ValueError as error:
            raise UnknownOperationError from error
        if not isinstance(found, dict):
            raise UnknownOperationError
        return found

    @cached_property
    def form(self) -> dict[str, str]:
        """The parameters of the Query protocol, from the URL and the body."""
        both = [dict(self.query), parse_qs(self.body.decode(errors="replace"), keep_blank_values=True)]
        if all("Action" in one for one in both) and both[0]["Action"] != both[1]["Action"]:
            raise UnknownOperationError
        return {name: values[0] for one in both for name, values in one.items()}


def request_tags(tags: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """The condition keys of tags that a request gives."""
    if not tags:
        return {}
    return {
        **{f"aws:requesttag/{name}".lower(): (str(value),) for name, value in tags.items()},
        "aws:tagkeys": tuple(tags),
    }


def resource_tags(tags: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """The condition keys of the tags that a resource has."""
    return {f"aws:resourcetag/{name}".lower(): (str(value),) for name, value in tags.items()}


ReadBody = Callable[[], Awaitable[bytes]]
