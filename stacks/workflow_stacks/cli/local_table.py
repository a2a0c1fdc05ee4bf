"""The table of what a stack made, for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import typer

from .output import print_table

Facts = Mapping[str, Any]


def _throughput(facts: Facts) -> str:
    mode = str(facts["throughputMode"])
    return f"{mode}, {facts['provisionedMibps']:g} MiB/s" if facts["provisionedMibps"] else mode


def _user(facts: Facts) -> str:
    user = facts["posixUser"]
    return f"{facts['rootDirectory']}, user {user['Uid']}:{user['Gid']}" if user else str(facts["rootDirectory"])


_KINDS: Mapping[str, tuple[str, str, Callable[[Facts], str]]] = {
    "vpcs": (
        "network",
        "id",
        lambda facts: (
            f"{facts['cidr']}, {facts['subnets']} subnets in {', '.join(facts['zones'])}, "
            f"{facts['natGateways']} NAT gateway{'' if facts['natGateways'] == 1 else 's'}"
        ),
    ),
    "buckets": ("bucket", "name", lambda facts: f"encryption {facts['encryption']}, versioning {facts['versioning']}"),
    "fileSystems": (
        "file system",
        "id",
        lambda facts: f"{_throughput(facts)}, {facts['availabilityZone'] or 'Regional'}, {facts['state']}",
    ),
    "mountTargets": ("mount target", "id", lambda facts: f"{facts['zone']}, {facts['ip']}"),
    "accessPoints": ("access point", "id", _user),
    "computeEnvironments": (
        "compute environment",
        "name",
        lambda facts: f"{facts['type']}, up to {facts['maxvCpus']} vCPUs, {facts['status']}",
    ),
    "jobQueues": (
        "job queue",
        "name",
        lambda facts: f"runs on {', then '.join(facts['computeEnvironments'])}, {facts['status']}",
    ),
    "jobDefinitions": (
        "job definition",
        "name",
        lambda facts: (
            f"{', '.join(facts['platform'])}, {facts['image']}, mounts {', '.join(facts['mounts']) or 'nothing'}"
        ),
    ),
}


def print_stack(facts: Facts) -> None:
    """Print a stack and a line for each thing it made."""
    rows = [
        (title, str(thing[name]), describe(thing))
        for kind, (title, name, describe) in _KINDS.items()
        for thing in facts[kind]
    ]
    typer.echo(f"\n{facts['stack']} ({facts['status']})")
    print_table(("what", "name", "details"), rows)
