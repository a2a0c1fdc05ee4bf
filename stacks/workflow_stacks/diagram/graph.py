"""Nodes and edges."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Node:
    """A box of the picture.

    Attributes:
        id: `Stack/LogicalId`; `s3://bucket` or a file system's id for what no stack makes; `client` for the user.
        kind: What it is in the picture: `client`, `queue`, `environment`, `filesystem`, `bucket`, `network`, `subnets`,
            `gateway` or `endpoint`.
        name: Its name for people.
        type: The CloudFormation type; empty for what no stack makes.
        details: What else to know, a line each.
        inside: The id of the node it is drawn in; empty for none.
    """

    id: str
    kind: str
    name: str
    type: str = ""
    details: tuple[str, ...] = ()
    inside: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {**asdict(self), "details": list(self.details)}


@dataclass(frozen=True)
class Edge:
    """An arrow of the picture.

    Attributes:
        source: The id of the node that acts.
        target: The id of the node that is acted on.
        relation: What it does: `submits`, `runs on`, `mounts`, `reads`, `writes`, `reads and writes`, `routes`, …
        at: Where in the target, such as a prefix in a bucket; empty for all of it.
    """

    source: str
    target: str
    relation: str
    at: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)
