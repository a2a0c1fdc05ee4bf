"""Rectangles, lines, and the picture made of them, in inches from the upper left corner."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Rect:
    """A rectangle: its upper left corner and its size."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """The right side."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """The lower side."""
        return self.y + self.height

    def at(self, part: float) -> float:
        """A height: 0 is the upper side, 1 the lower."""
        return self.y + part * self.height

    def at_x(self, part: float) -> float:
        """A distance from the left: 0 is the left side, 1 the right."""
        return self.x + part * self.width


@dataclass(frozen=True)
class Line:
    """An arrow, or the part of one that arrows share.

    Attributes:
        kind: `submits`, `runs on`, `mounts`, `objects` or `routes`.
        points: Its corners.
        head: Whether it ends in an arrow head.
        label: What is written on it.
        label_at: Where.
    """

    kind: str
    points: tuple[tuple[float, float], ...]
    head: bool = True
    label: str = ""
    label_at: tuple[float, float] = (0.0, 0.0)


@dataclass
class Layout:
    """The picture, without a way to draw it."""

    boxes: dict[str, Rect] = field(default_factory=dict)
    frames: dict[str, Rect] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    texts: dict[str, tuple[str, ...]] = field(default_factory=dict)
    width: float = 0.0
    height: float = 0.0
