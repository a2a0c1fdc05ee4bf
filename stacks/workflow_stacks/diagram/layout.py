"""Where the boxes and arrows stand, in inches from the upper left corner.

Columns from left to right: the client, the queues, the VPC with environments and file systems, the buckets. Each queue
stands in the row of the environment it runs on. Arrows are made of horizontal and vertical pieces.
"""

from __future__ import annotations

from textwrap import wrap

from .architecture import CLIENT, Architecture
from .arrows import arrows_of
from .geometry import Layout, Rect
from .graph import Node

LETTER = 0.071
LINE = 0.165
NAME = 0.2
PADDING = 0.09

_TOP = 0.55
_CLIENT, _QUEUE, _ENVIRONMENT, _FILESYSTEM, _BUCKET = 0.95, 1.28, 1.75, 1.78, 1.95
_ROW_GAP = 0.34
_MARGIN = 0.14
_TITLE = 0.27
_GATEWAY = (1.25, 0.38)
_GATEWAY_FROM_LEFT = 1.5  # beside the words of the frame
_LANE = 0.4


def layout_of(architecture: Architecture) -> Layout:
    """Find a place for everything."""
    return _Placing(architecture).run()


class _Placing:
    def __init__(self, architecture: Architecture) -> None:
        self.architecture = architecture
        self.nodes = {node.id: node for node in architecture.nodes}
        self.layout = Layout()
        self.file_systems = architecture.of_kind("filesystem")
        self.buckets = architecture.of_kind("bucket")
        self.clients = [edge.target for edge in architecture.edges_of("submits") if edge.source == CLIENT]

    def run(self) -> Layout:
        left = 0.1
        self.queue_x = left + _CLIENT + 0.66
        self.vpc_x = self.queue_x + _QUEUE + 0.26
        self.environment_x = self.vpc_x + 2 * _MARGIN
        self.file_system_x = self.environment_x + _ENVIRONMENT + 0.7
        inner = self.file_system_x + _FILESYSTEM if self.file_systems else self.environment_x + _ENVIRONMENT + 1.35
        self.vpc_right = inner + 2 * _MARGIN
        self.bucket_x = self.vpc_right + 0.95
        rows_bottom = self._rows()
        self.lane = rows_bottom + _LANE
        self._column_of_file_systems(rows_bottom)
        frame_bottom = self._frames(self.lane + 0.3)
        buckets_bottom = self._column_of_buckets()
        self._client(left)
        self._arrows()
        self.layout.width = self.bucket_x + _BUCKET + 0.1
        self.layout.height = max(frame_bottom, buckets_bottom) + 0.5
        return self.layout

    def _put(self, node: Node, x: float, y: float, width: float, *more: str, least: float = 0.0) -> Rect:
        letters = int((width - 2 * PADDING) / LETTER)
        lines = [piece for text in (*node.details, *more) for piece in wrap(text, letters, break_on_hyphens=False)]
        self.layout.texts[node.id] = tuple(lines)
        height = max(least, 2 * PADDING + NAME + LINE * len(lines))
        self.layout.boxes[node.id] = rect = Rect(x, y, width, height)
        return rect

    def _rows(self) -> float:
        """Environments and, beside the first one of each, its queue; those that clients use come first."""
        y = _TOP + 2 * (_TITLE + 0.04)
        order = sorted(self.architecture.edges_of("runs on"), key=lambda edge: edge.source not in self.clients)
        for edge in order:
            if edge.target not in self.layout.boxes:
                y = self._put(self.nodes[edge.target], self.environment_x, y, _ENVIRONMENT).bottom + _ROW_GAP
        for edge in order:
            if edge.source not in self.layout.boxes:
                beside = self.layout.boxes[edge.target]
                height = 2 * PADDING + NAME
                self._put(self.nodes[edge.source], self.queue_x, beside.at(0.5) - height / 2, _QUEUE)
        return y - _ROW_GAP

    def _column_of_file_systems(self, bottom: float) -> None:
        top = _TOP + 2 * (_TITLE + 0.04)
        each = (bottom - top - _ROW_GAP * (len(self.file_systems) - 1)) / max(1, len(self.file_systems))
        for index, node in enumerate(self.file_systems):
            y = top + index * (each + _ROW_GAP)
            self.lane = max(self.lane, self._put(node, self.file_system_x, y, _FILESYSTEM, least=each).bottom + _LANE)

    def _frames(self, bottom: float) -> float:
        """The frames of subnets and of the VPC, and the gateways."""
        homes = [self.nodes[id].inside for id in self.layout.boxes if self.nodes[id].inside in self.nodes]
        home = homes[0] if homes else ""
        top = _TOP + _TITLE + 0.04
        x, width = self.vpc_x + _MARGIN, self.vpc_right - self.vpc_x - 2 * _MARGIN
        if home:
            self.layout.frames[home] = Rect(x, top, width, bottom - top)
            bottom += _MARGIN
        gateways = self.architecture.of_kind("gateway")
        reached = self._reached(home)
        for node in gateways:
            if node.id in reached and node.inside in self.nodes:
                frame = Rect(x, bottom, width, _GATEWAY[1] + 0.32)
                self.layout.frames[node.inside] = frame
                self._put(node, self.environment_x + _GATEWAY_FROM_LEFT, frame.y + 0.16, _GATEWAY[0])
                bottom = frame.bottom + _MARGIN
        outer = [node for node in gateways if node.id in reached and node.inside not in self.nodes]
        for index, node in enumerate(outer):
            y = self._beside_what_leads_here(node, bottom) + index * (_GATEWAY[1] + 0.1)
            self._put(node, self.queue_x + _QUEUE - 1.5, y, 1.5)
            bottom = max(bottom, y + _GATEWAY[1] + _MARGIN)
        vpc = next((id for id, node in self.nodes.items() if node.kind == "network"), "")
        if vpc:
            self.layout.frames[vpc] = Rect(self.vpc_x, _TOP, self.vpc_right - self.vpc_x, bottom - _TOP)
        for node in self.architecture.of_kind("endpoint"):
            if node.id in reached:
                self._put(node, self.vpc_right - 0.58, self.lane - 0.27, 1.16)
        return bottom

    def _beside_what_leads_here(self, gateway: Node, default: float) -> float:
        for edge in self.architecture.edges_of("routes"):
            if edge.target == gateway.id and edge.source in self.layout.boxes:
                return self.layout.boxes[edge.source].y
        return default - _GATEWAY[1] - 0.3

    def _reached(self, home: str) -> set[str]:
        """What the default routes lead to, from the subnets of the environments on."""
        reached, before = {home}, set[str]()
        while reached != before:
            before = set(reached)
            reached |= {edge.target for edge in self.architecture.edges_of("routes") if edge.source in before}
        return reached

    def _column_of_buckets(self) -> float:
        y = _TOP + _TITLE + 0.04
        for node in self.buckets:
            y = self._put(node, self.bucket_x, y, _BUCKET, *self._users(node)).bottom + _ROW_GAP
        return y - _ROW_GAP

    def _users(self, bucket: Node) -> list[str]:
        """Who does what with a bucket: each place, and below it a line for each right."""
        rows = list(self.layout.boxes)
        edges = [edge for edge in self.architecture.edges if edge.target == bucket.id]
        told: dict[str, dict[str, list[str]]] = {}
        for edge in sorted(edges, key=lambda edge: (edge.at, rows.index(edge.source))):
            rights = told.setdefault(edge.at, {})
            rights.setdefault(edge.relation, []).append(self.nodes[edge.source].name.removesuffix(" environment"))
        return [
            line
            for at, rights in told.items()
            for line in (shortened(at) or "all objects:", *(_sentence(who, what) for what, who in rights.items()))
        ]

    def _client(self, x: float) -> None:
        for edge in self.architecture.edges_of("submits"):
            if edge.source == CLIENT and CLIENT not in self.layout.boxes:
                queue = self.layout.boxes[edge.target]
                self._put(self.nodes[CLIENT], x, queue.y, _CLIENT, least=queue.height)

    def _arrows(self) -> None:
        self.layout.lines = list(arrows_of(self.architecture, self.layout, self.lane))


def shortened(place: str) -> str:
    """Return a prefix in one line of a bucket's box."""
    most = int((_BUCKET - 2 * PADDING) / LETTER) - 1
    half = (most - 1) // 2
    return f"{place if len(place) <= most else f'{place[:half]}…{place[-half:]}'}:" if place else ""


def _sentence(who: list[str], what: str) -> str:
    """Say who does what: `head reads and writes`, `task, fallback read`."""
    verbs = what.split(" and ") if len(who) > 1 else [what]
    return f"{', '.join(who)} {' and '.join(verb.removesuffix('s') if len(who) > 1 else verb for verb in verbs)}"
