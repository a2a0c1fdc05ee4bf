"""The arrows of a layout whose boxes have their places: horizontal and vertical pieces; those of a kind share one."""

from __future__ import annotations

from collections.abc import Iterator

from .architecture import CLIENT, Architecture
from .geometry import Layout, Line, Rect

_BEFORE_QUEUES = 0.24
_OBJECTS_FROM, _MOUNTS_FROM = 0.72, 0.3  # of the height of an environment
_TRUNK = 0.2
_ABOVE = 0.05


def arrows_of(architecture: Architecture, layout: Layout, lane: float) -> Iterator[Line]:
    """Yield the lines of a picture.

    Args:
        architecture: The edges.
        layout: The boxes and frames.
        lane: The height at which the way to S3 runs below all environments.
    """
    arrows = _Arrows(architecture, layout, lane)
    yield from arrows.submissions()
    yield from arrows.runs()
    yield from arrows.mounts()
    yield from arrows.objects()
    yield from arrows.links()
    yield from arrows.routes()


class _Arrows:
    def __init__(self, architecture: Architecture, layout: Layout, lane: float) -> None:
        self.architecture, self.boxes, self.frames, self.lane = architecture, layout.boxes, layout.frames, lane
        self.kinds = {node.id: node.kind for node in architecture.nodes}

    def submissions(self) -> Iterator[Line]:
        """The client to the right; the environments below themselves, along the left of the queues."""
        targets: dict[str, list[Rect]] = {}
        for edge in self.architecture.edges_of("submits"):
            targets.setdefault(edge.source, []).append(self.boxes[edge.target])
        for source, queues in targets.items():
            box = self.boxes[source]
            if source == CLIENT:
                for queue in queues:
                    y = queue.at(0.5)
                    middle = (box.right + queue.x) / 2
                    yield Line("submits", ((box.right, y), (queue.x, y)), True, "submits", (middle, y - _ABOVE))
                continue
            x, below = min(queue.x for queue in queues) - _BEFORE_QUEUES, box.bottom + 0.17
            start = box.x + 0.35
            label_at = ((x + min(queue.right for queue in queues)) / 2, below - _ABOVE)
            last = max(queue.at(0.5) for queue in queues)
            trunk = ((start, box.bottom), (start, below), (x, below), (x, last))
            yield Line("submits", trunk, False, "submits tasks", label_at)
            for queue in queues:
                yield Line("submits", ((x, queue.at(0.5)), (queue.x, queue.at(0.5))))

    def runs(self) -> Iterator[Line]:
        """From each queue to the right."""
        for edge in self.architecture.edges_of("runs on"):
            queue, environment = self.boxes[edge.source], self.boxes[edge.target]
            y, into = queue.at(0.5), environment.at(0.5)
            middle = (queue.right + environment.x) / 2
            corners = ((queue.right, y), (middle, y), (middle, into), (environment.x, into))
            yield Line("runs on", corners if y != into else ((queue.right, y), (environment.x, y)))

    def mounts(self) -> Iterator[Line]:
        """From each environment to the right."""
        edges = sorted(self.architecture.edges_of("mounts"), key=lambda edge: self.boxes[edge.source].y)
        for index, edge in enumerate(edges):
            environment, file_system = self.boxes[edge.source], self.boxes[edge.target]
            y = environment.at(_MOUNTS_FROM)
            into = min(max(y, file_system.y + 0.1), file_system.bottom - 0.1)
            middle = file_system.x - _TRUNK
            points = ((environment.right, y), (middle, y), (middle, into), (file_system.x, into))
            label = "" if index else "mounts"
            label_at = ((environment.right + _TRUNK + file_system.x) / 2 + 0.02, y - _ABOVE)
            yield Line("mounts", points if y != into else (points[0], points[-1]), True, label, label_at)

    def objects(self) -> Iterator[Line]:
        """Down a trunk beside the environments, along the lane, and up and down another to the buckets."""
        edges = [edge for edge in self.architecture.edges if self._is(edge.source, "environment")]
        edges = [edge for edge in edges if self._is(edge.target, "bucket")]
        if not edges:
            return
        sources = [self.boxes[id] for id in dict.fromkeys(edge.source for edge in edges)]
        buckets = [self.boxes[id] for id in dict.fromkeys(edge.target for edge in edges)]
        trunk = max(box.right for box in sources) + _TRUNK
        highest = min(box.at(_OBJECTS_FROM) for box in sources)
        fork = min(bucket.x for bucket in buckets) - _TRUNK
        for box in sources:
            y = box.at(_OBJECTS_FROM)
            yield Line("objects", ((box.right, y), (trunk, y)), head=False)
        points = ((trunk, highest), (trunk, self.lane), (fork, self.lane))
        yield Line("objects", points, False, "S3 objects", (trunk + 0.45, self.lane - _ABOVE))
        for bucket in buckets:
            into = bucket.at(0.5)
            yield Line("objects", ((fork, self.lane), (fork, into), (bucket.x, into)))

    def links(self) -> Iterator[Line]:
        """From file systems to the buckets whose objects they show."""
        for edge in self.architecture.edges:
            if self._is(edge.source, "filesystem") and self._is(edge.target, "bucket"):
                source, target = self.boxes[edge.source], self.boxes[edge.target]
                y = min(max(target.at(0.25), source.y + 0.1), source.bottom - 0.1)
                into = min(max(y, target.at(0.12)), target.at(0.38))
                turn = target.x - 2 * _TRUNK
                points = ((source.right, y), (turn, y), (turn, into), (target.x, into))
                yield Line("mounts", points if y != into else (points[0], points[-1]))

    def routes(self) -> Iterator[Line]:
        """From frames down to the gateways in the next one, and from gateway to gateway."""
        for edge in self.architecture.edges_of("routes"):
            target = self.boxes.get(edge.target)
            source = self.boxes.get(edge.source)
            frame = self.frames.get(edge.source)
            if target is None or self._is(edge.target, "endpoint"):
                continue
            if source is not None:
                y = source.at(0.5)
                yield Line("routes", ((source.x, y), (target.right, y)))
            elif frame is not None and target.y > frame.bottom and target.x >= frame.x:
                x = target.at_x(0.5)
                yield Line("routes", ((x, frame.bottom), (x, target.y)))
            elif frame is not None and target.x < frame.x:
                y = target.at(0.5)
                if frame.y < y < frame.bottom:
                    yield Line("routes", ((frame.x, y), (target.right, y)))

    def _is(self, id: str, kind: str) -> bool:
        return self.kinds.get(id) == kind
