"""The nodes and edges of a context."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from workflow_context.models.cfn import Resource, Stacks, Template

from .boxes import SHOWN_BY_ARROWS, Box, Part, box_of, part_of
from .graph import Edge, Node
from .jobs import Jobs
from .network import Network
from .rights import Place, Rights, place_of

CLIENT = "client"
_KINDS_THAT_NEED_AN_ARROW = ("bucket",)
_LAST_WORDS = {"AWS::Batch::JobQueue": 2, "AWS::Batch::ComputeEnvironment": 2, "AWS::S3::Bucket": 2}


@dataclass(frozen=True)
class Architecture:
    """What was synthesized for a context.

    Attributes:
        stacks: The names of the stacks.
        nodes: The boxes.
        edges: The arrows.
        not_drawn: How many resources of each type are in the stacks and neither in a box nor behind an arrow.
    """

    stacks: tuple[str, ...]
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    not_drawn: Mapping[str, int]

    def of_kind(self, *kinds: str) -> list[Node]:
        """Return the nodes of some kinds."""
        return [node for node in self.nodes if node.kind in kinds]

    def edges_of(self, relation: str) -> list[Edge]:
        """Return the edges of a relation."""
        return [edge for edge in self.edges if edge.relation == relation]

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "stacks": list(self.stacks),
            "nodes": [node.as_dict() for node in self.nodes],
            "edges": [edge.as_dict() for edge in self.edges],
            "notDrawn": dict(self.not_drawn),
        }


def architecture_of(templates: Mapping[str, Template]) -> Architecture:
    """Read the architecture out of synthesized templates.

    Args:
        templates: The template of each stack, by the stack's name.
    """
    return _Reader(Stacks(templates)).architecture(tuple(templates))


class _Reader:
    def __init__(self, stacks: Stacks) -> None:
        self.stacks = stacks
        self.rights = Rights(stacks)
        self.jobs = Jobs(stacks, self.rights)
        self.network = Network(stacks)
        self.parts: dict[str, list[tuple[Resource, Part]]] = {}
        for resource in stacks:
            if (part := part_of(resource)) is not None:
                for whole in stacks.referred(resource.get(part.whole)):
                    self.parts.setdefault(whole, []).append((resource, part))

    def architecture(self, names: tuple[str, ...]) -> Architecture:
        edges = list(dict.fromkeys(self._edges()))
        ends = {end for edge in edges for end in (edge.source, edge.target)}
        boxes = [
            self._node(resource, box)
            for resource in self.stacks
            if (box := box_of(resource)) and resource.id not in self.jobs.of_others
        ]
        drawn = [node for node in boxes if node.kind not in _KINDS_THAT_NEED_AN_ARROW or node.id in ends]
        nodes = [*drawn, *self.network.nodes()]
        known = {node.id for node in nodes}
        nodes += [_outside(id) for id in dict.fromkeys(end for edge in edges for end in _ends(edge)) if id not in known]
        return Architecture(names, tuple(nodes), tuple(edges), self._not_drawn({node.id for node in drawn}))

    def _node(self, resource: Resource, box: Box) -> Node:
        parts = self.parts.get(resource.id, [])
        told = Counter(detail for each, part in parts for detail in part.details(each))
        details = [
            *box.details(resource),
            *(f"{count} {detail}s" if count > 1 else detail for detail, count in told.items()),
        ]
        runs = [
            _job(definition) for definition in self.jobs.definitions if resource.id in self.jobs.places[definition.id]
        ]
        inside = self.network.of(resource.get("ComputeResources", "Subnets") or resource.get("SubnetId"))
        inside = inside or next(
            (self.network.of(each.get("SubnetId")) for each, _ in parts if each.get("SubnetId")), ""
        )
        inside = inside or self.network.of(resource.get("SubnetIds"))
        inside = inside or next(iter(self.stacks.referred(resource.get("VpcId"))), "")
        return Node(resource.id, box.kind, box.name or _name(resource), resource.type, (*details, *runs), inside)

    def _edges(self) -> Iterator[Edge]:
        into = {queue for _, queue in self.jobs.submissions}
        yield from (Edge(CLIENT, queue.id, "submits") for queue in self.jobs.queues if queue.id not in into)
        yield from (Edge(environment, queue, "submits") for environment, queue in self.jobs.submissions)
        for queue, environments in self.jobs.runs_on.items():
            yield from (Edge(queue, environment, "runs on") for environment in environments)
        yield from self._mounts()
        yield from self._objects()
        yield from self._links()
        yield from self.network.edges()

    def _mounts(self) -> Iterator[Edge]:
        """Who mounts what: by the volumes of job definitions, and by the security groups that let machines in."""
        for definition in self.jobs.definitions:
            for volume in definition.get("ContainerProperties", "Volumes") or ():
                for file_system in self._file_systems(volume):
                    for environment in self.jobs.places[definition.id]:
                        yield Edge(environment, file_system, "mounts")
        behind, existing = self._groups_of_file_systems(), self._existing_file_systems()
        for group, source in self._ingress():
            reached = behind.get(group, []) if self.stacks.get(group) else existing
            for machines in self.jobs.environments:
                if source in self.stacks.referred(machines.get("ComputeResources", "SecurityGroupIds")):
                    yield from (Edge(machines.id, file_system, "mounts") for file_system in reached)

    def _existing_file_systems(self) -> list[str]:
        """The file systems that job definitions mount and no stack makes."""
        volumes = [
            volume for each in self.jobs.definitions for volume in each.get("ContainerProperties", "Volumes") or ()
        ]
        return [id for volume in volumes for id in self._file_systems(volume) if not self.stacks.get(id)]

    def _file_systems(self, volume: Any) -> Iterator[str]:
        """The file systems that a volume names: of the stacks, or one that exists."""
        named = [id for id in self.stacks.referred(volume) if self._is_file_system(id)]
        yield from named
        for settings in volume.values():
            id = settings.get("FileSystemId") if isinstance(settings, Mapping) else None
            if id and not named and not str(id).startswith("<"):
                yield str(id)

    def _is_file_system(self, id: str) -> bool:
        resource = self.stacks.get(id)
        box = box_of(resource) if resource is not None else None
        return box is not None and box.kind == "filesystem"

    def _groups_of_file_systems(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for resource in self.stacks:
            if self._is_file_system(resource.id):
                for holder in (resource, *(each for each, _ in self.parts.get(resource.id, ()))):
                    groups = [holder.get("SecurityGroups"), holder.get("SecurityGroupIds")]
                    for group in self.stacks.referred(groups):
                        found.setdefault(group, []).append(resource.id)
        return found

    def _ingress(self) -> Iterator[tuple[str, str]]:
        for rule in self.stacks.of_type("AWS::EC2::SecurityGroupIngress"):
            group = next(iter(self.stacks.referred(rule.get("GroupId"))), str(rule.get("GroupId")))
            yield from ((group, source) for source in self.stacks.referred(rule.get("SourceSecurityGroupId")))
        for group_made in self.stacks.of_type("AWS::EC2::SecurityGroup"):
            for inline in group_made.get("SecurityGroupIngress") or ():
                yield from ((group_made.id, source) for source in self.stacks.referred(inline))

    def _objects(self) -> Iterator[Edge]:
        for environment, roles in self.jobs.roles.items():
            for place, relation in self.rights.objects(roles).items():
                yield Edge(environment, place.bucket, relation, place.prefix)

    def _links(self) -> Iterator[Edge]:
        for resource in self.stacks:
            box = box_of(resource)
            if box is not None:
                links = list(box.links(resource))
                for each, part in self.parts.get(resource.id, ()):
                    links += part.links(each)
                for relation, address in links:
                    bucket, _, prefix = address.removeprefix("s3://").partition("/")
                    place = place_of(address) or Place(f"s3://{bucket}", prefix)
                    yield Edge(resource.id, place.bucket, relation, place.prefix)

    def _not_drawn(self, drawn: set[str]) -> dict[str, int]:
        hidden = (
            resource.type
            for resource in self.stacks
            if resource.id not in {*drawn, *self.jobs.of_others}
            and part_of(resource) is None
            and resource.type not in SHOWN_BY_ARROWS
        )
        return dict(sorted(Counter(hidden).items()))


def _ends(edge: Edge) -> tuple[str, str]:
    return edge.source, edge.target


def _outside(id: str) -> Node:
    """A node for what no stack makes."""
    if id == CLIENT:
        return Node(id, "client", "your client")
    if id.startswith("s3://"):
        return Node(id, "bucket", id)
    return Node(id, "filesystem", "existing file system", details=(id,))


def _name(resource: Resource) -> str:
    words = resource.words
    of_kind = next((at + 2 for at in range(len(words)) if words[at : at + 2] == ["Compute", "Machines"]), None)
    start = -_LAST_WORDS.get(resource.type, 2) if of_kind is None else of_kind
    return " ".join(words[start:]).lower()


def _job(definition: Resource) -> str:
    """A job that an environment runs: what it is called, and its image."""
    words = definition.words
    image = str(definition.get("ContainerProperties", "Image") or "").rpartition("/")[2]
    name = " ".join(words[-2:] if words[-1] == "Job" else words[-1:]).lower()
    return f"{name}: {image}" if image else name
